"""Does any way of treating rare classes help? Arms of equal steps, on real test images.

Usage:
    python benchmarks/augmentation_arms.py --run runs/first --weights MOBILENET.h5 \
        --generators.sngan runs/sngan --generators.cyclegan runs/cyclegan

Every arm trains the same small classifier for the same number of steps; an arm differs
from "none" in one thing. A training that has its predictions already is not done again.
"""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from jsonargparse import auto_cli
from rich.console import Console
from rich.table import Table

from keras_derm import classifiers, generative, jobs
from keras_derm.catalog import get_task, read_image
from keras_derm.files import write_csv
from keras_derm.jobs.prepared_images import resized_images
from keras_derm.layers.presets import augmentation
from keras_derm.pipeline import PreparedImages
from keras_derm.runs import RunDirectory

BACKBONE = "MobileNetV2"
FROZEN_UNTIL = "block_2_add"
PLAIN_ARMS = ("none", "class_weights", "oversampling", "classical", "random_copies")
N_EPOCHS = 2
CLASSICAL = "keras_derm"


def main(
    run: str,
    generators: dict[str, str] | None = None,
    weights: str | None = None,
    out: str = "runs/augmentation_arms",
    seeds: int = 3,
    n_steps: int = 400,
    batch_size: int = 32,
    image_size: int = 64,
    learning_rate: float = 1e-3,
    arms: list[str] | None = None,
) -> None:
    """Train every arm with every seed and compare them with "none".

    Args:
        run: Run directory with prepared images.
        generators: Runs with synthetic images, by name; each is an arm that adds its
            images, and those of noise an arm, NAME_only, that sees no real image.
        weights: ImageNet weights of MobileNetV2 without the top: a path, or imagenet.
        out: Where predictions and comparison go.
        seeds: Trainings of each arm.
        n_steps: Optimizer steps of every training.
        batch_size: Images a step.
        image_size: Side in pixels: that of the synthetic images, so that no image has
            been enlarged.
        learning_rate: Peak of the schedule.
        arms: Only these; all by default.
    """
    run, out = RunDirectory(run), Path(out)
    generators = {name: RunDirectory(path) for name, path in (generators or {}).items()}
    task = get_task("diagnosis8").present_in(run.catalog.split("train"))
    sets = {
        split: _real(run, task, split, image_size) for split in ("train", "val", "test")
    }
    recipes = _recipes(sets["train"], task, generators)
    settings = {
        "n_steps": n_steps,
        "batch_size": batch_size,
        "image_size": image_size,
        "learning_rate": learning_rate,
        "weights": weights,
    }
    chosen = arms or list(recipes)
    files = {
        arm: [out / f"{arm}_{seed}_test.csv" for seed in range(seeds)] for arm in chosen
    }
    for seed in range(seeds):
        for arm in chosen:
            if not files[arm][seed].is_file():
                print(f"{arm}, seed {seed}", flush=True)
                _train(arm, seed, recipes[arm](), sets, task, out, settings)
    predictions = {arm: [str(path) for path in paths] for arm, paths in files.items()}
    jobs.compare(
        str(out),
        predictions=predictions,
        data=str(run / "catalog.csv"),
        reference="none",
    )
    _print(pd.read_csv(out / "compare.csv"))


def _real(run, task, split, image_size):
    """Real images of a split at the size of the classifier, and their classes."""
    catalog = run.catalog.where(task.covers(run.catalog)).split(split).require_real()
    prepared = PreparedImages.load(run / "prepared/real")
    images = resized_images(prepared, catalog, image_size)(np.arange(len(catalog)))
    return {"images": images, "targets": task.targets(catalog), "catalog": catalog}


def _recipes(train, task, generators):
    """Of each arm a function that gives images, classes, chances and weights."""
    images, targets = train["images"], train["targets"]
    n_classes = len(task.classes)

    def arm(
        images=images, targets=targets, balanced=False, weighted=False, layers=None
    ):
        weight = classifiers.class_weights(targets, n_classes)[targets]
        return {
            "images": images,
            "targets": targets,
            "chances": weight / weight.sum() if balanced else None,
            "weights": weight if weighted else np.ones(len(targets), "float32"),
            "layers": layers,
        }

    def with_copies(seed=0):
        deficits = generative.cell_deficits(train["catalog"], *_targets(generators))
        wanted = deficits.groupby("diagnosis", observed=True)["make"].sum()
        generator = np.random.default_rng(seed)
        diagnoses = train["catalog"].table["diagnosis"].to_numpy(str)
        rows = np.concatenate(
            [
                generator.choice(np.flatnonzero(diagnoses == name), n)
                for name, n in wanted.items()
            ]
        )
        return arm(
            np.concatenate([images, images[rows]]),
            np.concatenate([targets, targets[rows]]),
        )

    def with_synthetic(run):
        catalog = run.synthetic_catalog
        made = np.stack([read_image(path) for path in catalog.paths])
        return arm(
            np.concatenate([images, made]),
            np.concatenate([targets, task.targets(catalog)]),
        )

    def synthetic_only(run):
        model = keras.models.load_model(generative.best_model_file(run / "generator"))
        conditions = generative.condition_indices(train["catalog"])
        return arm(model.sample(conditions, seed=0), targets)

    recipes = {
        "none": arm,
        "class_weights": partial(arm, weighted=True),
        "oversampling": partial(arm, balanced=True),
        "classical": partial(arm, layers=CLASSICAL),
        "random_copies": with_copies,
    }
    for name, run in generators.items():
        recipes[name] = partial(with_synthetic, run)
    for name, run in generators.items():
        if run.settings("generator")["model"] != "cyclegan":
            recipes[f"{name}_only"] = partial(synthetic_only, run)
    return recipes


def _targets(generators):
    """What the generators' runs were asked for, so that copies are as many."""
    if not generators:
        return 700, 3.0
    settings = next(iter(generators.values())).settings("synthetic")
    return settings["target_per_diagnosis"], settings["max_ratio"]


def _train(arm, seed, recipe, sets, task, out, settings):
    """Train one classifier, keep the epoch of the best validation AUC, predict."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    n_classes, side = len(task.classes), settings["image_size"]
    model = classifiers.build_classifier(
        BACKBONE, n_classes, side, settings["weights"], batch_norm_momentum=0.9
    )
    if settings["weights"]:
        classifiers.freeze(model, FROZEN_UNTIL)
    model = classifiers.train_classifier(
        model,
        _batches(recipe, n_classes, settings["batch_size"], seed),
        _whole(sets["val"], n_classes),
        out / "trainings" / f"{arm}_{seed}",
        epochs=N_EPOCHS,
        steps_per_epoch=settings["n_steps"] // N_EPOCHS,
        learning_rate=settings["learning_rate"],
    )
    for split in ("val", "test"):
        scores = classifiers.predict_probabilities(
            model, _whole(sets[split], n_classes)
        )
        frame = pd.DataFrame(scores, columns=list(task.classes))
        frame.insert(0, "isic_id", sets[split]["catalog"].table["isic_id"].to_numpy())
        write_csv(out / f"{arm}_{seed}_{split}.csv", frame)


def _batches(recipe, n_classes, batch_size, seed):
    """Endless batches; batch t is a function of the seed and t."""
    images, targets, weights = recipe["images"], recipe["targets"], recipe["weights"]
    one_hot = keras.utils.to_categorical(targets, n_classes).astype("float32")
    layers = augmentation(recipe["layers"], seed) if recipe["layers"] else []

    def draw(step):
        generator = np.random.default_rng([seed, int(step)])
        rows = generator.choice(len(targets), batch_size, p=recipe["chances"])
        return images[rows].astype("float32"), one_hot[rows], weights[rows]

    def load(step):
        batch = tf.numpy_function(draw, [step], (tf.float32,) * 3)
        shapes = (images.shape[1:], (n_classes,), ())
        x, *rest = (
            tf.ensure_shape(part, (batch_size, *shape))
            for part, shape in zip(batch, shapes, strict=True)
        )
        for layer in layers:
            x = layer(x, training=True)
        return (x, *rest)

    return tf.data.Dataset.range(np.iinfo("int64").max).map(load).prefetch(2)


def _whole(part, n_classes):
    one_hot = keras.utils.to_categorical(part["targets"], n_classes)
    dataset = tf.data.Dataset.from_tensor_slices((part["images"], one_hot))
    return dataset.batch(128).map(lambda x, y: (tf.cast(x, tf.float32), y))


def _print(table):
    """Headline metrics of every arm on all test images."""
    shown = Table(title="All test images: value, and difference from none (95 %)")
    metrics = ("balanced_accuracy", "macro_auc")
    for name in ("arm", *metrics):
        shown.add_column(name.replace("_", " "))
    whole = table[(table["stratum"] == "all") & table["metric"].isin(metrics)]
    for arm, rows in whole.groupby("arm", sort=False):
        rows = rows.set_index("metric")
        shown.add_row(arm, *(_cell(rows.loc[metric]) for metric in metrics))
    Console().print(shown)


def _cell(row):
    text = f"{row['value']:.3f}"
    if pd.isna(row["difference"]):
        return text
    low, high = row["difference_low"], row["difference_high"]
    return f"{text}  {row['difference']:+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    auto_cli(main, as_positional=False)

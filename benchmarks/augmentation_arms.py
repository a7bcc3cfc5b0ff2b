"""Does any way of treating rare classes help? Arms of equal steps, on real test images.

Usage:
    python benchmarks/augmentation_arms.py --run runs/first --weights MOBILENET.h5 \
        --generators.sngan runs/sngan --generators.cyclegan runs/cyclegan

Every arm trains the same small classifier for the same number of steps; an arm differs
from "none" in one thing. The classifier is MobileNetV2 whose first fifteen blocks stay
as ImageNet left them: what they make of an image is computed once, so that many
trainings are done in minutes. A training that has its predictions is not done again.
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

from keras_derm import classifiers, generative, jobs, training
from keras_derm.catalog import get_task, read_image
from keras_derm.files import write_csv
from keras_derm.jobs.train_generator import built_generator
from keras_derm.layers import augmentation
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.report import interval_cell
from keras_derm.runs import RunDirectory
from keras_derm.settings import SynthesizeSettings, TrainGeneratorSettings

BACKBONE = "MobileNetV2"
FROZEN_UNTIL = "block_15_add"
N_EPOCHS = 3
CLASSICAL = "keras_derm"
N_VERSIONS = 8


def main(
    run: str = "runs/augmentation_arms",
    data: str = "phantom:n=480,seed=7,size=128",
    generators: dict[str, str] | None = None,
    weights: str | None = None,
    out: str | None = None,
    seeds: int = 3,
    n_steps: int = 600,
    batch_size: int = 32,
    image_size: int = 64,
    learning_rate: float = 1e-3,
    arms: list[str] | None = None,
) -> None:
    """Train every arm with every seed and compare them with "none".

    Args:
        run: Run directory with prepared images; they are made where they are not there.
        data: Data source READER:PATH to make them of.
        generators: Runs with synthetic images, by name; each is an arm that adds its
            images, and those of noise an arm, NAME_only, that sees no real image.
        weights: ImageNet weights of MobileNetV2 without the top: a path, or imagenet.
            Without them the fixed blocks are random, and the figures mean little.
        out: Where predictions and comparison go; RUN/arms by default.
        seeds: Trainings of each arm.
        n_steps: Optimizer steps of every training.
        batch_size: Images a step.
        image_size: Side in pixels: that of the synthetic images, so that no image has
            been enlarged.
        learning_rate: Peak of the schedule.
        arms: Only these; all by default.
    """
    run = RunDirectory(run)
    if not run.done("prepare_dataset"):
        jobs.run_stage("audit_skin_tone", run.path, data=data)
        jobs.run_stage("prepare_dataset", run.path, image_size=96)
    out = Path(out or run / "arms")
    generators = {name: RunDirectory(path) for name, path in (generators or {}).items()}
    task = get_task("diagnosis8").present_in(run.catalog.split("train"))
    trunk, _ = _classifier(len(task.classes), image_size, weights)
    sets = {
        split: _real(run, task, split, image_size, trunk)
        for split in ("train", "val", "test")
    }
    recipes = _recipes(sets["train"], task, generators, trunk)
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
    for arm in chosen:
        todo = [seed for seed in range(seeds) if not files[arm][seed].is_file()]
        recipe = recipes[arm]() if todo else None
        for seed in todo:
            print(f"{arm}, seed {seed}", flush=True)
            _train(arm, seed, recipe, sets, task, out, settings)
    predictions = {arm: [str(path) for path in paths] for arm, paths in files.items()}
    jobs.run_stage(
        "compare",
        out,
        predictions=predictions,
        data=str(run.catalog_file),
        reference="none",
    )
    _print(pd.read_csv(out / "compare.csv"))


def _classifier(n_classes, image_size, weights):
    """A new classifier in two parts: images to features, features to probabilities."""
    model = classifiers.build_classifier(
        BACKBONE, n_classes, image_size, weights, batch_norm_momentum=0.9
    )
    features = model.get_layer(FROZEN_UNTIL).output
    return keras.Model(model.input, features), keras.Model(features, model.output)


def _features(trunk, images):
    """What the fixed blocks make of images, float32 (n, height, width, channels)."""
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(128)
    return trunk.predict(dataset.map(lambda x: tf.cast(x, tf.float32)))


def _real(run, task, split, image_size, trunk):
    """Real images of a split at the size of the classifier, and their classes."""
    catalog = run.catalog.where(task.covers(run.catalog)).split(split).require_real()
    prepared = PreparedImages.load(run.prepared_real)
    images = resized_images(prepared, catalog, image_size)(np.arange(len(catalog)))
    return {
        "images": images,
        "features": _features(trunk, images),
        "targets": task.targets(catalog),
        "catalog": catalog,
    }


def _recipes(train, task, generators, trunk):
    """Of each arm a function that gives features, classes, chances and weights."""
    n_classes = len(task.classes)

    def arm(
        features=train["features"],
        targets=train["targets"],
        balanced=False,
        weighted=False,
    ):
        weight = classifiers.class_weights(targets, n_classes)[targets]
        return {
            "features": features,
            "targets": targets,
            "chances": weight / weight.sum() if balanced else None,
            "weights": weight if weighted else np.ones(len(targets), "float32"),
        }

    def more(features, targets):
        return arm(
            np.concatenate([train["features"], features]),
            np.concatenate([train["targets"], targets]),
        )

    def classical():
        versions = [_augmented(train["images"], seed) for seed in range(N_VERSIONS)]
        features = np.concatenate([_features(trunk, version) for version in versions])
        return arm(features, np.tile(train["targets"], N_VERSIONS))

    def random_copies():
        deficits = generative.cell_deficits(train["catalog"], *_targets(generators))
        wanted = deficits.groupby("diagnosis", observed=True)["make"].sum()
        generator = np.random.default_rng(0)
        diagnoses = train["catalog"].table["diagnosis"].to_numpy(str)
        rows = np.concatenate(
            [
                generator.choice(np.flatnonzero(diagnoses == name), n)
                for name, n in wanted.items()
            ]
        )
        return more(train["features"][rows], train["targets"][rows])

    def with_synthetic(run):
        catalog = run.synthetic_catalog
        made = np.stack([read_image(path) for path in catalog.paths])
        return more(_features(trunk, made), task.targets(catalog))

    def synthetic_only(run):
        generator = built_generator(run.settings(TrainGeneratorSettings))
        generator = generative.load_best(generator, run.generator)
        conditions = generative.condition_indices(train["catalog"])
        made = generator.sample(conditions, seed=0)
        return arm(_features(trunk, made))

    recipes = {
        "none": arm,
        "class_weights": partial(arm, weighted=True),
        "oversampling": partial(arm, balanced=True),
        "classical": classical,
        "random_copies": random_copies,
    }
    for name, run in generators.items():
        recipes[name] = partial(with_synthetic, run)
    for name, run in generators.items():
        options = run.settings(TrainGeneratorSettings).generator
        kind = generative.generator_class(options.name)
        # A translator makes nothing of conditions alone.
        if kind.sample is not generative.Generator.sample:
            recipes[f"{name}_only"] = partial(synthetic_only, run)
    return recipes


def _augmented(images, seed):
    """Every image once, as augmentation changes it."""
    augment = augmentation(CLASSICAL, seed)
    parts = []
    for start in range(0, len(images), 128):
        part = tf.cast(images[start : start + 128], tf.float32)
        parts.append(np.clip(np.rint(augment(part)), 0, 255).astype("uint8"))
    return np.concatenate(parts)


def _targets(generators):
    """What the generators' runs were asked for, so that copies are as many."""
    if not generators:
        return 700, 3.0
    settings = next(iter(generators.values())).settings(SynthesizeSettings)
    return settings.target_per_diagnosis, settings.max_ratio


def _train(arm, seed, recipe, sets, task, out, settings):
    """Train one classifier, keep the epoch of the best validation AUC, predict."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    n_classes = len(task.classes)
    _, model = _classifier(n_classes, settings["image_size"], settings["weights"])
    model = training.fit(
        model,
        _batches(recipe, n_classes, settings["batch_size"], seed),
        _whole(sets["val"], n_classes),
        out / "trainings" / f"{arm}_{seed}",
        classifiers.classification_objective(),
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
    features, targets, weights = (
        recipe[key] for key in ("features", "targets", "weights")
    )
    one_hot = keras.utils.to_categorical(targets, n_classes).astype("float32")

    def draw(step):
        generator = np.random.default_rng([seed, int(step)])
        rows = generator.choice(len(targets), batch_size, p=recipe["chances"])
        return features[rows], one_hot[rows], weights[rows]

    def load(step):
        batch = tf.numpy_function(draw, [step], (tf.float32,) * 3)
        shapes = (features.shape[1:], (n_classes,), ())
        return tuple(
            tf.ensure_shape(part, (batch_size, *shape))
            for part, shape in zip(batch, shapes, strict=True)
        )

    return tf.data.Dataset.range(np.iinfo("int64").max).map(load).prefetch(2)


def _whole(part, n_classes):
    one_hot = keras.utils.to_categorical(part["targets"], n_classes)
    return tf.data.Dataset.from_tensor_slices((part["features"], one_hot)).batch(128)


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
    return f"{text}  {interval_cell(row, 'difference', '+')}"


if __name__ == "__main__":
    auto_cli(main, as_positional=False)

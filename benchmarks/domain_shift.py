"""Does a classifier travel? Trained on some archives, judged on one that it never saw.

Usage:
    python benchmarks/domain_shift.py --sources.ham10000 ham10000:/data/HAM10000 \
        --sources.milk10k milk10k:/data/MILK10k --out runs/domain_shift

Every archive is left out in turn. Each arm trains EfficientNet-Lite0, begun with its
ImageNet weights, on the others for as many steps, and differs from "plain" (flips,
turns, zoom) in one thing:

- head: the backbone stays as ImageNet left it, the softmax alone learns;
- light: brightness and contrast by a tenth;
- colour: strong brightness, contrast, saturation, hue, exposure and white balance, as
  the preset keras_derm;
- constancy: the colour of the light is removed of all photographs (shades of grey);
- fourier: amplitudes of spectra mixed (Xu et al., CVPR 2021);
- mixstyle: statistics of early features mixed (Zhou et al., ICLR 2021);
- probe: the backbone stays as ImageNet left it, and a softmax is fitted to the means of
  the ends of its blocks 2 to 5 (Head2Toe, Evci et al., ICML 2022), without augmentation
  or chance: one training;
- batch_norm: plain, with BatchNormalization's statistics those of the photographs that
  it is judged on, without their labels (Li et al., "Revisiting Batch Normalization For
  Practical Domain Adaptation", 2016);
- ensemble: the mean of plain's seeds, and ensemble_colour of colour's;
- with_probe: the mean of what colour and probe say, seed by seed; ensemble_with_probe
  of the mean of colour's seeds and probe;
- priors: colour, with the frequencies of the diagnoses estimated anew on what it is
  judged on, without its labels (Saerens et al., Neural Computation 2002);
  priors_with_probe the same of with_probe, and ensemble_priors of ensemble_with_probe.

What is judged is melanoma among the diagnoses that both archives have, and the mean AUC
of these diagnoses. A training that has its predictions is not done again. A second
table says how far the frequencies of the diagnoses should count in the probabilities:
not at all (logit adjustment by 1), by their square root (1/2, as all arms are trained),
or as the archives that were learned from have them.

A third table asks which score should warn. Each is judged by how well it tells, among
photographs of the archive that was left out, those that are judged wrong, and by how
melanomas are ranked among the warned (beyond the limit that one in five of the lesions
held back exceeds) and among the others:

- probability: one minus the highest probability (Hendrycks and Gimpel, ICLR 2017);
- Mahalanobis: squared distance of the pooled features from the nearest class (Lee et
  al., NeurIPS 2018), covariance by Ledoit and Wolf;
- neighbour: distance of the features, scaled to length 1, from the 50th nearest of the
  training photographs (Sun et al., ICML 2022).
"""

from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf
from jsonargparse import auto_cli
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import NearestNeighbors

from keras_derm import classifiers, evaluation, training
from keras_derm.catalog import get_task, read_image
from keras_derm.jobs.judged import given_catalog
from keras_derm.layers import (
    Augmentation,
    ColourConstancy,
    FourierMix,
    RandomMirror,
)
from keras_derm.layers.geometry import turned, zoomed
from keras_derm.layers.photometry import other_camera, other_light
from keras_derm.networks import freeze, with_mix_style
from keras_derm.report import interval_cell

BACKBONE = "EfficientNetLite0"
MIXED_AFTER = ("block2b_add", "block3b_add")
PROBED = ("block2b_add", "block3b_add", "block4c_add", "block5c_add")
N_EPOCHS = 3
ADJUSTMENT = 0.5
"""Factor of the log-frequencies in the loss, as in the recipe `dermoscopy`."""
VAL = 8
"""One in so many lesions of the archives that are learned from chooses the epoch."""

PHOTOMETRY = {
    "plain": lambda seed: [],
    "head": lambda seed: [],
    "light": lambda seed: other_light((seed, seed + 1), 0.1),
    "colour": lambda seed: other_camera((seed, seed + 1)),
    "constancy": lambda seed: [],
    "fourier": lambda seed: [FourierMix(1.0, seed=seed)],
    "mixstyle": lambda seed: [],
    "probe": None,  # sees the images as they are
}
DERIVED = (
    "batch_norm", "ensemble", "ensemble_colour", "with_probe", "ensemble_with_probe",
    "priors", "priors_with_probe", "ensemble_priors",
)  # fmt: skip
N_ESTIMATES = 100
"""Iterations by which the frequencies of another archive are estimated."""

WARNED_SHARE = 0.2
N_NEIGHBOURS = 50


def main(
    sources: dict[str, str],
    out: str = "runs/domain_shift",
    image_size: int = 96,
    n_steps: int = 450,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    seeds: int = 3,
    arms: list[str] | None = None,
    targets: list[str] | None = None,
    frozen_until: str | None = None,
    probe_size: int | None = None,
    n_replicates: int = 1000,
) -> None:
    """Leave every archive out in turn, train every arm on the others, and compare.

    Args:
        sources: Archives, name: READER:PATH.
        out: Where images, trainings and predictions are kept.
        image_size: Side in pixels.
        n_steps: Optimizer steps of every training.
        batch_size: Images a step.
        learning_rate: Peak of the schedule.
        seeds: Trainings of each arm.
        arms: Only these; all by default.
        targets: Archives to leave out, by name; all in turn by default.
        frozen_until: Layer up to which ImageNet's weights stay: faster.
        probe_size: Side in pixels of what probe sees; `image_size` by default. As
            everything else here it wants an `out` of its own.
        n_replicates: Bootstrap replicates; lesions are drawn.
    """
    out = Path(out)
    arms = arms or [*PHOTOMETRY, *DERIVED]
    archives = _archives(sources, out, image_size)
    seen_by_probe = archives
    if probe_size and "probe" in arms:
        seen_by_probe = _archives(sources, out, probe_size)
    for target in targets or archives:
        if target not in archives:
            raise ValueError(
                f"`targets` must be among {', '.join(archives)}. Received: {target}"
            )
        learned = _others(archives, target)
        settings = {
            "image_size": image_size,
            "n_steps": n_steps,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "frozen_until": frozen_until,
        }
        folder = out / f"without_{target}"
        found = {}
        for arm in arms:
            if arm not in (*DERIVED, "probe"):
                found[arm] = [
                    _said(arm, seed, learned, archives[target], folder, settings)
                    for seed in range(seeds)
                ]
        if "probe" in arms:
            of_probe = {**settings, "image_size": probe_size or image_size}
            seen = _others(seen_by_probe, target), seen_by_probe[target]
            found["probe"] = [_said("probe", 0, *seen, folder, of_probe)]
        if "batch_norm" in arms:
            found["batch_norm"] = [
                _said("plain", seed, learned, archives[target], folder, settings, True)
                for seed in range(seeds)
            ]
        found |= {
            arm: of_seeds
            for arm, of_seeds in _derived(found, learned).items()
            if arm in arms
        }
        _print(", ".join(learned), target, archives[target], found, n_replicates)
        _print_frequencies(learned, target, archives[target], found)
        _print_warnings(folder, target, archives[target], found, seeds)


def _derived(found, learned):
    """What follows from the probabilities of the arms that were trained."""
    derived = {}
    if {"colour", "probe"} <= set(found):
        (probe,) = found["probe"]
        derived["with_probe"] = [(one + probe) / 2 for one in found["colour"]]
    means = {
        "ensemble": found.get("plain"),
        "ensemble_colour": found.get("colour"),
        "ensemble_with_probe": derived.get("with_probe"),
    }
    derived |= {arm: [np.mean(of, axis=0)] for arm, of in means.items() if of}
    priors = {
        "priors": found.get("colour"),
        "priors_with_probe": derived.get("with_probe"),
        "ensemble_priors": derived.get("ensemble_with_probe"),
    }
    for arm, of in priors.items():
        if of:
            derived[arm] = [_of_its_priors(one, learned) for one in of]
    return derived


def _archives(sources, out, side):
    return {
        name: _archive(data, out / f"{name}_{side}.npy", side)
        for name, data in sources.items()
    }


def _others(archives, target):
    return {name: one for name, one in archives.items() if name != target}


def _archive(data, file, side):
    """Catalog of the dermoscopic photographs of known diagnosis, and their images."""
    catalog = given_catalog(data)
    task = get_task("diagnosis8")
    catalog = catalog.where(task.covers(catalog))
    return {"catalog": catalog, "images": kept_squares(catalog, side, file)}


def squares(paths, side):
    """Photographs as squares, uint8 (n, side, side, 3)."""
    size = (side, side)
    return np.stack(
        [
            cv2.resize(read_image(path), size, interpolation=cv2.INTER_AREA)
            for path in track(paths, "Reading", transient=True)
        ]
    )


def kept_squares(catalog, side, file):
    """Photographs as squares, uint8 (n, side, side, 3), kept in a file."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, squares(catalog.paths, side))
    images = np.load(file)
    if len(images) != len(catalog):
        raise ValueError(
            f"{file} must hold the {len(catalog)} photographs of the archive: remove "
            f"it. Received: {len(images)}"
        )
    return images


def _said(arm, seed, learned, target, folder, settings, adapted=False):
    """Probabilities of diagnosis8 of the archive that was left out, (n, 8)."""
    name = f"{arm}_{seed}_adapted" if adapted else f"{arm}_{seed}"
    file = folder / f"{name}.npy"
    if not file.is_file():
        print(f"{folder.name}: {name}", flush=True)
        model = _trained(arm, seed, learned, folder / f"{arm}_{seed}", settings)
        images = _images(arm, target["images"])
        if adapted:
            _adapt(model, images, settings["batch_size"])
        y_prob = np.zeros((len(images), len(get_task("diagnosis8").classes)))
        y_prob[:, _known(learned)] = _probabilities(model, images)
        if not adapted:
            scores = _warning_scores(model, arm, learned, images)
            np.savez(folder / f"{name}_warnings.npz", **scores)
        np.save(file, y_prob)
    return np.load(file)


def _warning_scores(model, arm, learned, images):
    """Score of each image by the name of the score, divided by its limit: 1 warns."""
    parts, targets, (train, val) = _learned(arm, learned)
    outputs = [model.get_layer("pooling").output, model.output]
    network = tf.function(keras.Model(model.input, outputs), reduce_retracing=True)

    def told(images):
        starts = range(0, len(images), 128)
        batches = (tf.cast(images[i : i + 128], tf.float32) for i in starts)
        found = [network(batch, training=False) for batch in batches]
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    features, _ = told(parts[train])
    classes, rows = np.unique(targets[train], return_inverse=True)
    means = np.stack([features[rows == c].mean(axis=0) for c in range(len(classes))])
    precision = LedoitWolf(assume_centered=True).fit(features - means[rows]).precision_
    root = np.linalg.cholesky(precision)
    unit = NearestNeighbors(n_neighbors=N_NEIGHBOURS).fit(_of_length_1(features))

    def scored(features, y_prob):
        # Not scikit-learn's `mahalanobis`, which takes minutes.
        distances = [np.square((features - mean) @ root).sum(1) for mean in means]
        return {
            "probability": 1 - y_prob.max(axis=1),
            "Mahalanobis": np.min(distances, axis=0),
            "neighbour": unit.kneighbors(_of_length_1(features))[0][:, -1],
        }

    limits = {
        name: np.quantile(values, 1 - WARNED_SHARE)
        for name, values in scored(*told(parts[val])).items()
    }
    return {
        name: values / limits[name] for name, values in scored(*told(images)).items()
    }


def _of_length_1(features):
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(lengths, np.finfo("float32").tiny)


def _targets(catalog):
    return get_task("diagnosis8").targets(catalog)


def _known(learned):
    """Classes of diagnosis8 that some archive has, rising."""
    return np.unique(
        np.concatenate([_targets(one["catalog"]) for one in learned.values()])
    )


def _trained(arm, seed, learned, folder, settings):
    """The model of an arm, of the best epoch on lesions that were held back."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    n_classes, side = len(_known(learned)), settings["image_size"]
    probed = PROBED if arm == "probe" else None
    model = classifiers.build_classifier(
        BACKBONE, n_classes, side, "imagenet", 0.2, 0.9, pooled_layers=probed
    )
    if arm == "mixstyle":
        model = with_mix_style(model, MIXED_AFTER, seed)
    if arm == "head":
        freeze(model, "pooling")
    elif settings["frozen_until"]:
        freeze(model, settings["frozen_until"])
    images, targets, (train, val) = _learned(arm, learned)
    if arm == "probe":
        return classifiers.fit_linear_probe(
            model,
            tf.data.Dataset.from_tensor_slices(images[train]).batch(128),
            targets[train],
            tf.data.Dataset.from_tensor_slices(images[val]).batch(128),
            targets[val],
            adjustment=ADJUSTMENT,
        )
    one_hot = keras.utils.to_categorical(targets, n_classes).astype("float32")
    validation = tf.data.Dataset.from_tensor_slices((images[val], one_hot[val]))
    loss = classifiers.classification_loss(
        "logit_adjustment", targets, n_classes, logit_adjustment=ADJUSTMENT
    )
    return training.fit(
        model,
        _batches(images[train], one_hot[train], arm, seed, settings["batch_size"]),
        validation.batch(128).map(lambda x, y: (tf.cast(x, tf.float32), y)),
        folder,
        classifiers.classification_objective(loss),
        epochs=N_EPOCHS,
        steps_per_epoch=settings["n_steps"] // N_EPOCHS,
        learning_rate=settings["learning_rate"],
    )


def _learned(arm, learned):
    """Images as an arm sees them, targets among the known classes, and two parts.

    The parts are rows to learn from and rows, of other lesions, to choose the epoch by.
    """
    images = _images(arm, np.concatenate([one["images"] for one in learned.values()]))
    targets = np.concatenate([_targets(one["catalog"]) for one in learned.values()])
    targets = np.searchsorted(_known(learned), targets)
    lesions = np.concatenate(
        [one["catalog"].table["lesion_id"].to_numpy(str) for one in learned.values()]
    )
    folds = StratifiedGroupKFold(VAL, shuffle=True, random_state=0)
    return images, targets, next(folds.split(images, targets, lesions))


def _batches(images, one_hot, arm, seed, batch_size):
    """Endless augmented batches; batch t is a function of the seed and t."""
    augment = Augmentation(
        [RandomMirror(seed), zoomed(seed + 1, 0.3), turned(seed + 2, 0.5)],
        PHOTOMETRY[arm](seed + 3),
    )

    def draw(step):
        rows = np.random.default_rng([seed, int(step)]).integers(
            0, len(images), batch_size
        )
        return images[rows].astype("float32"), one_hot[rows]

    def load(step):
        batch, targets = tf.numpy_function(draw, [step], (tf.float32, tf.float32))
        batch = tf.ensure_shape(batch, (batch_size, *images.shape[1:]))
        return augment(batch), tf.ensure_shape(targets, (batch_size, one_hot.shape[1]))

    return tf.data.Dataset.range(np.iinfo("int64").max).map(load).prefetch(2)


def _images(arm, images):
    """The images as an arm sees them."""
    if arm != "constancy":
        return images
    constant = ColourConstancy("shades_of_grey")
    parts = [
        np.rint(constant(tf.cast(images[start : start + 256], tf.float32)))
        for start in range(0, len(images), 256)
    ]
    return np.concatenate(parts).astype("uint8")


def _adapt(model, images, batch_size):
    """Have BatchNormalization keep the statistics of other images."""
    order = np.random.default_rng(0).permutation(len(images))[: 60 * batch_size]
    for rows in order.reshape(-1, batch_size):
        model(tf.cast(images[rows], tf.float32), training=True)


def _probabilities(model, images):
    """Mean over an image and its mirror image."""
    views = (images, images[:, :, ::-1])
    return np.mean(
        [
            classifiers.predict_probabilities(
                model,
                tf.data.Dataset.from_tensor_slices(view)
                .batch(128)
                .map(lambda x: tf.cast(x, tf.float32)),
            )
            for view in views
        ],
        axis=0,
    )


def _frequencies(learned):
    """How many photographs were learned from of each known class."""
    targets = np.concatenate([_targets(one["catalog"]) for one in learned.values()])
    return np.bincount(targets)[_known(learned)]


def _of_its_priors(y_prob, learned):
    """Probabilities with the frequencies of the photographs that they are of.

    Expectation maximisation (Saerens et al., equations 9 and 10).
    """
    known, found = _known(learned), np.zeros_like(y_prob)
    balanced = classifiers.times_frequencies(
        y_prob[:, known], _frequencies(learned), ADJUSTMENT - 1
    )
    shares = np.full(len(known), 1 / len(known))
    for _ in range(N_ESTIMATES):
        found[:, known] = classifiers.times_frequencies(balanced, shares, 1)
        shares = np.maximum(found[:, known].mean(axis=0), np.finfo("float32").tiny)
    return found


def _print(learned, target, archive, found, n_replicates):
    """Melanoma AUC of every arm with its difference from plain, and the mean AUC."""
    task = get_task("melanoma")
    inputs = evaluation.inputs_from_catalog(archive["catalog"], task)
    scores = {
        arm: [np.column_stack([1 - one[:, 0], one[:, 0]]) for one in of_seeds]
        for arm, of_seeds in found.items()
    }
    reference = "plain" if "plain" in scores else next(iter(scores))
    compared = evaluation.compare(
        **inputs, y_prob=scores, reference=reference, n_replicates=n_replicates
    )
    found_rows = compared.table()
    found_rows = found_rows[found_rows["metric"] == "auc"].set_index("arm")
    _print_groups(target, found_rows)
    rows = found_rows[found_rows["stratum"] == "all"]
    table = Table(
        title=f"{learned} to {target}, {len(archive['images']):,} photographs"
    )
    for name in ("arm", "melanoma AUC", f"difference from {reference}", "mean AUC"):
        table.add_column(name)
    truth = _targets(archive["catalog"])
    for arm, of_seeds in found.items():
        row = rows.loc[arm]
        table.add_row(
            arm,
            interval_cell(row, "value"),
            interval_cell(row, "difference", "+") if arm != reference else "",
            f"{np.mean([_mean_auc(truth, one) for one in of_seeds]):.3f}",
        )
    Console().print(table)


def _print_frequencies(learned, target, archive, found):
    """Melanoma AUC by how far the frequencies of what was learned count."""
    known, truth = _known(learned), _targets(archive["catalog"])
    counts = _frequencies(learned)
    table = Table("arm", title=f"Melanoma AUC of {target} by logit adjustment")
    factors = (1.0, ADJUSTMENT, 0.0)
    for factor in factors:
        table.add_column(f"{factor:g}")
    for arm in (arm for arm in found if "priors" not in arm):
        of_seeds, cells = found[arm], []
        for factor in factors:
            scaled = [
                classifiers.times_frequencies(
                    one[:, known], counts, ADJUSTMENT - factor
                )
                for one in of_seeds
            ]
            auc = np.mean([roc_auc_score(truth == 0, one[:, 0]) for one in scaled])
            cells.append(f"{auc:.3f}")
        table.add_row(arm, *cells)
    Console().print(table)


def _print_groups(target, rows):
    """Melanoma AUC of every arm in each tone group that people's labels tell."""
    known = rows["stratum"].eq("tone_group") & rows["value_of_stratum"].ne("unknown")
    rows = rows[known & rows["value"].notna()]
    if rows.empty:
        return
    table = Table(title=f"Melanoma AUC of {target} by tone group")
    columns = ("arm", *rows["value_of_stratum"].unique())
    for name in columns:
        table.add_column(name)
    for arm in rows.index.unique():
        of_arm = rows.loc[[arm]].set_index("value_of_stratum")
        cells = [interval_cell(of_arm.loc[name], "value") for name in columns[1:]]
        table.add_row(arm, *cells)
    Console().print(table)


def _print_warnings(folder, target, archive, found, seeds):
    """What each score tells of errors, in means over the seeds of each arm."""
    truth = _targets(archive["catalog"])
    table = Table(title=f"Warnings of {target}: AUC of errors, and of melanoma")
    for name in ("arm", "score", "errors", "warned", "melanoma: warned", "not warned"):
        table.add_column(name)
    for arm in (arm for arm in found if arm in PHOTOMETRY):
        files = [folder / f"{arm}_{seed}_warnings.npz" for seed in range(seeds)]
        scores = [dict(np.load(file)) for file in files if file.is_file()]
        for name in scores[0] if scores else ():
            rows = []
            for y_prob, of_seed in zip(found[arm], scores, strict=False):
                wrong = y_prob.argmax(axis=1) != truth
                warned = of_seed[name] > 1
                auc = [
                    roc_auc_score(truth[part] == 0, y_prob[part, 0])
                    for part in (warned, ~warned)
                ]
                rows.append([roc_auc_score(wrong, of_seed[name]), warned.mean(), *auc])
            cells = [f"{value:.3f}" for value in np.mean(rows, axis=0)]
            table.add_row(arm, name, *cells)
    Console().print(table)


def _mean_auc(truth, scores):
    present = [c for c in np.unique(truth) if scores[:, c].any()]
    return np.mean([roc_auc_score(truth == c, scores[:, c]) for c in present])


if __name__ == "__main__":
    auto_cli(main, as_positional=False)

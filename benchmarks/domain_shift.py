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
  the ends of its blocks 2 to 5 (Head2Toe, Evci et al., ICML 2022), at 160 pixels,
  without augmentation or chance: one training;
- large_probe: the same of EfficientNet-Lite2 at 224 pixels, read at the ends of its
  blocks 4 and 5 and at its last map; so of EfficientNet-Lite0 lesion_probe, at 160
  pixels, which sees the lesion alone (by the archive's mask, or the shipped finder),
  and middle_probe, which sees the middle 112 of 160 pixels, where most lesions are;
- batch_norm: plain, with BatchNormalization's statistics those of the photographs that
  it is judged on, without their labels (Li et al., "Revisiting Batch Normalization For
  Practical Domain Adaptation", 2016).

Of these follow:

- A+B: the mean of what they say, seed by seed; A+A+B counts A twice;
- mean(A): the mean of A's seeds, an ensemble;
- priors(A): A, with the frequencies of the diagnoses estimated anew on what it is
  judged on, without its labels (Saerens et al., Neural Computation 2002).

--arms '[colour, probe, colour+probe, priors(mean(colour))]' takes these four. What is
judged is melanoma among the diagnoses that both archives have, and the mean AUC
of these diagnoses. A training that has its predictions is not done again. A second
table says how far the frequencies of the diagnoses should count in the probabilities:
not at all (logit adjustment by 1), by their square root (1/2, as all arms are trained),
or as the archives that were learned from have them. A third says what labels of 60
lesions of the archive that was left out mend, drawn many times: a bias for each class
is fitted on one photograph of each (as `recalibrate.py --probabilities fitted` does),
and the photographs of the other lesions are judged.

A fourth table asks which score should warn. Each is judged by how well it tells, among
photographs of the archive that was left out, those that are judged wrong, and by how
melanomas are ranked among the warned (beyond the limit that one in five of the lesions
held back exceeds) and among the others:

- probability: one minus the highest probability (Hendrycks and Gimpel, ICLR 2017); of
  what is made of several trainings, which have no lesions held back, beyond the limit
  that one in five of the judged photographs exceeds ("of these");
- Mahalanobis: squared distance of the pooled features from the nearest class (Lee et
  al., NeurIPS 2018), covariance by Ledoit and Wolf;
- neighbour: distance of the features, scaled to length 1, from the 50th nearest of the
  training photographs (Sun et al., ICML 2022).
"""

import re
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf
from jsonargparse import auto_cli
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.special import softmax
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import NearestNeighbors

from keras_derm import classifiers, evaluation, training
from keras_derm.catalog import get_task, group_ids, read_image
from keras_derm.jobs.judged import given_catalog
from keras_derm.layers import (
    Augmentation,
    ColourConstancy,
    FourierMix,
    RandomMirror,
)
from keras_derm.layers.geometry import turned, zoomed
from keras_derm.layers.photometry import other_camera, other_light
from keras_derm.lesion_finders import shipped_finder
from keras_derm.lesion_finders.crop import cropped, photograph_box
from keras_derm.networks import freeze, with_mix_style
from keras_derm.report import interval_cell

BACKBONE = "EfficientNetLite0"
MIXED_AFTER = ("block2b_add", "block3b_add")
PROBED = ("block2", "block3", "block4", "block5")
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
}
LATE = ("block4", "block5", "top")
PROBES = {
    "probe": (BACKBONE, 160, "whole", PROBED),
    "large_probe": ("EfficientNetLite2", 224, "whole", LATE),
    "lesion_probe": (BACKBONE, 160, "lesion", LATE),
    "middle_probe": (BACKBONE, 112, "middle", LATE),
}
"""Backbone, side in pixels, what it sees of a photograph, and what is read of it."""
MIDDLE = 0.7
"""Share of the sides that the middle of a photograph has."""
MARGIN = 0.25
"""What is left on each side of a lesion, as a share of it."""
ARMS = (
    *PHOTOMETRY, *PROBES, "batch_norm", "mean(plain)", "mean(colour)", "colour+probe",
    "mean(colour+probe)", "colour+colour+probe+middle_probe", "priors(colour)",
    "priors(colour+probe)", "priors(mean(colour+probe))",
    "priors(colour+colour+probe+middle_probe)",
    "mean(colour+probe+large_probe+lesion_probe)",
    "priors(mean(colour+probe+large_probe+lesion_probe))",
)  # fmt: skip
N_ESTIMATES = 100
"""Iterations by which the frequencies of another archive are estimated."""
N_LABELLED, N_DRAWS = 60, 20
"""Lesions whose labels fit the biases of the classes, and how often they are drawn."""

WIDTH = 130
"""Of the tables, which no terminal shall fold."""
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
    n_replicates: int = 1000,
) -> None:
    """Leave every archive out in turn, train every arm on the others, and compare.

    Args:
        sources: Archives, name: READER:PATH.
        out: Where images, features, trainings and predictions are kept. Other settings
            want another.
        image_size: Side in pixels.
        n_steps: Optimizer steps of every training.
        batch_size: Images a step.
        learning_rate: Peak of the schedule.
        seeds: Trainings of each arm.
        arms: Only these; all by default.
        targets: Archives to leave out, by name; all in turn by default.
        frozen_until: Layer up to which ImageNet's weights stay: faster.
        n_replicates: Bootstrap replicates; lesions are drawn.
    """
    out = Path(out)
    arms = arms or list(ARMS)
    names = list(dict.fromkeys(name for arm in arms for name in _names(arm)))
    archives = {name: _archive(name, data, out) for name, data in sources.items()}
    for target in targets or archives:
        if target not in archives:
            raise ValueError(
                f"`targets` must be among {', '.join(archives)}. Received: {target}"
            )
        learned = {name: one for name, one in archives.items() if name != target}
        settings = {
            "image_size": image_size,
            "n_steps": n_steps,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "frozen_until": frozen_until,
        }
        folder = out / f"without_{target}"
        said = {
            name: [
                _said(name, seed, learned, archives[target], folder, settings)
                for seed in range(1 if name in PROBES else seeds)
            ]
            for name in names
        }
        found = {arm: _of(arm, said, learned) for arm in arms}
        _print(", ".join(learned), target, archives[target], found, n_replicates)
        _print_frequencies(learned, target, archives[target], found)
        _print_labelled(learned, target, archives[target], found)
        _print_warnings(folder, target, archives[target], found, seeds)


def _inside(arm):
    """("mean", "A") of "mean(A)", ("", "A+B") of "A+B"."""
    made = re.fullmatch(r"(mean|priors)\((.+)\)", arm)
    return made.groups() if made else ("", arm)


def _names(arm):
    """Names of the trainings that an arm is made of."""
    how, inside = _inside(arm)
    if how:
        return _names(inside)
    names = arm.split("+")
    known = (*PHOTOMETRY, *PROBES, "batch_norm")
    for name in names:
        if name not in known:
            raise ValueError(
                f"`arms` are made of {', '.join(known)}, by A+B, mean(A) and "
                f"priors(A). Received: {name!r}"
            )
    return names


def _of(arm, said, learned):
    """Probabilities of an arm, one array for each seed, of those of the trainings."""
    how, inside = _inside(arm)
    if how == "mean":
        return [np.mean(_of(inside, said, learned), axis=0)]
    if how == "priors":
        return [_of_its_priors(one, learned) for one in _of(inside, said, learned)]
    parts = [said[name] for name in inside.split("+")]
    n = max(map(len, parts))
    parts = [part * n if len(part) == 1 else part for part in parts]
    return [np.mean(of_seed, axis=0) for of_seed in zip(*parts, strict=True)]


def _archive(name, data, out):
    """Catalog of the dermoscopic photographs of known diagnosis."""
    catalog = given_catalog(data)
    task = get_task("diagnosis8")
    return {"name": name, "catalog": catalog.where(task.covers(catalog)), "out": out}


def _squares(archive, side, of_lesion=False):
    """Its photographs, or the lesions in them, as squares, uint8 (n, side, side, 3)."""
    part = "lesion_" if of_lesion else ""
    file = archive["out"] / f"{archive['name']}_{part}{side}.npy"
    return kept_squares(archive["catalog"], side, file, of_lesion)


def squares(catalog, side, of_lesion=False):
    """Photographs, or the lesions in them, as squares, uint8 (n, side, side, 3)."""
    finder = shipped_finder() if of_lesion else None
    files = list(zip(catalog.paths, catalog.mask_paths, strict=True))
    found = []
    for file in track(files, "Reading", transient=True):
        box = None if finder is None else photograph_box(finder, MARGIN, file)
        image = cropped(read_image(file[0]), box)
        resized = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        found.append(resized)
    return np.stack(found)


def kept_squares(catalog, side, file, of_lesion=False):
    """The same, kept in a file."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, squares(catalog, side, of_lesion))
    images = np.load(file)
    if len(images) != len(catalog):
        raise ValueError(
            f"{file} must hold the {len(catalog)} photographs of the archive: remove "
            f"it. Received: {len(images)}"
        )
    return images


def _said(arm, seed, learned, target, folder, settings):
    """Probabilities of diagnosis8 of the archive that was left out, (n, 8)."""
    file = folder / f"{arm}_{seed}.npy"
    if not file.is_file():
        print(f"{folder.name}: {arm}_{seed}", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        judge = _judged_by_probe if arm in PROBES else _judged_by_network
        found, scores = judge(arm, seed, learned, target, folder, settings)
        y_prob = np.zeros((len(found), len(get_task("diagnosis8").classes)))
        y_prob[:, _known(learned)] = found
        if scores:
            np.savez(folder / f"{arm}_{seed}_warnings.npz", **scores)
        np.save(file, y_prob)
    return np.load(file)


def _judged_by_network(arm, seed, learned, target, folder, settings):
    """Probabilities of the known classes, and scores that warn, of a training."""
    adapted = arm == "batch_norm"
    trained = "plain" if adapted else arm
    side = settings["image_size"]
    given = _images(trained, [_squares(one, side) for one in learned.values()])
    images = _images(trained, [_squares(target, side)])
    place = folder / f"{trained}_{seed}"
    model = _trained(trained, seed, given, learned, place, settings)
    if adapted:
        _adapt(model, images, settings["batch_size"])
        return _probabilities(model, images), None
    targets, (train, val) = _targets_and_parts(learned)
    outputs = [model.get_layer("pooling").output, model.output]
    network = tf.function(keras.Model(model.input, outputs), reduce_retracing=True)

    def told(images):
        starts = range(0, len(images), 128)
        batches = (tf.cast(images[i : i + 128], tf.float32) for i in starts)
        found = [network(batch, training=False) for batch in batches]
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    features, _ = told(given[train])
    scores = _warning_scores(features, targets[train], told(given[val]), told(images))
    return _probabilities(model, images), scores


def _judged_by_probe(arm, seed, learned, target, folder, settings):
    """The same of a softmax fitted to features; nothing is drawn by chance."""
    targets, (train, val) = _targets_and_parts(learned)
    given = [_features(one, arm) for one in learned.values()]
    given = np.concatenate(given, axis=1)
    judged = _features(target, arm)
    kernel, bias = classifiers.fit_softmax(
        given[:, train], targets[train], given[:, val], targets[val],
        adjustment=ADJUSTMENT,
    )  # fmt: skip

    def told(features):
        return softmax(features @ kernel + bias, axis=-1)

    scores = _warning_scores(
        given[0, train],
        targets[train],
        (given[0, val], told(given[0, val])),
        (judged[0], told(judged[0])),
    )
    return told(judged).mean(axis=0), scores


def _features(archive, arm):
    """What a probe reads of an archive's photographs, (2, n, n_features), kept."""
    backbone, side, part, read = PROBES[arm]
    taken = round(side / MIDDLE) if part == "middle" else side
    reader, widths = feature_reader(backbone, side, "imagenet", taken)
    name = archive["name"] if part == "whole" else f"{archive['name']}_{part}"
    file = archive["out"] / f"{name}_{backbone}_{side}.npy"
    if not file.is_file():
        images = _squares(archive, taken, part == "lesion")
        images = tf.data.Dataset.from_tensor_slices(images).batch(64)
        np.save(file, classifiers.view_features(reader, images, file.stem))
    ends = np.cumsum(list(widths.values()))[:-1]
    parts = dict(zip(widths, np.split(np.load(file), ends, axis=-1), strict=True))
    return np.concatenate([parts[name] for name in read], axis=-1)


def feature_reader(backbone, side, weights, cropped_from=None):
    """A backbone as it is, read at the ends of its blocks 2 to 5 and at its top.

    Args:
        backbone, weights, cropped_from: As of `build_classifier`.
        side: Side in pixels that it sees.

    Returns:
        Model of images, RGB in [0, 255], to the means of these maps side by side, and
        how many values of each there are, by name: of a network without such blocks of
        the top alone.
    """
    network = classifiers.build_backbone(backbone, side, weights, cropped_from)
    # Of several layers of a block the last one stays.
    ends = {one.name[:6]: one.output for one in network.layers if "_add" in one.name}
    maps = {block: ends[block] for block in PROBED if block in ends}
    maps["top"] = network.output
    means = [keras.ops.mean(one, axis=(1, 2)) for one in maps.values()]
    outputs = keras.ops.concatenate(means, axis=-1)
    widths = {name: one.shape[-1] for name, one in maps.items()}
    return keras.Model(network.input, outputs), widths


def _warning_scores(features, targets, val, judged):
    """Score of each image by the name of the score, divided by its limit: 1 warns.

    Args:
        features: Of the training images, of the classes `targets`.
        targets: Classes of these.
        val: Features and probabilities of images held back, for the limits.
        judged: The same of the images that are judged.
    """
    classes, rows = np.unique(targets, return_inverse=True)
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
        for name, values in scored(*val).items()
    }
    return {name: values / limits[name] for name, values in scored(*judged).items()}


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


def _trained(arm, seed, images, learned, folder, settings):
    """The model of an arm, of the best epoch on lesions that were held back."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    n_classes, side = len(_known(learned)), settings["image_size"]
    model = classifiers.build_classifier(
        BACKBONE, n_classes, side, "imagenet", 0.2, 0.9
    )
    if arm == "mixstyle":
        model = with_mix_style(model, MIXED_AFTER, seed)
    if arm == "head":
        freeze(model, "pooling")
    elif settings["frozen_until"]:
        freeze(model, settings["frozen_until"])
    targets, (train, val) = _targets_and_parts(learned)
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


def _targets_and_parts(learned):
    """Targets among the known classes, and two parts.

    The parts are rows to learn from and rows, of other lesions, to choose the epoch by.
    """
    targets = np.concatenate([_targets(one["catalog"]) for one in learned.values()])
    targets = np.searchsorted(_known(learned), targets)
    lesions = np.concatenate(
        [one["catalog"].table["lesion_id"].to_numpy(str) for one in learned.values()]
    )
    folds = StratifiedGroupKFold(VAL, shuffle=True, random_state=0)
    return targets, next(folds.split(targets, targets, lesions))


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


def _images(arm, parts):
    """The images of several archives, as an arm sees them."""
    images = np.concatenate(parts)
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
    """Melanoma AUC of every arm, its difference from the first, and the mean AUC."""
    task = get_task("melanoma")
    inputs = evaluation.inputs_from_catalog(archive["catalog"], task)
    scores = {
        arm: [np.column_stack([1 - one[:, 0], one[:, 0]]) for one in of_seeds]
        for arm, of_seeds in found.items()
    }
    reference = next(iter(scores))
    compared = evaluation.compare(
        **inputs, y_prob=scores, reference=reference, n_replicates=n_replicates
    )
    found_rows = compared.table()
    found_rows = found_rows[found_rows["metric"] == "auc"].set_index("arm")
    _print_groups(target, found_rows)
    rows = found_rows[found_rows["stratum"] == "all"]
    table = Table(
        title=f"{learned} to {target}, {len(archive['catalog']):,} photographs"
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
    Console(width=WIDTH).print(table)


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
    Console(width=WIDTH).print(table)


def _print_labelled(learned, target, archive, found):
    """Melanoma AUC and log loss with biases fitted on some lesions, of the others."""
    known, truth = _known(learned), _targets(archive["catalog"])
    told = np.isin(truth, known)  # diagnoses that the arms can name
    lesions = group_ids(archive["catalog"])
    draws = [_drawn(lesions, told, seed) for seed in range(N_DRAWS)]
    of_known = np.searchsorted(known, truth)

    def judged(y_prob, others):
        losses = evaluation.log_losses(of_known[others & told], y_prob[others & told])
        return _melanoma_auc(truth[others], y_prob[others]), losses.mean()

    table = Table(
        title=f"{target}, biases fitted on {N_LABELLED} labelled lesions, the others "
        "judged (5th to 95th percentile)"
    )
    for name in ("arm", "melanoma AUC: without", "with", "log loss: without", "with"):
        table.add_column(name)
    for arm in (arm for arm in found if "priors" not in arm):
        rows = []
        for y_prob in (one[:, known] for one in found[arm]):
            for own, others in draws:
                biases = evaluation.fit_class_biases(of_known[own], y_prob[own])
                biased = evaluation.add_class_biases(y_prob, biases)
                before, after = judged(y_prob, others), judged(biased, others)
                rows.append([before[0], after[0], before[1], after[1]])
        spread = np.mean(rows, axis=0), *np.quantile(rows, [0.05, 0.95], axis=0)
        cells = [
            f"{mean:.3f} ({low:.3f} to {high:.3f})"
            for mean, low, high in zip(*spread, strict=True)
        ]
        table.add_row(arm, *cells)
    Console(width=WIDTH).print(table)


def _drawn(lesions, told, seed):
    """Rows of one photograph of each of some lesions, and a mask of other lesions."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(lesions))
    one_of_each = order[np.unique(lesions[order], return_index=True)[1]]
    own = draw.permutation(one_of_each)[:N_LABELLED]
    return own[told[own]], ~np.isin(lesions, lesions[own])


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
    Console(width=WIDTH).print(table)


def _print_warnings(folder, target, archive, found, seeds):
    """What each score tells of errors, in means over the seeds of each arm."""
    truth = _targets(archive["catalog"])
    table = Table(title=f"Warnings of {target}: AUC of errors, and of melanoma")
    for name in ("arm", "score", "errors", "warned", "melanoma: warned", "not warned"):
        table.add_column(name)
    for arm in found:
        files = [folder / f"{arm}_{seed}_warnings.npz" for seed in range(seeds)]
        scores = [dict(np.load(file)) for file in files if file.is_file()]
        scores = scores or [_unsureness(y_prob) for y_prob in found[arm]]
        for name in scores[0]:
            rows = []
            for y_prob, of_seed in zip(found[arm], scores, strict=False):
                wrong = y_prob.argmax(axis=1) != truth
                warned = of_seed[name] > 1
                auc = [
                    _melanoma_auc(truth[part], y_prob[part])
                    for part in (warned, ~warned)
                ]
                rows.append([roc_auc_score(wrong, of_seed[name]), warned.mean(), *auc])
            cells = [f"{value:.3f}" for value in np.mean(rows, axis=0)]
            table.add_row(arm, name, *cells)
    Console(width=WIDTH).print(table)


def _unsureness(y_prob):
    """The score of probability by a limit of the judged photographs themselves."""
    unsure = 1 - y_prob.max(axis=1)
    return {"probability of these": unsure / np.quantile(unsure, 1 - WARNED_SHARE)}


def _melanoma_auc(truth, y_prob):
    """NaN where there are only melanomas, or none."""
    melanoma = truth == 0
    if melanoma.all() or not melanoma.any():
        return np.nan
    return roc_auc_score(melanoma, y_prob[:, 0])


def _mean_auc(truth, scores):
    present = [c for c in np.unique(truth) if scores[:, c].any()]
    return np.mean([roc_auc_score(truth == c, scores[:, c]) for c in present])


if __name__ == "__main__":
    auto_cli(main, as_positional=False)

"""Job: how far the synthetic images are from real ones."""

from keras_derm.runs import RunDirectory

MEASURED_WITH, MEASURED_AT = "MobileNetV2", 96
N_COPIED = 10
N_TURNED = 250
RESULTS = ("image_quality.csv", "memorisation.json", "origin_probe.csv")
SETS = {
    "training": "real training images (floor)",
    "synthetic": "synthetic images",
    "copies": "ten training images over and over",
    "noise": "noise",
}


def image_quality(run: str, feature_weights: str | None = None, seed: int = 0):
    """Judge the synthetic images that were kept against real ones held out of training.

    Writes image_quality.csv (kernel and Fréchet distance, precision, recall, density,
    coverage, diversity by diagnosis, of the synthetic images beside real training
    images, copies and noise), memorisation.json and origin_probe.csv (whether value
    range, pixel grid or sharpness tell synthetic from real images).

    Args:
        run: Run directory with synthetic images.
        feature_weights: Weights of MobileNetV2 without the top: a path, or imagenet.
            Without them only the traces are looked for.
        seed: Seed of which images are drawn.
    """
    settings = {"feature_weights": feature_weights, "seed": seed}
    run = RunDirectory(run)
    with run.stage("image_quality", settings, after=["prepare", "synthetic"]) as todo:
        if todo:
            _judge(run, **settings)


def _judge(run, feature_weights, seed):
    from keras_derm.files import write_csv, write_json

    for name in RESULTS:
        (run / name).unlink(missing_ok=True)
    made = run.synthetic_catalog
    if made is None:
        print("no synthetic image was kept: nothing to judge")
        return
    probe = _probe(run, made, seed)
    if probe is not None:
        write_csv(run / "origin_probe.csv", probe)
        print(probe.round(3).to_string(index=False))
    if feature_weights is None:
        print("no --feature_weights: images are not compared as features")
        return
    table, memory = _compare(run, made, feature_weights, seed)
    write_csv(run / "image_quality.csv", table)
    write_json(run / "memorisation.json", memory)
    leading = table[table["metric"].str.startswith(("kernel distance", "KID"))]
    print(leading.round(4).to_string(index=False))


def _probe(run, made, seed):
    """Traces that tell origin, in images as the classifiers are given them."""
    import numpy as np

    from keras_derm.evaluation.origin_probe import LEAST_IMAGES, probe_origin
    from keras_derm.pipeline import PreparedImages

    train = run.catalog.split("train")
    rows = _like(train.table["diagnosis"], made.table["diagnosis"], seed)
    if min(len(rows), len(made)) < LEAST_IMAGES:
        print(f"fewer than {LEAST_IMAGES} synthetic images: traces are not looked for")
        return None
    real = PreparedImages.load(run / "prepared/real")
    synthetic = PreparedImages.load(run / "prepared/synthetic")
    return probe_origin(
        real.take(real.indices(train)[np.sort(rows)]),
        synthetic.take(synthetic.indices(made)),
        seed,
    )


def _like(diagnoses, wanted, seed):
    """Positions drawn with the diagnoses of `wanted`, as many as there are."""
    import numpy as np

    generator = np.random.default_rng(seed)
    diagnoses = diagnoses.to_numpy(str)
    return np.concatenate(
        [
            generator.permutation(np.flatnonzero(diagnoses == name))[:n]
            for name, n in wanted.value_counts().sort_index().items()
        ]
    )


def _compare(run, made, feature_weights, seed):
    """Table of all sets against held-out images, and what was learned by heart."""
    import numpy as np
    import pandas as pd

    from keras_derm.catalog import read_image
    from keras_derm.evaluation.image_quality import (
        all_turns,
        memorisation,
        quality_table,
    )
    from keras_derm.pipeline import PreparedImages, resized_images

    extractor = feature_extractor(feature_weights)
    prepared = PreparedImages.load(run / "prepared/real")
    side = run.settings("generator")["image_size"]
    train = run.catalog.split("train")
    held_out = run.catalog.where(split=["val", "test"])
    images = {
        name: resized_images(prepared, part, side)(np.arange(len(part)))
        for name, part in (("training", train), ("held out", held_out))
    }
    images["synthetic"] = np.stack([read_image(path) for path in made.paths])
    features = {name: extractor(part) for name, part in images.items()}
    cells = {
        name: part.table["diagnosis"].to_numpy(str)
        for name, part in (
            ("training", train),
            ("held out", held_out),
            ("synthetic", made),
        )
    }
    generator = np.random.default_rng(seed)
    # No more of it is compared than there are images held out.
    n_held_out = held_out.table["diagnosis"].astype(str).value_counts()
    number = made.table.groupby(cells["synthetic"]).cumcount().to_numpy()
    most = n_held_out.reindex(cells["synthetic"]).fillna(0).clip(lower=1).to_numpy()
    cells["noise"] = cells["synthetic"][number < most]
    noise = generator.integers(0, 256, (len(cells["noise"]), side, side, 3))
    features["noise"] = extractor(noise.astype("uint8"))
    copied = _copies(cells["training"], cells["synthetic"], generator)
    features["copies"] = features["training"][copied]
    cells["copies"] = cells["synthetic"]
    table = quality_table(
        (features["held out"], cells["held out"]),
        {title: (features[name], cells[name]) for name, title in SETS.items()},
        extractor.name,
        seed,
    )
    # Of the same diagnoses: rare lesions lie further from each other than nevi do.
    wanted = _in_both(cells["synthetic"], cells["held out"], generator)
    if not len(wanted):
        return table, {"memorisation_ratio": None, "copied_share": None, "n": 0}
    turned = [
        _features_of_turns(
            extractor,
            all_turns,
            images[name][_like(pd.Series(cells[name]), wanted, seed)],
        )
        for name in ("synthetic", "held out")
    ]
    memory = memorisation(turned[0], features["training"], turned[1])
    return table, {**memory, "network": extractor.name, "n": len(wanted)}


def _in_both(made, held_out, generator):
    """Diagnoses of made images, no more of each than are held out, as a Series."""
    import pandas as pd

    drawn = pd.Series(made[generator.permutation(len(made))[:N_TURNED]])
    n_held_out = drawn.map(pd.Series(held_out).value_counts()).fillna(0)
    return drawn[drawn.groupby(drawn).cumcount() < n_held_out]


def feature_extractor(weights):
    """The `FeatureExtractor` of the jobs, for the weights of MobileNetV2."""
    from keras_derm.evaluation.feature_extractor import FeatureExtractor

    return FeatureExtractor.of_backbone(MEASURED_WITH, weights, MEASURED_AT)


def _copies(training, wanted, generator):
    """Positions of ten training images of each diagnosis, as often as it is wanted."""
    import numpy as np

    few = {
        name: generator.permutation(np.flatnonzero(training == name))[:N_COPIED]
        for name in np.unique(wanted)
    }
    return np.array([generator.choice(few[name]) for name in wanted])


def _features_of_turns(extractor, all_turns, images):
    """Features of the images in their 8 flips and rotations, (8, n, d)."""
    return extractor(all_turns(images)).reshape(8, len(images), -1)

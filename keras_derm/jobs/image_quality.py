"""Job: how far the synthetic images are from real ones."""

from keras_derm.runs import RunDirectory

RESULTS = ("image_quality.csv", "memorisation.json", "origin_probe.csv")


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

    from keras_derm.evaluation.image_quality import origin_probe
    from keras_derm.evaluation.image_quality.synthetic_quality import draw_alike
    from keras_derm.pipeline import PreparedImages

    train = run.catalog.split("train")
    rows = draw_alike(train.table["diagnosis"], made.table["diagnosis"], seed)
    least = origin_probe.LEAST_IMAGES
    if min(len(rows), len(made)) < least:
        print(f"fewer than {least} synthetic images: traces are not looked for")
        return None
    real = PreparedImages.load(run / "prepared/real")
    synthetic = PreparedImages.load(run / "prepared/synthetic")
    return origin_probe.probe_origin(
        real.take(real.indices(train)[np.sort(rows)]),
        synthetic.take(synthetic.indices(made)),
        seed,
    )


def _compare(run, made, feature_weights, seed):
    """Table of all sets against held-out images, and what was learned by heart."""
    import numpy as np

    from keras_derm.catalog import read_image
    from keras_derm.evaluation.image_quality.feature_extractor import feature_extractor
    from keras_derm.evaluation.image_quality.synthetic_quality import (
        judge_synthetic_images,
    )
    from keras_derm.jobs.prepared_images import resized_images
    from keras_derm.pipeline import PreparedImages

    prepared = PreparedImages.load(run / "prepared/real")
    side = run.settings("generator")["image_size"]
    real = {
        "training": run.catalog.split("train"),
        "held out": run.catalog.where(split=["val", "test"]),
    }
    images = {
        name: resized_images(prepared, part, side)(np.arange(len(part)))
        for name, part in real.items()
    }
    images["synthetic"] = np.stack([read_image(path) for path in made.paths])
    diagnoses = {
        name: part.table["diagnosis"]
        for name, part in {**real, "synthetic": made}.items()
    }
    extractor = feature_extractor(feature_weights)
    return judge_synthetic_images(images, diagnoses, extractor, seed)

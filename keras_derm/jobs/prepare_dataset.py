"""Job: split a catalog and prepare its images."""

from pathlib import Path

from keras_derm.runs import RunDirectory

REAL = "prepared/real"
N_SHOWN = 6
N_LOOKED_AT = 256


def prepare_dataset(
    run: str,
    image_size: int = 224,
    preset: str = "sn_gan_ensemble",
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    split_file: str | None = None,
    exclude_artefacts: bool = False,
    images_per_shard: int | None = None,
    seed: int = 0,
):
    """Split the audited images and prepare them (resize, hair removal).

    Writes the split into catalog.csv and the prepared images to prepared/. Where these
    were deleted, the same command prepares them again. What is left out here is not
    lost: audit/catalog.csv keeps the catalog as it was before the first preparation,
    and every other one begins with it.

    Args:
        run: Run directory with a finished audit.
        image_size: Side of the square prepared images in pixels.
        preset: Name of the chain of image layers.
        fractions: Shares of train, val and test. Images of one patient (else lesion)
            stay together; diagnoses are spread evenly.
        split_file: csv with a published split, taken instead; lesions that leak are
            counted in a warning.
        exclude_artefacts: Leave out images of which dark corners, a ruler, ink or
            bubbles cover so much that it cannot be painted over; they are listed
            with the reason in excluded_images.csv.
        images_per_shard: Keep the prepared images in TFRecord files of so many images
            each, for storage on a network; by default in one array.
        seed: Seed of the split.
    """
    settings = {
        "image_size": image_size,
        "preset": preset,
        "fractions": list(fractions),
        "split_file": split_file,
        "exclude_artefacts": exclude_artefacts,
        "seed": seed,
    }
    if images_per_shard is not None:
        settings["images_per_shard"] = images_per_shard
    _check(**settings)
    run = RunDirectory(run)
    with run.stage("prepare", settings, after=["audit"], folders=["prepared"]) as todo:
        if todo:
            _prepare(run, **settings)
        elif not (run / REAL).exists():
            _images(run, run.catalog, image_size, preset, images_per_shard)


def _check(preset, image_size, fractions, split_file, images_per_shard=None, **others):
    """Refuse what could not be done, before what is there is removed."""
    from keras_derm.catalog import check_fractions
    from keras_derm.layers import preparation
    from keras_derm.pipeline.shards import check_images_per_shard

    preparation(preset, image_size)
    check_fractions(fractions)
    if images_per_shard is not None:
        check_images_per_shard(images_per_shard)
    if split_file is not None and not Path(split_file).is_file():
        raise FileNotFoundError(f"no split file. Received: {split_file}")


def _whole_catalog(run):
    """The audited catalog, of which no preparation has left anything out."""
    from keras_derm.catalog import Catalog

    whole = run / "audit/catalog.csv"
    if not whole.is_file():
        run.catalog.save(whole)
    return Catalog.load(whole)


def _prepare(
    run,
    image_size,
    preset,
    fractions,
    split_file,
    exclude_artefacts,
    seed,
    images_per_shard=None,
):
    from keras_derm.catalog import apply_split_file, split_catalog

    catalog = _whole_catalog(run)
    (run / "excluded_images.csv").unlink(missing_ok=True)
    if exclude_artefacts:
        catalog = _without_artefacts(run, catalog)
    if split_file is None:
        catalog = split_catalog(catalog, fractions, seed)
    else:
        catalog = apply_split_file(catalog, split_file)
        catalog = catalog.where(split=["train", "val", "test"])
    chain, prepared = _images(run, catalog, image_size, preset, images_per_shard)
    _figure(run, catalog, prepared, chain, preset, seed)
    catalog.save(run / "catalog.csv")
    counts = catalog.table.groupby(["diagnosis", "split"]).size().unstack()
    counts = counts.reindex(columns=["train", "val", "test"]).fillna(0).astype(int)
    print(counts.to_string())


def _images(run, catalog, image_size, preset, images_per_shard):
    """The chain that prepares, and the images it has prepared."""
    from keras_derm.layers import preparation
    from keras_derm.pipeline import prepare

    chain = preparation(preset, image_size)
    return chain, prepare(catalog, chain, run / REAL, images_per_shard=images_per_shard)


def _without_artefacts(run, catalog):
    from keras_derm.files import write_csv
    from keras_derm.pipeline import exclusion_reasons

    reasons = exclusion_reasons(catalog)
    left_out = (reasons != "").to_numpy()
    excluded = catalog.table.loc[left_out, ["isic_id", "path", "diagnosis"]]
    excluded = excluded.assign(reason=reasons[left_out])
    write_csv(run / "excluded_images.csv", excluded)
    print(f"{len(excluded)} images left out for artefacts: excluded_images.csv")
    return catalog.where(~left_out)


def _figure(run, catalog, prepared, chain, preset, seed):
    """Show the training images on which preparation changed most."""
    import numpy as np

    from keras_derm.catalog import read_image
    from keras_derm.jobs.figure_files import save_figure
    from keras_derm.layers import augmentation
    from keras_derm.report import figures

    train = catalog.split("train")
    paths = np.array(train.paths)
    generator = np.random.default_rng(seed)
    rows = generator.permutation(len(train))[:N_LOOKED_AT]
    originals = [read_image(path) for path in paths[rows]]
    squares = [chain.apply_geometry(image[None])[0] for image in originals]
    done = prepared.take(prepared.indices(train)[rows])
    change = np.abs(np.stack(squares) - done).mean(axis=(1, 2, 3))
    shown = np.argsort(-change, kind="stable")[:N_SHOWN]
    augmented = augmentation(preset, seed)(done[shown])
    stages = {
        "original": [originals[i] for i in shown],
        "prepared": done[shown],
        "in training": np.asarray(augmented),
    }
    save_figure(run, "preparation", figures.preparation_stages(stages))

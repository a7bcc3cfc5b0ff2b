"""Job: make the images that are missing."""

from keras_derm.runs import RunDirectory

N_SHOWN = 24


def synthesize(
    run: str,
    target_per_diagnosis: int = 1000,
    max_ratio: float = 3.0,
    candidates_per_image: float = 1.5,
    seed: int = 0,
):
    """Sample the diagnoses and tones that are short, screen them, keep the rest.

    Writes synthetic/ (images and catalog.csv) and screening.csv, in which every
    rejected image has its reason.

    Args:
        run: Run directory with a trained generator.
        target_per_diagnosis: Training images each diagnosis shall have.
        max_ratio: Most synthetic images for each real one of a diagnosis.
        candidates_per_image: Images sampled for each one wanted, so that some can
            be rejected.
        seed: Seed of the samples.
    """
    settings = {key: value for key, value in locals().items() if key != "run"}
    run = RunDirectory(run)
    folders = ["synthetic", "prepared/synthetic"]
    with run.stage(
        "synthetic", settings, after=["prepare", "generator"], folders=folders
    ) as todo:
        if todo:
            _synthesize(run, **settings)


def _synthesize(run, target_per_diagnosis, max_ratio, candidates_per_image, seed):
    import keras
    import numpy as np

    from keras_derm import generative
    from keras_derm.files import write_csv
    from keras_derm.jobs.prepared_images import resized_images
    from keras_derm.layers.presets import preprocessing
    from keras_derm.pipeline import PreparedImages, prepare

    train = run.catalog.split("train")
    prepared = PreparedImages.load(run / "prepared/real")
    deficits = generative.cell_deficits(train, target_per_diagnosis, max_ratio)
    wanted = generative.deficit_conditions(deficits)
    write_csv(run / "cell_deficits.csv", deficits)
    if len(wanted) == 0:
        print("no diagnosis is short of images: nothing to make")
        return
    n_each = np.unique(wanted, axis=0, return_counts=True)
    conditions = np.repeat(
        n_each[0], np.ceil(n_each[1] * candidates_per_image).astype(int), axis=0
    )
    model = keras.models.load_model(run / "generator/generator.keras")
    print(f"sampling {len(conditions)} images for {len(wanted)} wanted", flush=True)
    images = model.sample(conditions, seed)
    real = resized_images(prepared, train, images.shape[1])(np.arange(len(train)))
    verdicts = generative.screen(
        images, conditions, real, generative.condition_indices(train), seed=seed
    )
    kept = _first_of_each_cell(conditions, verdicts["accepted"].to_numpy(), n_each)
    names = generative.condition_names(conditions)
    verdicts.insert(0, "diagnosis", [diagnosis for diagnosis, _ in names])
    verdicts.insert(1, "skin_tone", [tone for _, tone in names])
    verdicts.insert(2, "kept", kept)
    verdicts["nearest_reference"] = train.table["isic_id"].to_numpy()[
        verdicts["nearest_reference"].to_numpy(int)
    ]
    write_csv(run / "screening.csv", verdicts)
    accepted = int(verdicts["accepted"].sum())
    print(f"{accepted} of {len(images)} pass the screening, {kept.sum()} are kept")
    if not kept.any():
        return
    catalog = generative.write_synthetic(
        images[kept], conditions[kept], seed, "sngan", run / "synthetic"
    )
    size = prepared.image_size[0]
    # Made after prepared images: only their size is still to be changed.
    resizing = preprocessing("sn_gan_ensemble", size)[:1]
    prepare(catalog, resizing, run / "prepared/synthetic")
    _figure(run, images[kept], verdicts[kept], real, train, seed)


def _first_of_each_cell(conditions, accepted, n_each):
    """Of the accepted images of each cell, the first as many as are wanted."""
    import numpy as np

    kept = np.zeros(len(conditions), bool)
    for cell, n in zip(*n_each, strict=True):
        rows = np.flatnonzero((conditions == cell).all(axis=1) & accepted)
        kept[rows[:n]] = True
    return kept


def _figure(run, images, verdicts, real, train, seed):
    """Made images beside the real training image nearest to each."""
    import numpy as np

    from keras_derm.jobs.figure_files import save_figure
    from keras_derm.report import figures

    position = {isic_id: i for i, isic_id in enumerate(train.table["isic_id"])}
    verdicts = verdicts.reset_index(drop=True)
    generator = np.random.default_rng(seed)
    shown = np.sort(generator.permutation(len(images))[: N_SHOWN // 2])
    pictures, captions = [], []
    for row in shown:
        pictures += [images[row], real[position[verdicts["nearest_reference"][row]]]]
        captions += [
            f"made: {verdicts['diagnosis'][row]}, {verdicts['skin_tone'][row]}",
            "nearest real",
        ]
    save_figure(run, "synthetic", figures.contact_sheet(pictures, captions, 6))

"""Job: make the images that are missing."""

from keras_derm.jobs.image_quality import RESULTS
from keras_derm.runs import RunDirectory

N_SHOWN = 24
TRANSLATED_TO = "MEL"


def synthesize(
    run: str,
    target_per_diagnosis: int = 1000,
    max_ratio: float = 3.0,
    candidates_per_image: float = 1.5,
    seed: int = 0,
):
    """Make the diagnoses and tones that are short, screen the images, keep the rest.

    A CycleGAN translates benign training images with the tone that is wanted, each
    once at most, and makes the diagnosis it was trained for alone.

    Writes synthetic/ (images and catalog.csv) and screening.csv, in which every
    rejected image has its reason.

    Args:
        run: Run directory with a trained generator.
        target_per_diagnosis: Training images each diagnosis shall have.
        max_ratio: Most synthetic images for each real one of a diagnosis.
        candidates_per_image: Images made for each one wanted, so that some can be
            rejected.
        seed: Seed of the samples, or of which images are translated.
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
    from keras_derm.files import write_csv, write_json
    from keras_derm.jobs.prepared_images import resized_images
    from keras_derm.layers import preparation
    from keras_derm.pipeline import PreparedImages, prepare

    for name in (*RESULTS, "screening.csv", "synthesis.json", "figures/synthetic.png"):
        (run / name).unlink(missing_ok=True)
    train = run.catalog.split("train")
    prepared = PreparedImages.load(run / "prepared/real")
    generator = run.settings("generator")
    name = generator["model"]
    deficits = generative.cell_deficits(train, target_per_diagnosis, max_ratio)
    learned = [TRANSLATED_TO] if name == "cyclegan" else generator.get("diagnoses")
    because = _why_none(deficits, target_per_diagnosis, learned)
    if learned is not None:
        deficits = deficits[deficits["diagnosis"].isin(learned)]
    wanted = generative.deficit_conditions(deficits)
    write_csv(run / "cell_deficits.csv", deficits)
    if len(wanted) == 0:
        write_json(run / "synthesis.json", {"none_because": because})
        print(f"nothing to make: {because}")
        return
    n_each = np.unique(wanted, axis=0, return_counts=True)
    candidates = n_each[0], np.ceil(n_each[1] * candidates_per_image).astype(int)
    print(f"making {candidates[1].sum()} images for {len(wanted)} wanted", flush=True)
    model = keras.models.load_model(generative.best_model_file(run / "generator"))
    real = resized_images(prepared, train, generator["image_size"])(
        np.arange(len(train))
    )
    if name == "cyclegan":
        images, conditions, parents = _translated(model, train, real, candidates, seed)
    else:
        conditions, parents = np.repeat(*candidates, axis=0), None
        images = model.sample(conditions, seed)
    thresholds = run.settings("audit")["thresholds"]
    if not generator.get("conditional", True):
        conditions[:, 1] = generative.measured_tones(images, thresholds)
    verdicts = _screened(
        images, conditions, parents, train, real, n_each, seed, thresholds
    )
    write_csv(run / "screening.csv", verdicts)
    kept, accepted = verdicts["kept"].to_numpy(), verdicts["accepted"].sum()
    print(f"{accepted} of {len(images)} pass the screening, {kept.sum()} are kept")
    if not kept.any():
        return
    catalog = generative.write_synthetic(
        images[kept],
        conditions[kept],
        seed,
        name,
        run / "synthetic",
        None if parents is None else verdicts["parent_id"][kept],
    )
    chain = preparation(run.settings("prepare")["preset"], prepared.image_size[0])
    prepare(catalog, chain.of_prepared(), run / "prepared/synthetic")
    _figure(run, images[kept], verdicts[kept], real, train, seed)


def _why_none(deficits, target, learned):
    """Say why no image is to be made, where that is so."""
    have = deficits.groupby("diagnosis")["have"].sum()
    short = [name for name, n in have.items() if n < target]
    if not short:
        return "no diagnosis is short of images"
    if learned is not None and not set(short) & set(learned):
        return f"the generator did not learn those that are short, {', '.join(short)}"
    return (
        f"{', '.join(short)} are short of images, but no skin tone has enough real "
        "training images, 20, to aim at"
    )


def _translated(model, train, images, candidates, seed):
    """Translations of benign training images that have the tone wanted.

    Args:
        model: `CycleGAN`.
        train: `Catalog` of the training images.
        images: Their images, uint8 (m, side, side, 3).
        candidates: Cells wanted, integers (k, 2), and how many images of each.
        seed: Seed of which are translated.

    Returns:
        Tuple of the translations, their conditions, and the positions of their
        parents. A translation keeps its parent's tone, and no image has two.
    """
    import numpy as np

    from keras_derm.generative import benign_and_malignant, condition_indices

    benign, _ = benign_and_malignant(train.require_training_only(), TRANSLATED_TO)
    benign = np.random.default_rng(seed).permutation(benign)
    tones = condition_indices(train)[benign, 1]
    chosen = [benign[tones == cell[1]][:n] for cell, n in zip(*candidates, strict=True)]
    conditions = np.repeat(candidates[0], [len(rows) for rows in chosen], axis=0)
    parents = np.concatenate(chosen)
    return model.translate(images[parents]), conditions, parents


def _screened(images, conditions, parents, train, real, n_each, seed, thresholds):
    """Verdicts of the screening, with what each image shall be and is kept as."""
    from keras_derm import generative

    verdicts = generative.screen(
        images,
        conditions,
        real,
        generative.condition_indices(train),
        seed=seed,
        parents=parents,
        thresholds=thresholds,
    )
    kept = _first_of_each_cell(conditions, verdicts["accepted"].to_numpy(), n_each)
    names = generative.condition_names(conditions)
    verdicts.insert(0, "diagnosis", [diagnosis for diagnosis, _ in names])
    verdicts.insert(1, "skin_tone", [tone for _, tone in names])
    verdicts.insert(2, "kept", kept)
    ids = train.table["isic_id"].to_numpy()
    verdicts["nearest_reference"] = ids[verdicts["nearest_reference"].to_numpy(int)]
    if parents is not None:
        verdicts["parent_id"] = ids[parents]
    return verdicts


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

    from keras_derm.report import figures, save_figure

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

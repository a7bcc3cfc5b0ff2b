"""Job: make the images that are missing."""

from keras_derm.jobs.image_quality import RESULTS
from keras_derm.runs import RunDirectory

N_SHOWN = 24


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
    import numpy as np

    from keras_derm import generative
    from keras_derm.files import write_csv, write_json
    from keras_derm.jobs.train_generator import build, options_of
    from keras_derm.pipeline import PreparedImages, prepare, resized_images

    for name in (*RESULTS, "screening.csv", "synthesis.json", "figures/synthetic.png"):
        (run / name).unlink(missing_ok=True)
    train = run.catalog.split("train")
    settings = run.settings("generator")
    options, name = options_of(settings), settings["model"]
    learned = generative.generator_class(name).learned(options)
    plan = generative.plan_synthesis(train, target_per_diagnosis, max_ratio, learned)
    write_csv(run / "cell_deficits.csv", plan.deficits)
    if plan.none_because:
        write_json(run / "synthesis.json", {"none_because": plan.none_because})
        print(f"nothing to make: {plan.none_because}")
        return
    generator = generative.load_best(build(settings, options), run / "generator")
    prepared = PreparedImages.load(run / "prepared/real")
    take = resized_images(prepared, train, settings["image_size"])
    real = take(np.arange(len(train)))
    images, conditions, verdicts = generative.made_images(
        generator,
        options,
        plan,
        train,
        real,
        candidates_per_image,
        seed,
        run.settings("audit")["thresholds"],
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
        verdicts["parent_id"][kept] if "parent_id" in verdicts else None,
    )
    size = prepared.image_size[0]
    layers = _preparation(run.settings("prepare")["preset"], size)
    prepare(catalog, layers, run / "prepared/synthetic")
    _figure(run, images[kept], verdicts[kept], real, train, seed)


def _preparation(preset, size):
    """Layers that prepare made images.

    They were made after prepared images, so that only their size is to be changed, and
    where every image has the same range of values, theirs.
    """
    from keras_derm.layers import MinMaxRescale
    from keras_derm.layers.presets import preprocessing

    rescaling = [
        layer
        for layer in preprocessing(preset, size)
        if isinstance(layer, MinMaxRescale)
    ]
    return [*preprocessing("sn_gan_ensemble", size)[:1], *rescaling]


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

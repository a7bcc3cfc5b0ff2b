"""Job: train the generator on the training images."""

from dataclasses import asdict, fields
from typing import Literal

from keras_derm.runs import RunDirectory
from keras_derm.settings import GENERATOR_SETTINGS

N_MEASURED = 1000
EXTENDS = ("patience", "max_minutes", "tensorboard")
MODEL_OPTIONS = frozenset(
    field.name for options in GENERATOR_SETTINGS.values() for field in fields(options)
)


def train_generator(
    run: str,
    model: Literal[tuple(GENERATOR_SETTINGS)] = "sngan",
    image_size: int = 64,
    n_steps: int = 20000,
    steps_per_epoch: int = 100,
    batch_size: int | None = None,
    base_channels: int | None = None,
    latent_dim: int | None = None,
    learning_rate: float | None = None,
    balance: float | None = None,
    ema_decay: float | None = None,
    augmentation: bool | None = None,
    diagnoses: list[str] | None = None,
    conditional: bool | None = None,
    dropout: float | None = None,
    batch_normalization: bool | None = None,
    loss: str | None = None,
    critic_steps: int | None = None,
    identity_weight: float | None = None,
    gradient_accumulation: int = 1,
    precision: str = "float32",
    jit_compile: bool = False,
    tensorboard: bool = False,
    feature_weights: str | None = None,
    measure_every: int = 5,
    patience: int = 0,
    max_minutes: float | None = None,
    seed: int = 0,
):
    """Train a generator on the real training images, and on no others.

    A run started again goes on after its last whole epoch, also where n_steps (but
    for cyclegan), patience or max_minutes were changed to go further. Writes
    generator/: the model, history.csv, and a grid of samples for every epoch; with
    feature_weights also quality.csv and the best model so far, which is then the one
    that is sampled.

    Args:
        run: Run directory with prepared images.
        model: sngan and conditional_wgan_gp make images of a diagnosis and skin tone;
            cyclegan turns images of benign lesions into melanoma.
        image_size: Side of the images it makes, 32 to 256 pixels; a multiple of 16
            for cyclegan.
        n_steps: Steps in all, each with one update of the generator, or one gradient
            where gradients are accumulated.
        steps_per_epoch: Steps between two savings.
        batch_size: Images of a gradient; 64, for cyclegan 1 of each domain.
        base_channels: Channels of the networks at half of the image size; 32.
        latent_dim: Length of the noise vector; 128. Not for cyclegan.
        learning_rate: Adam's, for both sides; 2e-4 (betas 0.5 and 0.999), for
            conditional_wgan_gp 1e-4 (betas 0 and 0.9). cyclegan's falls to 0 over the
            second half of the steps.
        balance: 0 shows diagnoses as often as they occur, 1 all equally often; 0.5.
            cyclegan sees as many benign images as melanomas.
        ema_decay: Decay of the averaged weights that sampling uses; 0.995, for
            cyclegan 0.
        augmentation: Let the discriminator see augmented images only; true for sngan
            alone.
        diagnoses: Train on these only, such as [MEL]. Not for cyclegan.
        conditional: Make the diagnosis and skin tone that are asked for; true. Without,
            as sn_gan_ensemble was published, name the one diagnosis to train on: the
            images are of it, and of the skin tone that is then measured on them. Not
            for cyclegan.
        dropout: Share of the discriminator's features dropped after every convolution;
            0. For sngan alone.
        batch_normalization: Normalize batches in the discriminator too; false. For
            sngan alone.
        loss: binary_crossentropy or hinge for sngan, binary_crossentropy or
            least_squares for cyclegan.
        critic_steps: Updates of the critic for each of the generator; 5. For
            conditional_wgan_gp alone.
        identity_weight: Weight of the identity loss in parts of the cycle loss; 0.
            For cyclegan alone.
        gradient_accumulation: Gradients averaged for one update, so that batches may be
            larger than memory; n_steps is a multiple of it. On one device only.
        precision: float32, or mixed_bfloat16 where the networks allow it. It is not
            measured here which is faster, so that auto is refused.
        jit_compile: Compile the step with XLA. The random numbers stay the same, but
            for dropout's, and losses agree to rounding (2e-6 of them in two steps).
        tensorboard: Write losses and grids of samples for TensorBoard too, into
            generator/tensorboard. Needs the package tensorboard.
        feature_weights: Weights of MobileNetV2 without the top (a path, or imagenet),
            with which the kernel distance between made and training images is
            measured while training goes on.
        measure_every: Epochs between two measurements.
        patience: Measurements without a new best after which training ends; 0 to go
            on up to n_steps.
        max_minutes: Minutes of training after which it ends; restarts count on.
        seed: Seed of weights, order and noise.
    """
    given = {name: value for name, value in locals().items() if name in MODEL_OPTIONS}
    options = _model_settings(model, given)
    settings = {
        "model": model,
        "image_size": image_size,
        "n_steps": n_steps,
        "steps_per_epoch": steps_per_epoch,
        **asdict(options),
        "gradient_accumulation": gradient_accumulation,
        "precision": precision,
        "jit_compile": jit_compile,
        "tensorboard": tensorboard,
        "feature_weights": feature_weights,
        "measure_every": measure_every,
        "patience": patience,
        "max_minutes": max_minutes,
        "seed": seed,
    }
    if gradient_accumulation < 1 or n_steps % gradient_accumulation:
        raise ValueError(
            "`gradient_accumulation` must be positive and divide `n_steps`. Received: "
            f"gradient_accumulation={gradient_accumulation}, n_steps={n_steps}"
        )
    from keras_derm.generative import generator_class

    generator_class(model).check_precision(precision)
    run = RunDirectory(run)
    with run.stage(
        "generator",
        settings,
        after=["prepare"],
        folders=["generator"],
        extends=(*EXTENDS, *options.EXTENDS),
        self_contained=True,
    ) as todo:
        if todo:
            _train(run, settings, options)


def _model_settings(model, given):
    """Settings of the model: what was given, else its defaults."""
    given = {name: value for name, value in given.items() if value is not None}
    known = {field.name for field in fields(GENERATOR_SETTINGS[model])}
    if not given.keys() <= known:
        raise ValueError(
            f"{model} takes the options {sorted(known)}. "
            f"Received: {sorted(given.keys() - known)}"
        )
    return GENERATOR_SETTINGS[model](**given)


def build(settings, options):
    """The generator of a run, with new weights.

    Args:
        settings: Dict of the stage's settings.
        options: `Settings` of the generator.

    Returns:
        Compiled `Generator`.
    """
    from keras_derm.generative import generator_class

    return generator_class(settings["model"]).from_settings(
        options,
        settings["image_size"],
        settings["n_steps"],
        settings["seed"],
        settings["gradient_accumulation"],
        settings["precision"],
        settings["jit_compile"],
    )


def options_of(settings):
    """The `Settings` of the generator among a stage's settings."""
    kind = GENERATOR_SETTINGS[settings["model"]]
    return kind(**{field.name: settings[field.name] for field in fields(kind)})


def _train(run, settings, options):
    import sys

    import keras

    from keras_derm import generative
    from keras_derm.jobs.image_quality import feature_extractor
    from keras_derm.pipeline import PreparedImages, resized_images
    from keras_derm.runs import default_strategy

    seed, folder = settings["seed"], run / "generator"
    keras.utils.set_random_seed(seed)
    train = generative.generator_class(settings["model"]).training_rows(
        options, run.catalog.split("train")
    )
    prepared = PreparedImages.load(run / "prepared/real")
    with default_strategy().scope():
        generator = build(settings, options)
    images = resized_images(prepared, train, settings["image_size"])
    measure, callbacks = None, []
    if settings["tensorboard"]:
        board = generative.SampleBoard(folder / "tensorboard", folder / "samples")
        callbacks.append(board)
    if settings["feature_weights"] is not None:
        extractor = feature_extractor(settings["feature_weights"])
        measure = _kernel_distance(generator, extractor, train, images, seed)
    generative.train(
        generator,
        train,
        images,
        folder,
        options,
        n_steps=settings["n_steps"],
        steps_per_epoch=settings["steps_per_epoch"],
        seed=seed,
        measure=measure,
        measure_every=settings["measure_every"],
        patience=settings["patience"],
        max_minutes=settings["max_minutes"],
        callbacks=callbacks,
        verbose="auto" if sys.stdout.isatty() else 2,
    )


def _kernel_distance(generator, extractor, train, images, seed):
    """Function that measures how far made images are from training images.

    Both are of the same conditions, among which rare diagnoses have a part, as in
    training; distances are of features.
    """
    from keras_derm.evaluation.image_quality import kernel_distance

    real, make = generator.counterparts(train, images, N_MEASURED, seed, balance=0.5)
    real = extractor(real)

    def measure():
        mean, deviation = kernel_distance(real, extractor(make()))
        return {"kernel_distance": mean, "kernel_distance_deviation": deviation}

    return measure

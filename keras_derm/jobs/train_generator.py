"""Job: train the generator on the training images."""

from typing import Literal

from keras_derm.runs import RunDirectory

# What each model takes, with the value where none is given; None is the model's own.
CONDITIONAL_OPTIONS = {
    "batch_size": 64,
    "base_channels": 32,
    "latent_dim": 128,
    "balance": 0.5,
    "ema_decay": 0.995,
    "diagnoses": None,
    "conditional": True,
}
OPTIONS = {
    "sngan": CONDITIONAL_OPTIONS
    | {
        "learning_rate": 2e-4,
        "augmentation": True,
        "loss": None,
        "dropout": 0.0,
        "batch_normalization": False,
    },
    "conditional_wgan_gp": CONDITIONAL_OPTIONS
    | {"learning_rate": 1e-4, "augmentation": False, "critic_steps": None},
    "cyclegan": {
        "batch_size": 1,
        "base_channels": 32,
        "learning_rate": 2e-4,
        "ema_decay": 0.0,
        "augmentation": False,
        "loss": None,
        "identity_weight": None,
    },
}
N_MEASURED = 1000
EXTENDS = ("patience", "max_minutes", "tensorboard")
ALL_OPTIONS = frozenset().union(*OPTIONS.values())
BETAS = {
    "sngan": (0.5, 0.999),
    "conditional_wgan_gp": (0.0, 0.9),
    "cyclegan": (0.5, 0.999),
}


def train_generator(
    run: str,
    model: Literal["sngan", "conditional_wgan_gp", "cyclegan"] = "sngan",
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
    mixed_precision: bool = False,
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
        mixed_precision: Compute in bfloat16 where the networks allow it.
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
    options = {name: value for name, value in locals().items() if name in ALL_OPTIONS}
    settings = {
        "model": model,
        "image_size": image_size,
        "n_steps": n_steps,
        "steps_per_epoch": steps_per_epoch,
        **_model_options(model, options),
        "gradient_accumulation": gradient_accumulation,
        "mixed_precision": mixed_precision,
        "jit_compile": jit_compile,
        "tensorboard": tensorboard,
        "feature_weights": feature_weights,
        "measure_every": measure_every,
        "patience": patience,
        "max_minutes": max_minutes,
        "seed": seed,
    }
    if not settings.get("conditional", True) and len(diagnoses or ()) != 1:
        raise ValueError(
            "without conditions, an image is of the one diagnosis that the generator "
            f"learned: name it, such as --diagnoses '[MEL]'. Received: {diagnoses}"
        )
    if gradient_accumulation < 1 or n_steps % gradient_accumulation:
        raise ValueError(
            "`gradient_accumulation` must be positive and divide `n_steps`. Received: "
            f"gradient_accumulation={gradient_accumulation}, n_steps={n_steps}"
        )
    run = RunDirectory(run)
    with run.stage(
        "generator",
        settings,
        after=["prepare"],
        folders=["generator"],
        # The learning rate of cyclegan falls with the share of steps done.
        extends=EXTENDS if model == "cyclegan" else (*EXTENDS, "n_steps"),
        self_contained=True,
    ) as todo:
        if todo:
            _train(run, **settings)


def _model_options(model, given):
    """Options of the model: what was given, else its defaults."""
    given = {name: value for name, value in given.items() if value is not None}
    foreign = sorted(set(given) - set(OPTIONS[model]))
    if foreign:
        raise ValueError(
            f"{model} takes the options {sorted(OPTIONS[model])}. Received: {foreign}"
        )
    options = OPTIONS[model] | given
    return {name: value for name, value in options.items() if value is not None}


def _train(
    run,
    model,
    image_size,
    n_steps,
    steps_per_epoch,
    batch_size,
    learning_rate,
    gradient_accumulation,
    mixed_precision,
    jit_compile,
    tensorboard,
    feature_weights,
    measure_every,
    patience,
    max_minutes,
    seed,
    balance=None,
    diagnoses=None,
    **options,
):
    import sys

    import keras

    from keras_derm import generative
    from keras_derm.evaluation.image_quality.feature_extractor import feature_extractor
    from keras_derm.jobs.prepared_images import resized_images
    from keras_derm.pipeline import PreparedImages
    from keras_derm.precision import computing_in
    from keras_derm.runs import default_strategy

    keras.utils.set_random_seed(seed)
    train = run.catalog.split("train")
    if diagnoses is not None:
        present = train.table["diagnosis"].value_counts().to_dict()
        train = train.where(diagnosis=diagnoses)
        if not len(train):
            raise ValueError(
                "`diagnoses` must be of training images. "
                f"Received: {diagnoses}, where there are {present}"
            )
    prepared = PreparedImages.load(run / "prepared/real")
    build = getattr(generative, f"build_{model}")
    precision = "mixed_bfloat16" if mixed_precision else "float32"
    with default_strategy().scope(), computing_in(precision):
        network = build(image_size, seed=seed, **options)
        network.compile(
            *(
                _adam(model, learning_rate, n_steps, gradient_accumulation)
                for _ in range(2)
            ),
            jit_compile=jit_compile,
        )
    settings = {
        "n_steps": n_steps,
        "steps_per_epoch": steps_per_epoch,
        "batch_size": batch_size,
        "measure_every": measure_every,
        "patience": patience,
        "max_minutes": max_minutes,
        "seed": seed,
        "verbose": "auto" if sys.stdout.isatty() else 2,
    }
    images = resized_images(prepared, train, image_size)
    folder = run / "generator"
    if tensorboard:
        board = generative.SampleBoard(folder / "tensorboard", folder / "samples")
        settings["callbacks"] = [board]
    if feature_weights is not None:
        extractor = feature_extractor(feature_weights)
        settings["measure"] = _kernel_distance(extractor, train, images, model, seed)
    if model == "cyclegan":
        generative.train_translator(network, train, images, folder, **settings)
    else:
        generative.train_generator(
            network, train, images, folder, balance=balance, **settings
        )


def _kernel_distance(extractor, train, images, model, seed):
    """Function of a model: distance of its images to training images, as features.

    The images are of the conditions of the training images that they are compared
    with: rare diagnoses have a part, as in training.
    """
    import numpy as np

    from keras_derm import generative
    from keras_derm.evaluation.image_quality.feature_distances import kernel_distance

    generator = np.random.default_rng(seed)
    if model == "cyclegan":
        benign, malignant = (
            np.sort(generator.permutation(rows)[:N_MEASURED])
            for rows in generative.benign_and_malignant(train)
        )
        real = extractor(images(malignant))
        sources = images(benign)

        def make(network):
            return network.translate(sources)
    else:
        conditions = generative.condition_indices(train)
        weights = generative.sampling_weights(conditions[:, 0])
        n = min(N_MEASURED, len(train))
        rows = np.sort(generator.choice(len(train), n, replace=False, p=weights))
        real = extractor(images(rows))

        def make(network):
            return network.sample(conditions[rows], seed)

    def measure(network):
        mean, deviation = kernel_distance(real, extractor(make(network)))
        return {"kernel_distance": mean, "kernel_distance_deviation": deviation}

    return measure


def _adam(model, learning_rate, n_steps, gradient_accumulation):
    import keras

    from keras_derm.generative import LinearDecay

    if model == "cyclegan":
        constant = n_steps // 2
        learning_rate = LinearDecay(learning_rate, constant, n_steps - constant)
    beta_1, beta_2 = BETAS[model]
    accumulated = gradient_accumulation if gradient_accumulation > 1 else None
    return keras.optimizers.Adam(
        learning_rate,
        beta_1=beta_1,
        beta_2=beta_2,
        gradient_accumulation_steps=accumulated,
    )

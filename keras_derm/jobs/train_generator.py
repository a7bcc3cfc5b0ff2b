"""Job: train the generator on the training images."""

from keras_derm.runs import RunDirectory


def train_generator(
    run: str,
    image_size: int = 64,
    n_steps: int = 20000,
    steps_per_epoch: int = 100,
    batch_size: int = 64,
    base_channels: int = 32,
    latent_dim: int = 128,
    learning_rate: float = 2e-4,
    balance: float = 0.5,
    ema_decay: float = 0.995,
    augmentation: bool = True,
    seed: int = 0,
):
    """Train the conditional SN-GAN on the real training images, and on no others.

    A run started again goes on after its last whole epoch.

    Args:
        run: Run directory with prepared images.
        image_size: Side of the images it makes, 32 to 256 pixels.
        n_steps: Steps in all, each of the discriminator and the generator.
        steps_per_epoch: Steps between two savings.
        batch_size: Images a step.
        base_channels: Channels of the networks at half of the image size.
        latent_dim: Length of the noise vector.
        learning_rate: Adam's, for both networks; betas are 0.5 and 0.999.
        balance: 0 shows diagnoses as often as they occur, 1 all equally often.
        ema_decay: Decay of the averaged weights that sampling uses.
        augmentation: Let the discriminator see augmented images only.
        seed: Seed of weights, order and noise.
    """
    settings = {key: value for key, value in locals().items() if key != "run"}
    run = RunDirectory(run)
    stage = run.stage("generator", settings, after=["prepare"], folders=["generator"])
    with stage as todo:
        if todo:
            _train(run, **settings)


def _train(
    run,
    image_size,
    n_steps,
    steps_per_epoch,
    batch_size,
    base_channels,
    latent_dim,
    learning_rate,
    balance,
    ema_decay,
    augmentation,
    seed,
):
    import sys

    import keras

    from keras_derm import generative
    from keras_derm.jobs.prepared_images import resized_images
    from keras_derm.pipeline import PreparedImages
    from keras_derm.runs import default_strategy

    keras.utils.set_random_seed(seed)
    train = run.catalog.split("train")
    prepared = PreparedImages.load(run / "prepared/real")
    with default_strategy().scope():
        model = generative.build_sngan(
            image_size,
            latent_dim,
            base_channels,
            ema_decay=ema_decay,
            augmentation=augmentation,
            seed=seed,
        )
        model.compile(
            keras.optimizers.Adam(learning_rate, beta_1=0.5, beta_2=0.999),
            keras.optimizers.Adam(learning_rate, beta_1=0.5, beta_2=0.999),
        )
    generative.train_generator(
        model,
        train,
        resized_images(prepared, train, image_size),
        run / "generator",
        n_steps=n_steps,
        steps_per_epoch=steps_per_epoch,
        batch_size=batch_size,
        balance=balance,
        seed=seed,
        verbose="auto" if sys.stdout.isatty() else 2,
    )

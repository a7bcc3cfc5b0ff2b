"""What every generator must do, as checks that the tests of each call."""

import keras
import numpy as np
import tensorflow as tf


def small_generator(side=8, latent_dim=4):
    """Noise and condition to an image, without batch normalization. For tests only."""
    noise = keras.Input((latent_dim,))
    conditions = [keras.Input((), dtype="int32") for _ in range(2)]
    embedded = [keras.layers.Embedding(9, 4)(index) for index in conditions]
    features = keras.layers.Concatenate()([noise, *embedded])
    features = keras.layers.Dense(side * side * 3, activation="tanh")(features)
    image = keras.layers.Reshape((side, side, 3), dtype="float32")(features)
    return keras.Model([noise, *conditions], image)


def small_critic(side=8):
    """Image and condition to a score. For tests only."""
    image = keras.Input((side, side, 3))
    conditions = [keras.Input((), dtype="int32") for _ in range(2)]
    embedded = [keras.layers.Embedding(9, 4)(index) for index in conditions]
    features = keras.layers.Conv2D(4, 4, strides=2, activation="relu")(image)
    features = keras.layers.Flatten()(features)
    features = keras.layers.Concatenate()([features, *embedded])
    score = keras.layers.Dense(1, dtype="float32")(features)
    return keras.Model([image, *conditions], score)


def conditional_batches(n_batches, batch_size=8, side=8):
    """Data set of (images, diagnosis, skin tone), the same at every call."""
    generator = np.random.default_rng(5)
    n = n_batches * batch_size
    images = generator.integers(0, 256, (n, side, side, 3)).astype("uint8")
    diagnosis = generator.integers(0, 8, n).astype("int32")
    tone = generator.integers(0, 4, n).astype("int32")
    dataset = tf.data.Dataset.from_tensor_slices((images, diagnosis, tone))
    return dataset.batch(batch_size, drop_remainder=True)


def translation_batches(n_batches, batch_size=1, side=16):
    """Data set of (benign images, malignant images), the same at every call."""
    generator = np.random.default_rng(5)
    shape = (2, n_batches * batch_size, side, side, 3)
    images = generator.integers(0, 256, shape).astype("uint8")
    dataset = tf.data.Dataset.from_tensor_slices(tuple(images))
    return dataset.batch(batch_size, drop_remainder=True)


def losses(model, batches):
    """Losses of every step: float array (steps, losses)."""
    history = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: model.reset_metrics(),
        on_train_batch_end=lambda batch, logs: history.append(list(logs.values())),
    )
    model.fit(batches, callbacks=[record], shuffle=False, verbose=0)
    return np.array(history, dtype=float)


def assert_goes_on_exactly(model, batches, images_of, path):
    """A model saved after two of four steps and loaded ends as the one that went on.

    Args:
        model: Compiled model, not trained yet.
        batches: Data set of four batches.
        images_of: Function from the model to the images it makes.
        path: Where to save, a `.keras` path.
    """
    model.run_eagerly = True  # Tracing would take longer than four steps.
    losses(model, batches.take(2))
    model.save(path)
    loaded = keras.models.load_model(path)
    loaded.run_eagerly = True
    np.testing.assert_array_equal(images_of(model), images_of(loaded))
    rest = batches.skip(2)
    np.testing.assert_allclose(losses(loaded, rest), losses(model, rest), rtol=1e-5)
    assert loaded.steps_done == model.steps_done == 4
    for a, b in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6, err_msg=a.path)
    for name in type(model).SIDES:
        for a, b in zip(
            getattr(model, name).variables, getattr(loaded, name).variables, strict=True
        ):
            np.testing.assert_allclose(a, b, atol=1e-6, err_msg=f"{name} {a.path}")

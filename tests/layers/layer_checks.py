"""What every image layer must do, checked in one call."""

import keras
import numpy as np
import tensorflow as tf

HEIGHT, WIDTH = 45, 60


def photographs(n=2, height=HEIGHT, width=WIDTH, seed=0):
    """Return smooth random colour pictures with dark lines, uint8 NHWC."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(60, 250, (n, 6, 6, 3)).astype("float32")
    images = np.array(tf.image.resize(coarse, (height, width), method="bicubic"))
    images[:, height // 3 : height // 3 + 2] *= 0.3
    images[:, :, width // 2 : width // 2 + 2] *= 0.3
    return np.clip(images, 0, 255).astype("uint8")


def check_image_layer(
    make,
    tmp_path,
    output_size=None,
    has_gradient=True,
    photographic=True,
    extremes_within=1e-3,
    compiles=True,
):
    """Check the contract of image layers on the layer that `make()` returns.

    `photographic`: the result is within [0, 255] and black and white stay, within
    `extremes_within`. `compiles`: XLA takes the layer.
    """
    images = photographs()
    expected = (2, *(output_size or images.shape[1:3]), 3)
    _check_values(make(), images, expected, photographic)
    _check_extremes(make(), extremes_within if photographic else np.inf)
    _check_saving(make(), images, tmp_path)
    _check_dataset(make(), images, expected)
    _check_unknown_size(make(), images, expected)
    if has_gradient:
        _check_gradient(make(), images)
    if compiles:
        _check_compiled(make(), images)


def _check_values(layer, images, expected, photographic):
    result = np.array(layer(images))
    assert result.dtype == np.float32
    assert result.shape == expected
    assert layer.compute_output_shape(images.shape) == expected
    if photographic:
        assert result.min() >= 0 and result.max() <= 255
    np.testing.assert_array_equal(result, layer(images.astype("float32")))
    np.testing.assert_allclose(layer(images[:1]), result[:1], atol=1e-3)


def _check_extremes(layer, within):
    for value in (0, 255):
        flat = np.full((1, HEIGHT, WIDTH, 3), value, "uint8")
        np.testing.assert_allclose(np.array(layer(flat)), float(value), atol=within)
    assert np.all(np.isfinite(layer(np.zeros((1, 1, 1, 3), "uint8"))))


def _check_saving(layer, images, tmp_path):
    inputs = keras.Input(images.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.models.load_model(path)
    np.testing.assert_array_equal(again(images), model(images))
    assert again.layers[-1].get_config() == layer.get_config()


def _check_dataset(layer, images, expected):
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(2).map(layer)
    assert next(iter(dataset)).shape == expected


def _check_unknown_size(layer, images, expected):
    signature = tf.TensorSpec((None, None, None, 3), tf.uint8)
    result = tf.function(layer, input_signature=[signature])(images)
    assert result.shape == expected


def _check_gradient(layer, images):
    images = tf.constant(images, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(layer(images))
    gradient = tape.gradient(total, images)
    assert np.all(np.isfinite(gradient))
    assert np.any(np.array(gradient) != 0)


def _check_compiled(layer, images):
    compiled = tf.function(layer, jit_compile=True)
    difference = np.abs(np.array(compiled(images)) - np.array(layer(images)))
    # Sums in another order may move a value over a threshold or a rounding.
    assert np.mean(difference > 0.01) < 0.01

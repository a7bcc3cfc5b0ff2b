import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_derm.layers import FourierMix


def photographs(n=4, side=32):
    generator = np.random.default_rng(0)
    images = generator.normal(120, 6, (n, side, side, 3))
    images += np.linspace(-20, 20, n)[:, None, None, None]
    return images.clip(20, 235).astype("float32")


def with_share(share, n=4):
    """A transformation that takes each image's amplitude from the next one."""
    order = np.array([[(i - 1) % n] for i in range(n)], "float32")
    return tf.constant(np.concatenate([order, np.full((n, 1), share)], 1), tf.float32)


def test_without_a_share_images_stay():
    images = photographs()
    found = FourierMix(1.0).transform_images(images, with_share(0.0))
    np.testing.assert_allclose(found, images, atol=0.01)


def test_all_of_the_amplitude_is_that_of_the_other_and_the_phase_is_its_own():
    images = photographs()
    transformation = with_share(1.0)
    others = images[np.argsort(transformation[:, 0])]
    found = np.asarray(FourierMix(1.0).transform_images(images, transformation))
    spectra = [np.fft.fft2(one, axes=(1, 2)) for one in (images, others)]
    mixed = np.abs(spectra[1]) * np.exp(1j * np.angle(spectra[0]))
    expected = np.fft.ifft2(mixed, axes=(1, 2)).real.clip(0, 255)
    np.testing.assert_allclose(found, expected, atol=0.05)
    # The mean of an image is its amplitude at frequency zero.
    assert (found > 0).all() and (found < 255).all()
    means = [one.mean(axis=(1, 2)) for one in (found, others)]
    np.testing.assert_allclose(*means, rtol=1e-3)


def test_acts_in_training_alone_and_repeats():
    images = photographs()
    assert (np.asarray(FourierMix(seed=0)(images, training=False)) == images).all()
    first, again = (
        np.asarray(FourierMix(seed=0)(images, training=True)) for _ in range(2)
    )
    assert (first == again).all() and np.abs(first - images).max() > 1
    config = FourierMix(0.3, seed=4).get_config()
    assert FourierMix.from_config(config).strength == 0.3
    assert keras.saving.get_registered_name(FourierMix) == "keras_derm>FourierMix"


def test_strength_out_of_its_range_is_refused():
    with pytest.raises(ValueError, match="strength"):
        FourierMix(1.5)

import numpy as np

from keras_derm.layers import augmentation
from keras_derm.pipeline import PreparedImages, image_dataset


def batches(n=24):
    """The first batches of an augmented training set, made anew."""
    images = np.random.default_rng(0).integers(0, 255, (40, 16, 16, 3), "uint8")
    prepared = PreparedImages([f"i{k}" for k in range(40)], [images])
    dataset = image_dataset(
        prepared,
        np.arange(40),
        np.arange(40),
        batch_size=4,
        shuffle=True,
        repeat=True,
        seed=3,
        layers=augmentation("sn_gan_ensemble", seed=3),
    )
    return list(dataset.take(n).as_numpy_iterator())


def test_augmented_batches_repeat_with_the_seed():
    for (images, targets), (again, same) in zip(batches(), batches(), strict=True):
        np.testing.assert_array_equal(targets, same)
        np.testing.assert_array_equal(images, again)


def test_augmentation_differs_from_batch_to_batch():
    darkened = [images.mean() for images, _ in batches()]
    assert len(np.unique(np.round(darkened, 3))) > 12


def test_without_layers_images_come_as_they_are():
    images = np.random.default_rng(0).integers(0, 255, (5, 8, 8, 3), "uint8")
    prepared = PreparedImages([f"i{k}" for k in range(5)], [images])
    found = np.concatenate(
        [batch for batch, *_ in image_dataset(prepared, [3, 1, 4], batch_size=2)]
    )
    np.testing.assert_array_equal(found, images[[3, 1, 4]])

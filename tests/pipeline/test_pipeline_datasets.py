import keras
import numpy as np
import pytest

from keras_derm.layers import Augmentation, augmentation
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
        augmentation=augmentation("sn_gan_ensemble", seed=3),
    )
    return list(dataset.take(n).as_numpy_iterator())


def test_augmented_batches_repeat_with_the_seed():
    for (images, targets), (again, same) in zip(batches(), batches(), strict=True):
        np.testing.assert_array_equal(targets, same)
        np.testing.assert_array_equal(images, again)


def test_every_epoch_holds_every_image_in_an_order_of_its_own():
    epochs = np.concatenate([rows for _, rows in batches(30)]).reshape(3, 40)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), [np.arange(40)] * 3)
    assert len({tuple(order) for order in epochs}) == 3


def augmented(images, **settings):
    return image_dataset(
        PreparedImages([f"i{k}" for k in range(len(images))], [images]),
        np.arange(len(images)),
        batch_size=4,
        shuffle=True,
        repeat=True,
        augmentation=augmentation("keras_derm", seed=3),
        **settings,
    )


def test_a_second_iterator_gives_the_same_batches():
    """A training in two parts reads the data set twice."""
    images = np.random.default_rng(0).integers(0, 255, (8, 4, 4, 3), "uint8")
    dataset = augmented(images)
    first, second = ([*dataset.skip(n).take(5 - n)] for n in (0, 3))
    for (one,), (other,) in zip(first[3:], second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("share", [(0, 1), (1, 2)])
def test_first_batch_leaves_out_what_skip_leaves_out(share):
    images = np.random.default_rng(0).integers(0, 255, (8, 4, 4, 3), "uint8")
    expected = augmented(images, share=share).skip(5).take(3)
    found = augmented(images, share=share, first_batch=5).take(3)
    for (one,), (other,) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_first_batch_leaves_out_is_not_read(monkeypatch):
    n_read, take = [], PreparedImages.take
    monkeypatch.setattr(
        PreparedImages, "take", lambda self, i: n_read.append(len(i)) or take(self, i)
    )
    next(iter(augmented(np.zeros((8, 4, 4, 3), "uint8"), first_batch=2000)))
    assert len(n_read) < 200  # some are read ahead


@pytest.mark.parametrize("first_batch, repeat", [(3, False), (-1, True)])
def test_unusable_first_batch_is_refused(first_batch, repeat):
    prepared = PreparedImages(["a"], [np.zeros((1, 2, 2, 3), np.uint8)])
    settings = {"first_batch": first_batch, "repeat": repeat}
    with pytest.raises(ValueError, match=f"Received: first_batch={first_batch}"):
        image_dataset(prepared, [0], **settings)


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


CLASSES = np.array([0] * 90 + [1] * 9 + [2])


def balanced():
    images = np.zeros((100, 2, 2, 3), np.uint8)
    prepared = PreparedImages([f"i{k}" for k in range(100)], [images])
    return image_dataset(
        prepared,
        np.arange(100),
        np.arange(100),
        batch_size=10,
        shuffle=True,
        repeat=True,
        seed=5,
        balance_by=CLASSES,
    )


def drawn(dataset, n_batches):
    return np.concatenate([rows for _, rows in dataset.take(n_batches)])


def test_balanced_sampling_draws_classes_equally_often_and_images_in_turn():
    rows = drawn(balanced(), 180)
    counts = np.bincount(CLASSES[rows])
    # Binomial(1800, 1/3): five standard deviations.
    np.testing.assert_allclose(counts, 600, atol=5 * np.sqrt(1800 * 2 / 9))
    of_first = rows[rows < 90]
    assert len(np.unique(of_first[:90])) == 90
    assert list(of_first[:90]) != list(of_first[90:180])


def test_balanced_sampling_goes_on_where_it_was_stopped():
    np.testing.assert_array_equal(
        drawn(balanced().skip(7), 5), drawn(balanced(), 12)[70:]
    )


def test_balanced_sampling_without_end_is_refused_for_one_pass():
    prepared = PreparedImages(["a"], [np.zeros((1, 2, 2, 3), np.uint8)])
    with pytest.raises(ValueError, match="Received: shuffle=False"):
        image_dataset(prepared, [0], balance_by=[0])


def shares(augmentation, batch_size=6, repeat=True, count=3):
    """Two batches of each worker's share."""
    images = np.random.default_rng(0).integers(0, 255, (40, 16, 16, 3), "uint8")
    prepared = PreparedImages([f"i{k}" for k in range(40)], [images])
    settings = {"batch_size": batch_size, "shuffle": True, "repeat": repeat}
    parts = [
        image_dataset(
            prepared,
            rows := np.arange(40),
            rows,
            augmentation=augmentation,
            share=(i, count),
            **settings,
        ).take(2)
        for i in range(count)
    ]
    return [list(part.as_numpy_iterator()) for part in parts]


def test_shares_of_several_workers_make_up_the_batch_of_one():
    [whole], parts = shares(None, count=1), shares(None)
    for number, batch in enumerate(whole):
        together = zip(*(part[number] for part in parts), strict=True)
        for column, expected in zip(together, batch, strict=True):
            assert [len(share) for share in column] == [2, 2, 2]
            np.testing.assert_array_equal(np.concatenate(column), expected)


def test_workers_augment_with_other_random_numbers():
    class Noise(keras.layers.Layer):
        """Random numbers in place of images."""

        def __init__(self):
            super().__init__()
            self.seed_generator = keras.random.SeedGenerator(3)

        def get_random_transformation(self, images, training=True):
            return keras.random.uniform((2, 1), seed=self.seed_generator)

        def transform_images(self, images, transformation, training=True):
            return transformation

    drawn = [images for part in shares(Augmentation([Noise()])) for images, _ in part]
    assert len(np.unique(np.round(drawn, 6))) == 3 * 2 * 2


@pytest.mark.parametrize("setting", [{"batch_size": 7}, {"repeat": False}])
def test_batches_that_cannot_be_shared_out_are_refused(setting):
    with pytest.raises(ValueError, match="equal part.*Received: share="):
        shares(None, **setting)

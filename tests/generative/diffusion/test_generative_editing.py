import keras
import numpy as np
import pytest
from generator_checks import conditional_batches

from keras_derm.generative import Diffusion
from keras_derm.generative.diffusion.editing import edit

SIDE = 32
CONDITIONS = np.array([[0, 2], [1, 2]])


@pytest.fixture(scope="module")
def images():
    return next(iter(conditional_batches(1, 2, SIDE)))[0].numpy()


@pytest.fixture(scope="module")
def model(images):
    keras.utils.set_random_seed(1)
    model = Diffusion.with_networks(SIDE, 48, (32,), n_sampling_steps=8)
    model.code.fit(images)
    return model


def difference(made, images):
    return np.abs(made.astype(int) - images).mean()


def test_more_noise_changes_more(model, images):
    little, much = (
        difference(edit(model, images, CONDITIONS, 3, strength), images)
        for strength in (0.25, 1.0)
    )
    assert 0 < little < much


def test_what_is_kept_is_that_of_the_photograph(model, images):
    kept = np.zeros((2, SIDE, SIDE))
    kept[:, :16] = 1
    made = edit(model, images, CONDITIONS, 3, 1.0, kept)
    np.testing.assert_array_equal(made[:, :16], images[:, :16])
    assert difference(made[:, 16:], images[:, 16:]) > 5


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"strength": 0.0}, r"`strength` must lie in \(0, 1\]"),
        ({"kept": np.ones((2, 8, 8))}, r"`kept` must have the shape of the images"),
        ({"conditions": CONDITIONS[:1]}, "one condition each"),
    ],
)
def test_what_does_not_fit_is_refused(model, images, changed, said):
    options = {"conditions": CONDITIONS, "seed": 3} | changed
    with pytest.raises(ValueError, match=said):
        edit(model, images, **options)

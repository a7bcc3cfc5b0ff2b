import keras
import numpy as np
import pytest

from keras_derm.networks import AttentionPooling


@pytest.fixture
def maps():
    return np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype("float32")


def test_without_attention_it_is_mean_and_deviation(maps):
    found = np.asarray(AttentionPooling()(maps))
    mean = maps.mean(axis=(1, 2))
    deviation = np.sqrt(maps.var(axis=(1, 2)) + 1e-4)
    assert found == pytest.approx(np.hstack([mean, deviation, mean]), abs=1e-5)


def test_a_place_that_speaks_up_is_heard(maps):
    layer = AttentionPooling()
    layer.build(maps.shape)
    maps[:, 2, 1, 0] = 9.0
    layer.logits.set_weights([np.array([[[[8.0], [0.0], [0.0]]]]), np.zeros(1)])
    found = np.asarray(layer(maps))
    # Its logit, cut at 8, is among those of other large values; theirs are below.
    assert np.all(found[:, 0] > found[:, 6] + 1)
    assert found[:, 6:] == pytest.approx(maps.mean(axis=(1, 2)), abs=1e-5)


def test_it_is_saved_with_its_model(maps, tmp_path):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, AttentionPooling(limit=3.0, name="pool")(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_layer("pool").limit == 3.0
    assert np.array_equal(
        again.predict(maps, verbose=0), model.predict(maps, verbose=0)
    )

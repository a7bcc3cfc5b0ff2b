import keras
import numpy as np
import pytest

from keras_derm.networks import MixStyle, with_mix_style


def features(n=6):
    generator = np.random.default_rng(0)
    found = generator.normal(size=(n, 8, 8, 4))
    found = found * generator.uniform(0.5, 2, (n, 1, 1, 4))
    return (found + generator.normal(size=(n, 1, 1, 4)) * 3).astype("float32")


def statistics(values):
    values = np.asarray(values)
    return values.mean(axis=(1, 2)), values.std(axis=(1, 2))


def test_statistics_lie_between_those_of_two_images_and_shapes_stay():
    before = features()
    after = np.asarray(MixStyle(chance=1.0, seed=1)(before, training=True))
    (mean, deviation), (new_mean, new_deviation) = map(statistics, (before, after))
    assert np.abs(new_mean - mean).max() > 0.5
    assert (new_mean <= mean.max(axis=0) + 1e-4).all()
    assert (new_mean >= mean.min(axis=0) - 1e-4).all()

    def normalized(values, mean, deviation):
        return (values - mean[:, None, None]) / deviation[:, None, None]

    np.testing.assert_allclose(
        normalized(after, new_mean, new_deviation),
        normalized(before, mean, deviation),
        atol=1e-3,
    )


def test_shares_are_one_for_each_image():
    before = features()
    after = np.asarray(MixStyle(chance=1.0, alpha=1.0, seed=1)(before, training=True))
    (mean, _), (new_mean, _) = map(statistics, (before, after))
    for i in range(len(before)):
        shares = [
            (new_mean[i] - mean[j]) / (mean[i] - mean[j])
            for j in range(len(before))
            if j != i
        ]
        spread = min(share.std() for share in shares)
        assert spread < 1e-3 or np.abs(new_mean[i] - mean[i]).max() < 1e-3


def test_nothing_is_mixed_without_chance_or_outside_training():
    before = features()
    assert (np.asarray(MixStyle(chance=1.0)(before, training=False)) == before).all()
    same = MixStyle(chance=0.0)(before, training=True)
    np.testing.assert_allclose(same, before, atol=1e-4)


def classifier():
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, name="first")(inputs)
    x = keras.layers.Conv2D(4, 3, name="second")(x)
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, outputs)


def test_in_a_network_it_changes_training_alone(tmp_path):
    keras.utils.set_random_seed(0)
    model = classifier()
    mixed = with_mix_style(model, ["first"], seed=0, chance=1.0)
    images = np.random.default_rng(0).normal(size=(6, 16, 16, 3)).astype("float32")
    np.testing.assert_allclose(mixed(images), model(images), atol=1e-6)
    in_training = np.asarray(mixed(images, training=True))
    assert np.abs(in_training - np.asarray(model(images))).max() > 1e-3
    assert mixed.get_layer("first") is model.get_layer("first")
    mixed.save(tmp_path / "mixed.keras")
    again = keras.models.load_model(tmp_path / "mixed.keras")
    np.testing.assert_allclose(again(images), model(images), atol=1e-6)


def test_a_layer_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="third"):
        with_mix_style(classifier(), ["third"])

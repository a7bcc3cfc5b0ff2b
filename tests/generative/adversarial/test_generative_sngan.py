import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_derm.generative import SNGAN


def small_model(**kwargs):
    keras.utils.set_random_seed(1)
    model = SNGAN.with_networks(32, latent_dim=8, base_channels=4, **kwargs)
    model.compile()
    return model


def batches(n_batches, batch_size=8, first=0):
    generator = np.random.default_rng(5)
    n = n_batches * batch_size
    images = generator.integers(0, 256, (n, 32, 32, 3)).astype("uint8")
    diagnosis = generator.integers(0, 8, n).astype("int32")
    tone = generator.integers(0, 4, n).astype("int32")
    dataset = tf.data.Dataset.from_tensor_slices((images, diagnosis, tone))
    return dataset.batch(batch_size).skip(first)


def assert_equal_weights(first, second, **tolerance):
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), err_msg=a.path, **tolerance)


@pytest.mark.parametrize("loss", ["binary_crossentropy", "hinge"])
def test_a_step_trains_both_networks_and_reports_four_numbers(loss):
    model = small_model(loss=loss)
    model.run_eagerly = loss == "hinge"  # One of them is traced.
    before = [w.numpy() for w in model.generator.trainable_variables]
    history = model.fit(batches(2), verbose=0).history
    assert set(history) == {
        "generator_loss",
        "discriminator_loss",
        "real_score",
        "fake_score",
    }
    after = model.generator.trainable_variables
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True))
    assert model.steps_done == 2


def test_sample_depends_on_the_seed_and_not_on_the_batch_size():
    model = small_model()
    conditions = [[0, 3], [5, 2], [1, 0], [1, 0], [8, 1]]
    images = model.sample(conditions, seed=3)
    assert images.shape == (5, 32, 32, 3) and images.dtype == np.uint8
    in_parts = model.sample(conditions, seed=3, batch_size=2)
    assert np.abs(images.astype(int) - in_parts).max() <= 1
    np.testing.assert_array_equal(images, model.sample(conditions, seed=3))
    assert np.any(images != model.sample(conditions, seed=4))
    assert np.any(images[2] != images[3])


def test_sample_refuses_conditions_of_another_shape():
    with pytest.raises(ValueError, match=r"Received: shape \(2,\)"):
        small_model().sample([0, 1], seed=0)


def test_sampling_uses_the_moving_average_of_the_weights():
    model = small_model(ema_decay=0.9)
    model.run_eagerly = True
    variables = model.generator.trainable_variables
    average = [w.numpy() for w in variables]
    for batch in batches(3):
        model.fit(tf.data.Dataset.from_tensors(batch), verbose=0)
        average = [
            0.9 * a + 0.1 * w.numpy() for a, w in zip(average, variables, strict=True)
        ]
    averaged = dict(
        zip(
            [w.path for w in model.generator.weights],
            model.averaged_generator.weights,
            strict=True,
        )
    )
    for expected, weight in zip(average, variables, strict=True):
        np.testing.assert_allclose(averaged[weight.path], expected, atol=1e-6)


def test_saved_and_reloaded_training_goes_on_exactly(tmp_path):
    whole, first = small_model(), small_model()
    whole.run_eagerly = first.run_eagerly = True  # Tracing takes longer than the steps.
    whole.fit(batches(4), verbose=0)
    first.fit(batches(4).take(2), verbose=0)
    first.save(tmp_path / "model.keras")
    second = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(first.sample([[0, 1]], 7), second.sample([[0, 1]], 7))
    second.run_eagerly = True
    second.fit(batches(4, first=2), verbose=0)
    assert second.steps_done == 4
    assert_equal_weights(whole, second, atol=1e-6)
    for name in ("generator_optimizer", "discriminator_optimizer"):
        for a, b in zip(
            getattr(whole, name).variables, getattr(second, name).variables, strict=True
        ):
            np.testing.assert_allclose(a, b, atol=1e-6, err_msg=f"{name} {a.path}")


@pytest.mark.parametrize("argument", [{"loss": "mse"}, {"ema_decay": 1.0}])
def test_bad_arguments_are_refused(argument):
    with pytest.raises(ValueError, match="Received"):
        small_model(**argument)


MIRRORED = """
import keras, numpy as np, tensorflow as tf
from keras_derm.generative import SNGAN
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model = SNGAN.with_networks(32, latent_dim=8, base_channels=4)
    model.compile()
x = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3)).astype("uint8")
d = np.arange(24, dtype="int32") % 8
data = tf.data.Dataset.from_tensor_slices((x, d, d % 4)).batch(8)
history = model.fit(data, verbose=0).history
assert all(np.isfinite(v).all() for v in history.values()), history
assert model.steps_done == 3
networks = (model.generator, model.discriminator, model.averaged_generator)
for weight in [w for network in networks for w in network.weights]:
    a, b = (value.numpy() for value in weight.value.values)
    if "moving" not in weight.path:
        np.testing.assert_array_equal(a, b, err_msg=weight.path)
assert model.sample([[0, 1]], seed=0).shape == (1, 32, 32, 3)
print("replicas equal")
"""


@pytest.mark.slow
def test_replicas_stay_equal_under_mirrored_strategy():
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED], capture_output=True, text=True
    )
    assert "replicas equal" in done.stdout, done.stderr[-3000:]


def test_an_optimizer_of_no_side_is_refused():
    model = SNGAN.with_networks(32, latent_dim=8, base_channels=2)
    with pytest.raises(ValueError, match=r"Received: 0 .* \['critic_optimizer'\]"):
        model.compile(critic_optimizer=keras.optimizers.Adam())
    with pytest.raises(ValueError, match="Received: 3 without a name"):
        model.compile(None, None, None)

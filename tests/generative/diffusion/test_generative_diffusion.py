import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from generator_checks import conditional_batches, losses

from keras_derm.generative import Diffusion
from keras_derm.generative.diffusion.diffusion import AVERAGE_EXPONENT
from keras_derm.settings import DiffusionSettings

SIDE = 32
CONDITIONS = np.array([[0, 3], [5, 2], [1, 0], [1, 0]])


def small_model(n_steps=4, **options):
    """A model of one level at the least size. For tests only."""
    keras.utils.set_random_seed(1)
    settings = DiffusionSettings(
        channels=(32,), n_components=12, n_sampling_steps=3, **options
    )
    model = Diffusion.from_settings(settings, SIDE, n_steps)
    model.code.fit(next(iter(conditional_batches(1, 16, SIDE)))[0].numpy())
    return model


@pytest.fixture(scope="module")
def model():
    trained = small_model()
    trained.fit(conditional_batches(4, side=SIDE), verbose=0, shuffle=False)
    return trained


def test_steps_move_the_network_and_its_average_as_the_paper_says():
    model = small_model()
    model.run_eagerly = True
    variables = model.network.trainable_variables
    average = [v.numpy() for v in variables]
    for step, batch in enumerate(conditional_batches(3, side=SIDE), 1):
        model.fit(tf.data.Dataset.from_tensors(batch), verbose=0)
        kept = (1 - 1 / step) ** AVERAGE_EXPONENT
        average = [
            kept * a + (1 - kept) * v.numpy()
            for a, v in zip(average, variables, strict=True)
        ]
    assert model.steps_done == 3
    for expected, found in zip(average, model.averaged_network.weights, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=found.path)


@pytest.mark.slow
def test_it_learns_what_images_look_like():
    """Dark images of one diagnosis, bright ones of another: samples are so."""
    generator = np.random.default_rng(0)
    diagnosis = np.arange(32) % 2
    level = np.where(diagnosis, 200, 50)[:, None, None, None]
    images = np.clip(generator.normal(level, 10, (32, SIDE, SIDE, 3)), 0, 255)
    data = images.astype("uint8"), diagnosis.astype("int32"), np.zeros(32, "int32")
    model = small_model(160, learning_rate=4e-3)
    model.code.fit(data[0])
    model.fit(tf.data.Dataset.from_tensors(data).repeat(160), verbose=0)
    made = model.sample([[0, 0]] * 8 + [[1, 0]] * 8, seed=1).mean(axis=(1, 2, 3))
    dark, bright = np.median(made[:8]), np.median(made[8:])
    assert dark < 80 and bright > 170


def test_sample_depends_on_the_seed_and_not_on_the_batch_size(model):
    images = model.sample(CONDITIONS, seed=3)
    assert images.shape == (4, SIDE, SIDE, 3) and images.dtype == np.uint8
    in_parts = model.sample(CONDITIONS, seed=3, batch_size=3)
    assert np.abs(images.astype(int) - in_parts).max() <= 1
    np.testing.assert_array_equal(images, model.sample(CONDITIONS, seed=3))
    assert np.any(images != model.sample(CONDITIONS, seed=4))
    assert np.any(images[2] != images[3])


def test_conditions_of_another_shape_are_refused(model):
    with pytest.raises(ValueError, match=r"Received: shape \(2,\)"):
        model.sample([0, 1], seed=0)


def test_saved_and_reloaded_training_goes_on_exactly(tmp_path):
    model = small_model()
    model.run_eagerly = True
    batches = conditional_batches(4, side=SIDE)
    whole = losses(model, batches)
    first = small_model()
    first.run_eagerly = True
    losses(first, batches.take(2))
    first.save(tmp_path / "model.keras")
    second = small_model()
    second.load_state(tmp_path / "model.keras")
    second.run_eagerly = True
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.steps_done == second.steps_done == 2
    sampled = (m.sample(CONDITIONS, seed=7) for m in (first, loaded))
    np.testing.assert_array_equal(*sampled)
    np.testing.assert_allclose(losses(second, batches.skip(2)), whole[2:], rtol=1e-5)
    assert second.steps_done == 4
    for a, b in zip(model.weights, second.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-6, err_msg=a.path)


def test_guidance_goes_beyond_the_condition(model):
    """The estimate lies on the line from the one without to the one with conditions."""
    noisy = tf.random.stateless_normal((4, *model.network.input_shape[0][1:]), (1, 2))
    columns = [tf.constant(column, tf.int32) for column in CONDITIONS.T]
    estimates = {}
    for guidance in (1.0, 2.0):
        model.guidance = guidance
        estimates[guidance] = model._guided(noisy, 1.0, columns, False)
    plain = model._estimate(noisy, 1.0, model._untold(4))
    told = estimates[1.0]
    np.testing.assert_allclose(estimates[2.0], 2 * told - plain, atol=1e-5)
    model.guided_noise = (2.0, 3.0)  # 1.0 lies outside
    np.testing.assert_array_equal(model._guided(noisy, 1.0, columns, False), told)
    model.guidance, model.guided_noise = 1.0, (0.0, 1e4)


@pytest.mark.parametrize("name", ["edm", "flow_matching"])
def test_a_perfect_network_has_no_loss(name):
    """What each preconditioning asks of the network gives back the image."""
    from keras_derm.generative.diffusion.preconditioning import PRECONDITIONINGS

    deviations = tf.constant([2.0, 0.5])
    generator = np.random.default_rng(3)
    code = generator.normal(size=(6, 2, 2, 2)).astype("float32")
    noise = generator.normal(size=code.shape).astype("float32")
    sigma = np.geomspace(0.01, 50, 6).astype("float32")[:, None, None, None]
    skip, out, into, weight = PRECONDITIONINGS[name](deviations).parts(sigma)
    noisy = code + sigma * noise
    target = (code - skip * noisy) / out
    np.testing.assert_allclose(skip * noisy + out * target, code, atol=1e-4)
    assert np.isfinite(weight).all() and np.isfinite(into).all()


def test_inputs_and_targets_of_edm_have_variance_one():
    from keras_derm.generative.diffusion.preconditioning import EDM

    deviations = np.array([2.0, 0.5], "float32")
    generator = np.random.default_rng(3)
    code = generator.normal(size=(40000, 2)).astype("float32") * deviations
    noise = generator.normal(size=code.shape).astype("float32")
    for sigma in (0.05, 0.7, 20.0):
        skip, out, into, _ = EDM(tf.constant(deviations)).parts(tf.constant(sigma))
        noisy = code + sigma * noise
        np.testing.assert_allclose(np.std(into * noisy, axis=0), 1, rtol=0.03)
        target = (code - skip * noisy) / out
        np.testing.assert_allclose(np.std(target, axis=0), 1, rtol=0.03)


def test_further_conditions_are_told_and_left_out():
    model = small_model(sites=("back", "face"), age=True)
    table = pd.DataFrame(
        {
            "diagnosis": ["MEL", "NV", "NV"],
            "tone_group": [None, "dark", "light"],
            "anatom_site_general": ["face", "scalp", None],
            "age_approx": [85.0, 100.0, np.nan],
        }
    )
    untold_site, untold_age = 2, 9
    expected = [
        [0, 3, 1, 8],
        [1, 2, untold_site, 8],
        [1, 0, untold_site, untold_age],
    ]
    np.testing.assert_array_equal(model.conditions_of(table), expected)
    assert model.sample([[0, 3]], seed=0).shape == (1, SIDE, SIDE, 3)
    assert Diffusion.conditioned_on(DiffusionSettings(sites=("back",))) == (
        "diagnosis",
        "tone_group",
        "anatom_site_general",
    )


def test_a_size_that_is_no_multiple_of_its_patches_is_refused():
    with pytest.raises(ValueError, match="multiples of 16 pixels.*image_size=72"):
        Diffusion.with_networks(72)

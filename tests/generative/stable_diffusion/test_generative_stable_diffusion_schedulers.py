"""Schedulers take the steps that Diffusers takes."""

import numpy as np
import pytest
import tiny_diffusers as tiny

from keras_derm.generative.stable_diffusion.schedulers import (
    scheduler_of,
    signal_shares,
)

REFERENCE = np.load(tiny.REFERENCES / "outputs.npz")
NAMES = ("pndm", "ddim", "dpm_solver")


def closed_form_noise(sample, timestep):
    """What stands for a network, as in `make_references.py`."""
    return (np.sin(3 * sample + timestep / 300) + 0.2 * sample).astype("float32")


@pytest.mark.parametrize("n_steps", [5, 30])
@pytest.mark.parametrize("name", NAMES)
def test_each_step_is_that_of_diffusers(name, n_steps):
    expected = REFERENCE[f"{name}_{n_steps}"]
    scheduler = scheduler_of(name, n_steps)
    timesteps = REFERENCE[f"{name}_{n_steps}_timesteps"]
    np.testing.assert_array_equal(scheduler.timesteps, timesteps)
    sample = np.random.default_rng(2).standard_normal((3, 4)).astype("float32")
    for call, timestep in enumerate(timesteps):
        noise = closed_form_noise(sample, timestep)
        found = scheduler.step(call, noise, sample)
        # Diffusers computes in float32, in which samples of up to 20 are sums.
        np.testing.assert_allclose(found, expected[call], atol=5e-6)
        sample = expected[call]


def test_thirty_steps_of_pndm_are_31_calls():
    assert len(scheduler_of("pndm", 30).timesteps) == 31


@pytest.mark.parametrize("name", NAMES)
def test_a_network_that_knows_the_image_leads_to_it(name):
    """The noise that explains a sample by one image is the best a network can say."""
    image = np.array([0.3, -0.7, 1.2])
    shares = signal_shares()
    scheduler = scheduler_of(name, 25)
    sample = np.random.default_rng(0).standard_normal(3)
    for call, timestep in enumerate(scheduler.timesteps):
        share = shares[timestep]
        noise = (sample - np.sqrt(share) * image) / np.sqrt(1 - share)
        sample = scheduler.step(call, noise, sample)
    np.testing.assert_allclose(sample, image, atol=0.1)


def test_what_there_is_not_is_refused():
    with pytest.raises(ValueError, match="`scheduler` must be one of pndm, ddim"):
        scheduler_of("euler", 30)
    with pytest.raises(ValueError, match="`n_steps` must lie"):
        scheduler_of("ddim", 1)

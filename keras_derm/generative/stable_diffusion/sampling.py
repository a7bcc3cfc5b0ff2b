"""From noise to latents, with classifier-free guidance."""

import numpy as np

from keras_derm.generative.stable_diffusion.schedulers import scheduler_of


def sampled_latents(predict, noise, scheduler, n_steps, guidance, progress=None):
    """Latents of images, from noise by the steps of a scheduler.

    Args:
        predict: Function of latents, float32 `(n, side, side, 4)`, and a timestep, an
            int, to the noise that the network sees in them with a prompt and without,
            two arrays of the shape of the latents.
        noise: float32 `(n, side, side, 4)`, standard normal.
        scheduler: Name, see `scheduler_of`.
        n_steps: Number of steps.
        guidance: Floats `(n,)`, one an image: how far to go from the noise without a
            prompt past that with the prompt; 1 is with the prompt alone.
        progress: Function called after each call of `predict`, or None.

    Returns:
        float32 array of the shape of the noise.

    Reference:
        Ho and Salimans, "Classifier-Free Diffusion Guidance", arXiv:2207.12598.
    """
    steps = scheduler_of(scheduler, n_steps)
    weight = np.asarray(guidance, "float32")[:, None, None, None]
    latents = np.asarray(noise, "float32")
    for call, timestep in enumerate(steps.timesteps):
        prompted, plain = predict(latents, int(timestep))
        guided = plain + weight * (prompted - plain)
        latents = steps.step(call, guided, latents).astype("float32")
        if progress is not None:
            progress()
    return latents

"""Photographs changed towards other conditions: image to image, and inpainting."""

import numpy as np
import tensorflow as tf

from keras_derm.generative.diffusion.preconditioning import noise_levels
from keras_derm.generative.value_range import from_pixels, to_pixels


def edit(
    diffusion, images, conditions, seed, strength=0.5, kept=None, by_adapter=False
):
    """Change photographs towards conditions, by noise that is removed again.

    Noise is added up to a level, and what the model then takes it for is of the
    conditions. The more noise, the more changes, the lesion first. With a mask of what
    to keep, such as the lesion, every estimate of the image is given the kept pixels
    before the next step goes on from it, so that what is made fits them; in the end
    they are those of the photograph.

    Args:
        diffusion: Trained `Diffusion`.
        images: uint8 (n, side, side, 3), RGB, of the size that it makes.
        conditions: Integers (n, 2), see `Diffusion.sample`.
        seed: Integer seed of the noise.
        strength: Part of the sampler's steps that is done, in (0, 1]: 1 begins with
            noise alone.
        kept: Weight of the photograph in each pixel, (n, side, side) in [0, 1] or
            bool, such as a mask of the lesion with a soft edge. None keeps nothing.
        by_adapter: Whether the adapter acts.

    Returns:
        uint8 (n, side, side, 3).

    Raises:
        ValueError: If shapes disagree or the strength is out of range.

    Reference:
        Meng et al., "SDEdit: Guided Image Synthesis and Editing with Stochastic
        Differential Equations", ICLR 2022; Lugmayr et al., "RePaint: Inpainting using
        Denoising Diffusion Probabilistic Models", CVPR 2022.
    """
    images = np.asarray(images)
    shape = (len(images), *[diffusion.image_size] * 2)
    if images.shape != (*shape, 3) or len(conditions) != len(images):
        raise ValueError(
            f"`images` must have shape (n, {shape[1]}, {shape[2]}, 3), with one "
            f"condition each. Received: {images.shape}, {len(conditions)} conditions"
        )
    if not 0 < strength <= 1:
        raise ValueError(
            f"`strength` must lie in (0, 1]. Received: strength={strength}"
        )
    if kept is not None and np.shape(kept) != shape:
        raise ValueError(
            f"`kept` must have the shape of the images, {shape}. "
            f"Received: {np.shape(kept)}"
        )
    n_steps = diffusion.n_sampling_steps
    levels = noise_levels(n_steps)[n_steps - max(1, round(strength * n_steps)) :]
    pixels = from_pixels(images)
    code = diffusion.code(pixels)
    noise = np.random.default_rng(seed).standard_normal(code.shape, dtype="float32")
    conditions = diffusion.complete_conditions(conditions)
    noisy = code.numpy() + levels[0] * noise
    if kept is None:
        return diffusion.solve(conditions, noisy, levels, by_adapter=by_adapter)
    weight = tf.constant(np.asarray(kept, "float32")[..., None])

    def held(part, found):
        made = diffusion.code.decode(found)
        return diffusion.code(_blended(pixels[part], made, weight[part]))

    made = diffusion.solve(conditions, noisy, levels, held=held, by_adapter=by_adapter)
    return to_pixels(_blended(pixels, from_pixels(made), weight))


def _blended(photographs, made, weight):
    return weight * photographs + (1 - weight) * made

"""From noise to an image: solvers of the probability-flow equation.

Each takes a function `denoise(noisy, sigma)` that estimates the image, the noisy start,
and falling noise levels of which the last is 0, see `noise_levels`.
"""

import math

from rich.progress import track


def euler(denoise, noisy, levels, shown=None):
    """First order: one call of the denoiser a step.

    Reference:
        Karras et al., NeurIPS 2022, algorithm 1 without its correction; the same as
        DDIM (Song et al., ICLR 2021) at these noise levels.
    """
    for sigma, following in _steps(levels, shown):
        slope = (noisy - denoise(noisy, sigma)) / sigma
        noisy = noisy + (following - sigma) * slope
    return noisy


def heun(denoise, noisy, levels, shown=None):
    """Second order, with two calls a step and one in the last.

    Reference:
        Karras et al., NeurIPS 2022, algorithm 1.
    """
    for sigma, following in _steps(levels, shown):
        slope = (noisy - denoise(noisy, sigma)) / sigma
        stepped = noisy + (following - sigma) * slope
        if following > 0:
            there = (stepped - denoise(stepped, following)) / following
            stepped = noisy + (following - sigma) * (slope + there) / 2
        noisy = stepped
    return noisy


def dpm_solver(denoise, noisy, levels, shown=None):
    """DPM-Solver++ (2M): second order, with one call a step, from the step before.

    Reference:
        Lu et al., "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion
        Probabilistic Models", 2022, algorithm 2.
    """
    before = length_before = None
    for sigma, following in _steps(levels, shown):
        denoised = denoise(noisy, sigma)
        if following == 0:
            return denoised
        length = math.log(sigma / following)
        estimate = denoised
        if before is not None:
            ratio = length / (2 * length_before)
            estimate = (1 + ratio) * denoised - ratio * before
        noisy = following / sigma * noisy - math.expm1(-length) * estimate
        before, length_before = denoised, length
    return noisy


SAMPLERS = {"dpm_solver": dpm_solver, "heun": heun, "euler": euler}


def _steps(levels, shown):
    """Pairs of neighbouring levels, with a progress bar where it has a name."""
    pairs = list(zip(levels[:-1], levels[1:], strict=True))
    return track(pairs, shown) if shown else pairs

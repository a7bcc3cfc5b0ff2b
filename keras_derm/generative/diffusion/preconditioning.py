"""What a denoiser is given and asked for at each noise level."""

import math

from keras import ops


class EDM:
    """Preconditioning under which inputs and targets have variance 1 at any noise.

    The noisy code is `code + sigma * noise`. The network sees it divided by its
    deviation, and learns a mix of image and noise: little noise is to be removed where
    there is little, and the image to be guessed where there is much.

    Args:
        deviations: Standard deviation of each channel of the code, (channels,).

    Example:
        >>> parts = EDM(code.data_deviations).parts(sigma)
        >>> denoised = parts.skip * noisy + parts.out * network(parts.into * noisy, ...)

    Reference:
        Karras et al., "Elucidating the Design Space of Diffusion-Based Generative
        Models", NeurIPS 2022, table 1.
    """

    LEVELS = (-0.6, 1.4)
    """Mean and deviation of ln sigma in training; ours, for patch codes."""

    def __init__(self, deviations):
        self.deviations = deviations

    def parts(self, sigma):
        """Tuple (skip, out, into, weight) at noise levels of (batch, 1, 1, 1).

        The denoised code is `skip * noisy + out * network(into * noisy)`. The loss is
        the squared error of the denoised code times the weight.
        """
        data = self.deviations
        total = ops.square(sigma) + ops.square(data)
        skip = ops.square(data) / total
        out = sigma * data / ops.sqrt(total)
        return skip, out, 1 / ops.sqrt(total), self._shares() / ops.square(out)

    def _shares(self):
        """Weight of each channel: leading components count more. Their mean is 1."""
        return self.deviations / ops.mean(self.deviations)


class FlowMatching(EDM):
    """The network learns the velocity from image to noise along a straight line.

    With t = sigma / (sigma + s), s the mean deviation of the code, the point
    (1 - t) * code + t * s * noise lies on the line, and is what the network sees.

    Args:
        deviations: As in `EDM`.

    Example:
        >>> FlowMatching(code.data_deviations).parts(sigma)

    Reference:
        Lipman et al., "Flow Matching for Generative Modeling", ICLR 2023; Esser et
        al., "Scaling Rectified Flow Transformers", ICML 2024 (logit-normal times).
    """

    LEVELS = (0.0, 1.2)

    def parts(self, sigma):
        scale = ops.mean(self.deviations)
        time = sigma / (sigma + scale)
        skip = 1 - time
        out = -time * ops.ones_like(self.deviations)
        return skip, out, (1 - time) / scale, self._shares() / ops.square(time)


PRECONDITIONINGS = {"edm": EDM, "flow_matching": FlowMatching}

LEAST_NOISE, MOST_NOISE, CURVATURE = 0.005, 80.0, 7.0


def noise_levels(n_steps, least=LEAST_NOISE, most=MOST_NOISE):
    """Noise levels of a sampler: `n_steps` falling from the most to the least, then 0.

    Reference:
        Karras et al., NeurIPS 2022, equation 5 (rho = 7).
    """
    first, last = most ** (1 / CURVATURE), least ** (1 / CURVATURE)
    share = [i / max(n_steps - 1, 1) for i in range(n_steps)]
    return [math.pow(first + s * (last - first), CURVATURE) for s in share] + [0.0]

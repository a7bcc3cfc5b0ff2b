"""What a dermatoscope does on its own: polariser, exposure, white balance.

The bare camera (`camera.expose`) shows the skin as the light leaves it, so that its
colour tells the melanin. A dermatoscope is built to show the lesion equally well on
every skin: crossed polarisers take away what the surface reflects, the exposure
follows the brightness of the picture, and the white balance takes most of the colour
that the picture has on average. Little of the person's tone is left.

The constants are fitted, by a simplex search and then by hand, to the skin of MILK10k's
dermoscopic photographs as `IndividualTypologyAngle().measure` sees it (60 lesions of
each class of skin tone, 4 of the darkest, which are all; median and, in brackets,
standard deviation within the class; benchmarks/dermatoscope_colour.py prints them).
The tone curve, the extinction and the strength of the reflection are design values.

| class | L* | a* | b* |
|---|---|---|---|
| 0, very dark | 54 (16) | 11 (8) | 10 (10) |
| 1 | 62 (7) | 11 (8) | 4 (9) |
| 2 | 68 (8) | 9 (7) | 0 (7) |
| 3 | 64 (8) | 10 (7) | 4 (9) |
| 4 | 65 (8) | 11 (7) | -2 (7) |
| 5, very light | 67 (9) | 11 (7) | -1 (8) |

Reference:
    MILK10k, ISIC Archive (2025), https://challenge.isic-archive.com/landing/milk10k.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from keras_derm.phantom import camera
from keras_derm.phantom.fields import LEVELS, fractal_noise, noise, smoothstep

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Share of the linear sRGB channels in luminance (IEC 61966-2-1)."""
AIM_LUMINANCE = 0.30
"""Mean luminance of the picture that the automatic exposure aims at."""
METERING = 0.9
"""Damping of the automatic exposure: 1 reaches its aim, 0 leaves the light."""
AIM_COLOUR = np.array([1.34, 0.90, 0.99])
"""Colour that the white balance aims at, in linear sRGB of luminance 1. A grey world
would have three ones; devices leave skin pink: the mean of a dermoscopic photograph
of MILK10k has 1.37, 0.89 and 0.95 (medians over the same lesions)."""
WHITE_BALANCE = 0.95
"""Damping of the white balance, as of the exposure."""
EXPOSURE_STOPS = 0.38
"""Standard deviation of exposure between photographs, in stops (factors of 2)."""
TINT_STOPS = (0.20, 0.12, 0.24)
"""Standard deviation of the white balance's gains, red, green and blue, in stops."""
FULL_WELL = 3.0
"""Light at which the sensor saturates, in units of the exposure's white."""
KNEE = 0.6
"""Light from which on the tone curve bends, so that highlights are not cut off."""
EXTINCTION = 0.97
"""Share of the surface's reflection that crossed polarisers block."""


@dataclass(frozen=True)
class Dermatoscope:
    """A dermatoscope's camera as it takes one photograph.

    Args:
        polarised: Whether crossed polarisers block what the surface reflects.
        exposure_stops: How far this exposure is off the automatic one, in stops.
        tint_stops: The same of the white balance's gains, (3,).
        locked: Exposure and gains that it keeps whatever it sees, as `gains` gives
            them, or None.

    Example:
        >>> device = draw_dermatoscope(rng, polarised=True)
        >>> image = device.expose(scene, device.gains(scene), 0.01, rng)
    """

    polarised: bool
    exposure_stops: float = 0.0
    tint_stops: tuple = (0.0, 0.0, 0.0)
    locked: tuple | None = None

    def gains(self, scene):
        """Meter a scene and choose exposure and white balance.

        Args:
            scene: float32 (size, size, 3), linear sRGB at the sensor, before the
                automatic exposure.

        Returns:
            Tuple: the factor of exposure, and the gains of the white balance as a
            float32 array (3,). None of these is below 1, so that what saturates the
            sensor comes out white, not coloured.
        """
        if self.locked is not None:
            return self.locked
        mean = metered(scene)
        luminance = LUMINANCE @ mean
        exposure = (AIM_LUMINANCE / luminance) ** METERING * 2**self.exposure_stops
        colour = mean / luminance
        balance = (AIM_COLOUR / colour) ** WHITE_BALANCE * 2 ** np.array(
            self.tint_stops
        )
        balance /= LUMINANCE @ (balance * colour)  # the mean stays as bright
        exposure, balance = exposure * balance.min(), balance / balance.min()
        return _rounded(exposure), _rounded(balance)

    def expose(self, scene, gains, noise_level, rng):
        """Photograph a scene.

        Args:
            scene: float32 (size, size, 3), linear sRGB at the sensor.
            gains: Exposure and white balance as `gains` gives them.
            noise_level: Standard deviation of the noise at the exposure's white.
            rng: NumPy generator; its draws do not depend on `scene`.

        Returns:
            uint8 array (size, size, 3), sRGB.
        """
        exposure, balance = gains
        full_well = np.float32(FULL_WELL)
        # Shot noise grows with the root of the light.
        noise_level = noise_level / math.sqrt(FULL_WELL)
        gathered = camera.sense(scene * (exposure / full_well), noise_level, rng)
        return camera.encode(tone_curve(gathered * full_well * balance))

    def surface(self, rng, size, pixels_per_mm, level=1.0):
        """Light that the skin's surface and the contact glass reflect.

        Where gel or pressure fails, the relief of the skin glitters; over all lies
        the veil of the glass.

        Args:
            rng: NumPy generator.
            size: Height and width in pixels.
            pixels_per_mm: Scale of the photograph.
            level: Factor, at most 1; 0 for none.

        Returns:
            float32 array (size, size, 1), linear, in the colour of the light.
        """
        relief = fractal_noise(rng, size, 0.20 * pixels_per_mm, octaves=2)
        gaps = smoothstep(noise(rng, size, 2.5 * pixels_per_mm), 0.2, 2.0)
        glitter = np.float32(0.5) * gaps * smoothstep(relief, 1.0, 2.4)
        veil = np.float32(0.01 + 0.03 * rng.random())
        passed = np.float32((1 - EXTINCTION * self.polarised) * min(level, 1.0))
        return (passed * (veil + glitter))[..., None]


def draw_dermatoscope(rng, polarised, level=1.0):
    """Draw the device of one photograph.

    Args:
        rng: NumPy generator.
        polarised: Whether it has crossed polarisers.
        level: Factor on the spread of exposure and white balance between
            photographs, at most 1; at 0 every photograph gets the automatic ones.

    Returns:
        `Dermatoscope`.
    """
    # The sum of four uniforms is close to normal and, unlike a normal, exact.
    bells = (rng.random((4, 4)).sum(axis=0) - 2) * math.sqrt(3) * min(level, 1.0)
    tints = (float(sd * bell) for sd, bell in zip(TINT_STOPS, bells[1:], strict=True))
    return Dermatoscope(polarised, float(EXPOSURE_STOPS * bells[0]), tuple(tints))


def held(device, gains):
    """The device with the exposure and white balance of a photograph it has taken.

    Args:
        device: `Dermatoscope`.
        gains: float32 (3,), the product of both, as a `Photograph` tells it.

    Returns:
        `Dermatoscope`.
    """
    # The least gain of a white balance is 1, so the least product is the exposure.
    exposure = np.float32(gains.min())
    return replace(device, locked=(exposure, _rounded(gains / exposure)))


def metered(scene):
    """Mean (3,) of a linear scene as the sensor reads it: 16 bits, up to full well.

    Sums of integers have the same bits on every machine.
    """
    reading = (np.clip(scene, 0, 1) * LEVELS + np.float32(0.5)).astype(np.uint16)
    total = reading.reshape(-1, 3).sum(axis=0, dtype=np.int64)
    return np.maximum(total / (reading.size // 3), 1) / LEVELS


def tone_curve(linear):
    """Bend linear light above `KNEE` so that `FULL_WELL` becomes white.

    Reference:
        Reinhard et al., Photographic tone reproduction for digital images, ACM
        Transactions on Graphics 21 (2002), equation 4.
    """
    knee = np.float32(KNEE)
    above = np.maximum(linear - knee, 0) / (1 - knee)
    white = np.float32((FULL_WELL - KNEE) / (1 - KNEE))
    bent = above * (1 + above / (white * white)) / (1 + above)
    return np.minimum(np.minimum(linear, knee) + (1 - knee) * bent, 1)


def _rounded(gain):
    # To 1/4096, so that the last bits of a library's pow decide nothing.
    return (np.round(np.asarray(gain) * 4096) / 4096).astype(np.float32)

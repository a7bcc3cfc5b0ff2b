"""Colour of layered skin from its melanin, blood and scattering.

Three layers seen by contact dermoscopy, where the immersion fluid removes the step
in refractive index (so no Fresnel loss and no internal reflection are added):

1. epidermis, 60 um: melanin absorbs, keratinocytes scatter (Kubelka-Munk layer);
2. papillary dermis, 150 um: blood absorbs, collagen scatters (Kubelka-Munk layer);
3. reticular dermis, semi-infinite: blood and, in deep lesions, melanin absorb
   (Farrell's diffuse reflectance).

The epidermis scatters. A model that lets it filter only (`exp(-path * absorption)`)
returns almost no blue light from dark skin: b* rises to 34-39 at a melanin fraction
of 0.11-0.18 and the hue turns orange. With the light that the epidermis itself
returns, which leaves 3-12 % at 450 nm, b* stays at 9-23.
"""

import functools
from pathlib import Path

import numpy as np
import pandas as pd

EPIDERMIS_CM = 60e-4
PAPILLARY_DERMIS_CM = 150e-4
HAEMOGLOBIN_GRAM_PER_LITRE = 150.0
HAEMOGLOBIN_GRAM_PER_MOLE = 64500.0

MELANIN_RANGES = {
    "I": (0.010, 0.026),
    "II": (0.036, 0.049),
    "III": (0.060, 0.071),
    "IV": (0.088, 0.110),
    "V": (0.130, 0.205),
    "VI": (0.255, 0.430),
}
"""Melanin volume fraction of the epidermis of each Fitzpatrick type.

Jacques (1998) gives 1.3-6.3 % for light, 11-16 % for moderately and 18-43 % for
darkly pigmented skin. The types divide that scale where the model's ITA crosses the
limits of Del Bino and Bernerd (55, 41, 28, 10, -30 degrees), with a margin for the
spread of blood (`BLOOD_RANGE`) on each side: that a type's ITA lies in its range is
thus built in, not a prediction; that the limits fall within Jacques' scale is one.
"""
BLOOD_RANGE = (0.003, 0.015)
"""Blood volume fraction of uninflamed dermis: 0.2-7 % in Jacques (1998, 2013); the
lower part, since the pressed-on glass plate empties the vessels."""
OXYGENATION_RANGE = (0.5, 0.8)

XYZ_TO_LINEAR_SRGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)


@functools.cache
def spectra():
    """Return the table of spectra, 380-730 nm in steps of 10 nm.

    Returns:
        `pandas.DataFrame` indexed by wavelength in nm: `oxyhaemoglobin` and
        `deoxyhaemoglobin` (molar extinction, 1/(cm M)), `d65` (relative power),
        `x_bar`, `y_bar`, `z_bar` (CIE 1931 2-degree observer).

    Reference:
        Prahl, Tabulated molar extinction coefficient for hemoglobin in water, from
        Gratzer and Kollias, omlc.org/spectra/hemoglobin/summary.html. CIE 15:2004
        for the illuminant and the observer.
    """
    table = pd.read_csv(Path(__file__).with_name("spectra.csv"))
    return table.set_index("wavelength_nm").astype(float)


def melanin_absorption(wavelength):
    """Absorption of melanosomes, 1/cm, at `wavelength` in nm (Jacques 1998).

    Jacques (2013, eq. 8) gives 519 (nm/500)^-3.5 instead: 25 % less at 500 nm and
    a little steeper. The melanin fractions used here are Jacques' of 1998, so the
    absorption is too.
    """
    return 6.6e11 * np.asarray(wavelength, float) ** -3.33


def baseline_absorption(wavelength):
    """Absorption of skin without melanin and blood, 1/cm (Jacques 1998)."""
    return 0.244 + 85.3 * np.exp(-(np.asarray(wavelength, float) - 154) / 66.2)


def blood_absorption(oxygenation):
    """Absorption of whole blood, 1/cm, over `spectra().index`."""
    table = spectra()
    extinction = (
        oxygenation * table["oxyhaemoglobin"]
        + (1 - oxygenation) * table["deoxyhaemoglobin"]
    ).to_numpy()
    molar = HAEMOGLOBIN_GRAM_PER_LITRE / HAEMOGLOBIN_GRAM_PER_MOLE
    return np.log(10) * extinction * molar


def epidermis_scattering(wavelength):
    """Reduced scattering of the epidermis, 1/cm (Jacques 2013, table 1)."""
    return 68.7 * (np.asarray(wavelength, float) / 500) ** -1.161


def dermis_scattering(wavelength, blood):
    """Reduced scattering of dermis with a volume fraction `blood`, 1/cm."""
    ratio = np.asarray(wavelength, float) / 500
    return (1 - blood) * 45.3 * ratio**-1.292 + blood * 22 * ratio**-0.66


def farrell_reflectance(absorption, scattering):
    """Diffuse reflectance of a semi-infinite medium with a matched boundary.

    Args:
        absorption: Absorption coefficient, 1/cm.
        scattering: Reduced scattering coefficient, 1/cm.

    Returns:
        Fraction of the light that returns, 0-1.

    Reference:
        Farrell, Patterson, Wilson, A diffusion theory model of spatially resolved,
        steady-state diffuse reflectance, Med. Phys. 19 (1992).
    """
    albedo = scattering / (absorption + scattering)
    root = np.sqrt(3 * (1 - albedo))
    return albedo / 2 * (1 + np.exp(-4 / 3 * root)) * np.exp(-root)


def kubelka_munk_layer(absorption, scattering, thickness):
    """Reflectance and transmittance of a diffusely lit layer.

    Uses K = 2 absorption and S = 3/4 reduced scattering (Kubelka and Munk 1931;
    van Gemert and Star 1987).

    Args:
        absorption: Absorption coefficient, 1/cm, above 0.
        scattering: Reduced scattering coefficient, 1/cm.
        thickness: cm.

    Returns:
        Tuple of reflectance and transmittance.
    """
    back = 0.75 * scattering
    a = (back + 2 * absorption) / back
    b = np.sqrt(a * a - 1)
    depth = b * back * thickness
    # sinh and cosh divided by exp(depth) / 2, so that thick layers do not overflow.
    fade = np.exp(-2 * depth)
    denominator = a * (1 - fade) + b * (1 + fade)
    return (1 - fade) / denominator, 2 * b * np.exp(-depth) / denominator


def add_layer(layer, below):
    """Reflectance of a (reflectance, transmittance) `layer` over `below`."""
    reflectance, transmittance = layer
    return reflectance + transmittance**2 * below / (1 - reflectance * below)


def skin_reflectance(melanin, blood, oxygenation=0.65, dermis=0.0):
    """Spectral diffuse reflectance of skin over `spectra().index`.

    Args:
        melanin: Melanin volume fraction of the 60 um epidermis. Above about 0.43 it
            stands for a thicker pigmented epidermis (an optical density).
        blood: Blood volume fraction of the dermis, 0-1.
        oxygenation: Oxygenated share of the haemoglobin, 0-1.
        dermis: State of the dermis, -1 to 1: below 0 fibrosis (scattering up to four
            times normal, the colour of a scar), above 0 melanin in the reticular
            dermis (0.2 volume fraction at 1; blue, as short waves return from above
            it). The arguments broadcast.

    Returns:
        Array of the arguments' shape with a last axis of wavelengths, 0-1.
    """
    wavelength = spectra().index.to_numpy()
    blood, dermis = (np.asarray(value, float)[..., None] for value in (blood, dermis))
    baseline = baseline_absorption(wavelength)
    middle = blood * blood_absorption(oxygenation) + (1 - blood) * baseline
    scattering = dermis_scattering(wavelength, blood) * (1 + 3 * np.maximum(-dermis, 0))
    deep = middle + 0.2 * np.maximum(dermis, 0) * melanin_absorption(wavelength)
    below = farrell_reflectance(deep, scattering)
    below = add_layer(
        kubelka_munk_layer(middle, scattering, PAPILLARY_DERMIS_CM), below
    )
    return add_layer(_epidermis(melanin), below)


def epidermis_reflectance(melanin):
    """Spectral reflectance of the epidermis alone, the first term of the skin's."""
    return _epidermis(melanin)[0]


def surface_transmission(melanin):
    """Spectral transmission, down and up, of melanin in front of all scatterers.

    Args:
        melanin: Volume fraction, as if spread over the 60 um of the epidermis.
    """
    absorption = melanin_absorption(spectra().index.to_numpy())
    depth = np.asarray(melanin, float)[..., None] * absorption * EPIDERMIS_CM
    return np.exp(-2 * depth)


def _epidermis(melanin):
    """Reflectance and transmittance spectra of the epidermis."""
    wavelength = spectra().index.to_numpy()
    melanin = np.asarray(melanin, float)[..., None]
    absorption = melanin * melanin_absorption(wavelength)
    absorption = absorption + np.maximum(1 - melanin, 0) * baseline_absorption(
        wavelength
    )
    scattering = epidermis_scattering(wavelength)
    return kubelka_munk_layer(absorption, scattering, EPIDERMIS_CM)


def to_xyz(reflectance):
    """CIE XYZ of spectra under D65, Y = 1 for a perfect white."""
    return reflectance @ _observer()


def to_linear_srgb(reflectance):
    """Linear sRGB of spectra under D65, white-balanced to D65; may leave [0, 1]."""
    return to_xyz(reflectance) @ XYZ_TO_LINEAR_SRGB.T


def to_lab(reflectance):
    """CIELAB (D65) of spectra."""
    ratio = to_xyz(reflectance) / _observer().sum(axis=0)
    root = np.where(
        ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29
    )
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def skin_ita(melanin, blood, oxygenation=0.65):
    """Individual typology angle of bare skin in degrees, atan2(L* - 50, b*)."""
    lab = to_lab(skin_reflectance(melanin, blood, oxygenation))
    return np.degrees(np.arctan2(lab[..., 0] - 50, lab[..., 2]))


@functools.cache
def _observer():
    table = spectra()
    weights = table[["x_bar", "y_bar", "z_bar"]].mul(table["d65"], axis=0).to_numpy()
    return weights / weights[:, 1].sum()

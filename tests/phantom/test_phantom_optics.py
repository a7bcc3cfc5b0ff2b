"""The optics against formulas worked out by hand and against published colour."""

import math

import numpy as np
import pytest

from keras_derm.phantom import optics

DEL_BINO = {
    "I": (55, 90),
    "II": (41, 55),
    "III": (28, 41),
    "IV": (10, 28),
    "V": (-30, 10),
    "VI": (-90, -30),
}


def at(wavelength):
    return list(optics.spectra().index).index(wavelength)


def reflectance_by_hand(nm, melanin, blood, oxygenation):
    """The three layers at one wavelength, in scalars and with sinh and cosh."""
    table = optics.spectra().loc[nm]
    eps = oxygenation * table["oxyhaemoglobin"]
    eps += (1 - oxygenation) * table["deoxyhaemoglobin"]
    whole_blood = 2.302585093 * eps * 150 / 64500
    rest = 0.244 + 85.3 * math.exp(-(nm - 154) / 66.2)
    dermis = blood * whole_blood + (1 - blood) * rest
    dermis_s = (1 - blood) * 45.3 * (nm / 500) ** -1.292
    dermis_s += blood * 22 * (nm / 500) ** -0.66
    albedo = dermis_s / (dermis_s + dermis)
    root = math.sqrt(3 * (1 - albedo))
    below = albedo / 2 * (1 + math.exp(-4 / 3 * root)) * math.exp(-root)
    epidermis = melanin * 6.6e11 * nm**-3.33 + (1 - melanin) * rest
    epidermis_s = 68.7 * (nm / 500) ** -1.161
    for absorption, scattering, cm in (
        (dermis, dermis_s, 0.015),
        (epidermis, epidermis_s, 0.006),
    ):
        s, k = 0.75 * scattering, 2 * absorption
        a = 1 + k / s
        b = math.sqrt(a * a - 1)
        down = a * math.sinh(b * s * cm) + b * math.cosh(b * s * cm)
        r, t = math.sinh(b * s * cm) / down, b / down
        below = r + t * t * below / (1 - r * below)
    return below


@pytest.mark.parametrize("nm", [400, 450, 540, 650, 700])
@pytest.mark.parametrize("melanin, blood", [(0.02, 0.004), (0.2, 0.01), (0.4, 0.3)])
def test_reflectance_equals_the_layers_worked_out_by_hand(nm, melanin, blood):
    found = optics.skin_reflectance(melanin, blood, oxygenation=0.7)[at(nm)]
    assert found == pytest.approx(reflectance_by_hand(nm, melanin, blood, 0.7), 1e-9)


def test_constants_at_wavelengths_worked_out_by_hand():
    assert optics.melanin_absorption(694) == pytest.approx(228, rel=0.01)
    assert optics.baseline_absorption(154) == pytest.approx(0.244 + 85.3)
    # Prahl: 53,236 at 540 nm; 2.303 * 53236 * 150 / 64500 = 285 per cm.
    assert optics.blood_absorption(1.0)[at(540)] == pytest.approx(285.1, abs=0.2)


def test_kubelka_munk_limits():
    reflectance, transmittance = optics.kubelka_munk_layer(1e-9, 40.0, 0.01)
    assert reflectance + transmittance == pytest.approx(1, abs=1e-4)
    assert reflectance == pytest.approx(0.3 / 1.3, abs=1e-4)
    deep, _ = optics.kubelka_munk_layer(5.0, 40.0, 100.0)
    ratio = 10 / 30
    assert deep == pytest.approx(1 + ratio - math.sqrt(ratio**2 + 2 * ratio))
    assert optics.farrell_reflectance(1e-12, 40.0) == pytest.approx(1, abs=1e-4)


def test_a_perfect_white_is_white():
    white = np.ones(len(optics.spectra()))
    assert optics.to_lab(white) == pytest.approx([100, 0, 0], abs=1e-6)
    assert optics.to_linear_srgb(white) == pytest.approx([1, 1, 1], abs=2e-3)
    assert optics.to_xyz(white) == pytest.approx([0.9505, 1, 1.089], abs=1e-3)


def test_ita_falls_as_melanin_rises():
    melanin = np.linspace(0.005, 0.5, 200)
    for blood in optics.BLOOD_RANGE:
        assert (np.diff(optics.skin_ita(melanin, blood)) < 0).all()


@pytest.mark.parametrize("skin_type", DEL_BINO)
def test_ita_of_every_type_lies_in_its_range(skin_type):
    melanin = np.linspace(*optics.MELANIN_RANGES[skin_type], 9)[:, None]
    blood = np.linspace(*optics.BLOOD_RANGE, 5)
    for oxygenation in optics.OXYGENATION_RANGE:
        ita = optics.skin_ita(melanin, blood, oxygenation)
        low, high = DEL_BINO[skin_type]
        assert low < ita.min() and ita.max() <= high


def test_skin_is_yellow_as_people_are_not_orange():
    """b* of people is 8 to 25 in every tone; filtering alone gives 35 and more."""
    for low, high in optics.MELANIN_RANGES.values():
        lab = optics.to_lab(optics.skin_reflectance(np.array([low, high]), 0.008))
        assert (lab[:, 2] > 8).all() and (lab[:, 2] < 25).all()


def test_deep_melanin_is_bluer_and_fibrosis_whiter_than_skin():
    skin, deep, scar = optics.to_lab(
        optics.skin_reflectance(0.01, 0.005, dermis=np.array([0, 1, -1]))
    )
    assert deep[2] < skin[2] - 5 and deep[0] < skin[0]
    assert scar[0] > skin[0] and abs(scar[1]) < abs(skin[1])

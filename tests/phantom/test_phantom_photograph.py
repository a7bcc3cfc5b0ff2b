"""Truths agree with the pixels they describe."""

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from keras_derm.phantom import photograph, population
from keras_derm.phantom.lesions import LesionPainter
from keras_derm.phantom.photograph import lesion_signs
from keras_derm.phantom.skin import paint_skin

SIZE = 128


def lab(image):
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def ita(pixels):
    lightness, _, yellow = np.median(pixels, axis=0)
    return np.degrees(np.arctan2(lightness - 50, yellow))


@pytest.fixture(scope="module")
def shots():
    rows = population(60, 5, "balanced", "balanced").to_dict("records")
    return [(row, photograph(row, i, 5, SIZE, hair=1.5)) for i, row in enumerate(rows)]


def test_hair_free_twin_differs_only_under_the_hair(shots):
    hairy = [shot for _, shot in shots if shot.hair_mask.any()]
    assert 20 < len(hairy) < 60
    for _, shot in shots:
        changed = (shot.image != shot.hair_free).any(axis=-1)
        assert not (changed & ~shot.hair_mask).any()
    assert np.mean([
        (s.image != s.hair_free).any(-1)[s.hair_mask].mean() for s in hairy
    ]) > 0.8  # fmt: skip


def test_ruler_mask_lies_on_dark_marks():
    rows = population(60, 9, {"I": 1}, {"NV": 1}).to_dict("records")
    found = 0
    for index, row in enumerate(rows):
        shot = photograph(row, index, 9, 256, hair=0, artefact=1)
        if not shot.ruler_mask.any() or shot.image.max(axis=-1).min() == 0:
            continue
        found += 1
        ring = cv2.dilate(shot.ruler_mask.astype(np.uint8), np.ones((7, 7)))
        ring = (ring > 0) & ~shot.ruler_mask
        lightness = lab(shot.image)[..., 0]
        darker = np.median(lightness[ring]) - np.median(lightness[shot.ruler_mask])
        assert darker > 8
    assert found >= 2


def test_lesion_mask_holds_the_lesion():
    rows = population(60, 3, {"II": 1}, {"NV": 1}).to_dict("records")
    for index, row in enumerate(rows):
        shot = photograph(row, index, 3, SIZE, hair=0, artefact=0)
        assert 0.005 < shot.lesion_mask.mean() < 0.75
        if lesion_signs(row, 3).grades["pigmentation"] < 0.35:
            continue
        far = cv2.dilate(shot.lesion_mask.astype(np.uint8), np.ones((9, 9))) == 0
        lightness = lab(shot.image)[..., 0]
        inner, outer = lightness[shot.lesion_mask], lightness[far]
        assert np.median(inner) < np.median(outer) - 3


def test_clean_photograph_shows_the_true_ita():
    rows = population(24, 4, "balanced", {"NV": 1}).to_dict("records")
    for index, row in enumerate(rows):
        shot = photograph(row, index, 4, SIZE, hair=0, artefact=0, dermatoscope=False)
        values = lab(shot.image)
        far = cv2.dilate(shot.lesion_mask.astype(np.uint8), np.ones((15, 15))) == 0
        middle = slice(SIZE // 16, -SIZE // 16)
        seen = ita(values[middle, middle][far[middle, middle]])
        assert seen == pytest.approx(row["true_ita"], abs=6)


def test_same_lesion_loses_contrast_on_dark_skin():
    row = population(40, 6, {"I": 1}, {"NV": 1}).to_dict("records")[0]
    contrasts = []
    for melanin in (0.02, 0.06, 0.12, 0.30):
        shot = photograph(
            {**row, "melanin_fraction": melanin}, 0, 6, SIZE, hair=0, artefact=0,
            dermatoscope=False,
        )  # fmt: skip
        lightness = lab(shot.image)[..., 0]
        far = cv2.dilate(shot.lesion_mask.astype(np.uint8), np.ones((9, 9))) == 0
        contrasts.append(
            np.median(lightness[far]) - np.median(lightness[shot.lesion_mask])
        )
    assert np.all(np.diff(contrasts) < 0)
    assert contrasts[-1] < contrasts[0] / 2


def test_lesion_does_not_depend_on_the_skin_it_lies_in():
    row = population(1, 2).to_dict("records")[0]
    on_light = photograph({**row, "melanin_fraction": 0.02}, 0, 2, SIZE)
    on_dark = photograph({**row, "melanin_fraction": 0.40}, 0, 2, SIZE)
    assert (on_light.lesion_mask == on_dark.lesion_mask).all()


def test_skin_has_the_melanin_and_blood_it_was_given():
    rng = np.random.default_rng(0)
    tissue = paint_skin(rng, 256, 20, 0.05, 0.008, 40)
    assert np.median(tissue.melanin) == pytest.approx(0.05, rel=0.15)
    assert np.median(tissue.blood) == pytest.approx(0.008, rel=0.25)
    assert not tissue.surface_melanin.any()


def test_every_sign_changes_the_tissue():
    from keras_derm.phantom.signs import GRADES, PRESENCE, Signs

    grades = dict.fromkeys(GRADES, 0.5)

    def painted(*present):
        signs = Signs(frozenset(present), grades)
        tissue, _ = LesionPainter(signs, np.random.default_rng(3), 128, 12).paint()
        return np.stack(tissue.maps())

    plain = painted()
    for name in PRESENCE:
        assert np.abs(painted(name) - plain).max() > 0.02, name


HASH = """
import hashlib
from keras_derm.phantom import photograph, population
digest = hashlib.sha256()
rows = population(16, 12, "balanced", "balanced").to_dict("records")
for index, row in enumerate(rows):
    shot = photograph(row, index, 12, 96, 2.0, 2.0)
    digest.update(shot.image.tobytes() + shot.hair_free.tobytes())
    digest.update(shot.lesion_mask.tobytes() + shot.hair_mask.tobytes())
print(digest.hexdigest())
"""


def test_same_bytes_with_other_processor_instructions():
    """The oldest x86 code paths of NumPy and OpenCV stand for another machine."""
    old = {
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 X86_V3 AVX512_ICL AVX512_SPR",
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,AVX,FMA3,FP16,SSE4.2",
        "OPENCV_IPP": "disabled",
    }
    digests = {
        subprocess.run(
            [sys.executable, "-c", HASH],
            env={**os.environ, **extra},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for extra in ({}, old)
    }
    assert len(digests) == 1

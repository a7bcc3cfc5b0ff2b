"""What is told of an outline, and the rules that find one."""

import numpy as np
import pytest

from keras_derm.evaluation import overlap_scores
from keras_derm.lesion_finders import (
    AutomaticFinder,
    LesionOutline,
    MaxFlowFinder,
    PlainOtsuFinder,
    shipped_finder,
)
from keras_derm.lesion_finders.drawing import FOUND_COLOUR, outlined
from keras_derm.lesion_finders.outline import border_band

HEIGHT, WIDTH = 96, 128


def disc(radius, centre=(64, 48)):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.hypot(columns - centre[0], rows - centre[1]) < radius


def photograph(lesion):
    noise = np.random.default_rng(0).normal(0, 4, (HEIGHT, WIDTH, 3))
    colour = np.where(lesion[..., None], (160, 110, 84), (226, 184, 160))
    return np.round(colour + noise).clip(0, 255).astype("uint8")


@pytest.mark.parametrize("finder", [PlainOtsuFinder(), AutomaticFinder()])
def test_rules_find_a_plain_lesion(finder):
    lesion = disc(24)
    found = finder.find(photograph(lesion))
    assert overlap_scores(lesion, found.mask)["dice"] > 0.93
    assert found.share == pytest.approx(lesion.mean(), abs=0.02)
    assert not found.is_cut_off


def test_max_flow_finds_a_plain_lesion_to_the_pixel():
    pytest.importorskip("maxflow", reason="needs the extra max_flow")
    lesion = disc(24)
    found = MaxFlowFinder().find(photograph(lesion))
    assert overlap_scores(lesion, found.mask)["dice"] > 0.97


def test_max_flow_finds_nothing_where_nothing_is():
    pytest.importorskip("maxflow", reason="needs the extra max_flow")
    grey = np.full((40, 50, 3), 128, "uint8")
    assert MaxFlowFinder().find(grey).mask.shape == (40, 50)


def test_a_lesion_beyond_the_border_is_cut_off():
    assert LesionOutline(disc(24, (0, 48))).is_cut_off
    assert not LesionOutline(disc(24)).is_cut_off


def test_nothing_found_has_no_lesion_and_no_entropy():
    nothing = LesionOutline(np.zeros((8, 8), bool), np.zeros((8, 8)))
    assert nothing.lesion is None
    assert nothing.share == 0
    assert np.isnan(nothing.border_entropy)


def test_entropy_along_the_border_in_bits():
    lesion = disc(24)
    sure = LesionOutline(lesion, lesion.astype("float32"))
    assert sure.border_entropy == pytest.approx(0, abs=1e-4)
    undecided = np.where(border_band(lesion), 0.5, lesion)
    assert LesionOutline(lesion, undecided).border_entropy == pytest.approx(1)
    quarter = np.where(border_band(lesion), 0.25, lesion)
    expected = -(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75))
    found = LesionOutline(lesion, quarter).border_entropy
    assert found == pytest.approx(expected)


def test_outlines_are_drawn_where_the_mask_ends():
    lesion = disc(24)
    drawn = outlined(np.full((HEIGHT, WIDTH, 3), 255, "uint8"), {FOUND_COLOUR: lesion})
    scale = drawn.shape[0] // HEIGHT
    assert scale == 3
    coloured = (drawn == FOUND_COLOUR).all(axis=-1)
    rows, columns = np.nonzero(coloured)
    radius = np.hypot(columns / scale - 64, rows / scale - 48)
    assert radius.min() > 22 and radius.max() < 26


def test_clinical_photographs_have_a_rule_of_their_own():
    assert shipped_finder("clinical") == AutomaticFinder(kind="clinical")

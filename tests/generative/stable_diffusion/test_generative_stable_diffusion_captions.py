"""Captions say what is known, and nothing else."""

import pandas as pd
import pytest

from keras_derm.catalog import DIAGNOSES
from keras_derm.generative.stable_diffusion.captions import Captions, row_words
from keras_derm.settings import StableDiffusionSettings

DEFAULT = Captions(StableDiffusionSettings().captions)


def test_all_that_is_known_is_said():
    row = {
        "diagnosis": "MEL",
        "tone_group": "dark",
        "image_type": "clinical: close-up",
        "anatom_site_general": "lower extremity",
        "clin_size_long_diam_mm": 7.2,
    }
    assert DEFAULT.of_words(0, row_words(row)) == (
        "clinical close-up of a melanocytic skin lesion, melanoma, on dark skin, lower "
        "extremity, 7 mm across"
    )


def test_what_is_not_known_is_left_out():
    row = {"diagnosis": "BCC", "tone_group": pd.NA, "anatom_site_general": pd.NA}
    said = [DEFAULT.of_words(number, row_words(row)) for number in range(len(DEFAULT))]
    assert said == [
        "dermoscopic photograph of a non-melanocytic skin lesion, basal cell carcinoma",
        "dermoscopic photograph of basal cell carcinoma",
        "non-melanocytic lesion, basal cell carcinoma, dermoscopic photograph",
    ]
    assert DEFAULT.of_condition(1, "BCC", "unknown") == said[1]


def test_each_diagnosis_and_tone_has_its_words():
    said = {
        DEFAULT.of_condition(0, diagnosis, tone)
        for diagnosis in DIAGNOSES
        for tone in ("light", "medium", "dark", "unknown")
    }
    assert len(said) == 4 * len(DIAGNOSES)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{diagnosis} of {age}", "can say"),
        ("{diagnosis} on {tone} skin", "square brackets"),
        ("{diagnosis", "in a template"),
    ],
)
def test_templates_that_cannot_be_filled_are_refused(template, said):
    with pytest.raises(ValueError, match=f"{said}.*Received: "):
        Captions([template])

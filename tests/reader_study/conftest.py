"""A study without pictures, and what it shows."""

import numpy as np
import pandas as pd
import pytest

from keras_derm.reader_study import (
    CHECK,
    KEPT,
    PREPARED,
    REAL,
    SCREENED_OUT,
    make_study,
    questions_of,
)

PARTS = ("origin", "plausibility", "diagnosis", "tone", "preparation")
REASONS = (
    "colours unlike real images of MEL: 0.9 > 0.7",
    "texture (GLCM) unlike real images of NV: 9 > 3; near copy of training image 3",
)


def rows(kind, n, prefix, generator=None):
    """Rows of pictures, half melanomas, half naevi, tones in turn."""
    table = pd.DataFrame({"isic_id": [f"{prefix}{i}" for i in range(n)], "kind": kind})
    table["diagnosis"] = np.resize(["MEL", "NV"], n)
    table["tone_group"] = np.resize(np.repeat(["light", "dark"], 2), n)
    table["generator"] = generator
    reasons = np.resize(REASONS, n) if kind == SCREENED_OUT else None
    return table.assign(screening_reason=reasons)


@pytest.fixture
def make_small_study():
    """Make a study of 60 photographs, 40 synthetic images and 20 screened out."""

    def make(n_readers=4, parts=PARTS, seed=0, n_pairs=12):
        drawn = pd.concat(
            [
                rows(REAL, 60, "R"),
                rows(KEPT, 40, "K", "sngan"),
                rows(SCREENED_OUT, 20, "X", "sngan"),
            ]
        )
        pairs = rows(PREPARED, n_pairs, "R") if "preparation" in parts else None
        questions = questions_of(parts, ("MEL", "NV", "BCC"), "monk")
        expected = {"origin": "4", "plausibility": "5", "diagnosis": "BCC", "tone": "9"}
        asked = {question.name for question in questions}
        check = {name: value for name, value in expected.items() if name in asked}
        study = make_study(
            drawn,
            [question.to_dict() for question in questions],
            [check, check],
            n_readers,
            0.2,
            seed,
            pairs=pairs,
        )
        table = pd.concat([drawn, pairs]).set_index(["kind", "isic_id"])
        shown = [
            {"item": name, "isic_id": item.isic_id, "kind": item.kind}
            | table.loc[(item.kind, item.isic_id)].to_dict()
            for name, item in study.items.items()
            if item.kind != CHECK
        ]
        return study, shown

    return make


@pytest.fixture
def study_and_shown(make_small_study):
    return make_small_study()

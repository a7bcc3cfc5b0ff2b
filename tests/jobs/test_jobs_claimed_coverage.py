import numpy as np
import pytest

from keras_derm.evaluation import fit_conformal, fit_shift_reference
from keras_derm.jobs.claimed_coverage import ClaimedCoverage

CLASSES = ("MEL", "NV", "BCC")


def photographs(n, seed, melanoma=0.2, darker=0.0):
    """Rows as of a predictor, and the classes of the photographs."""
    generator = np.random.default_rng(seed)
    rest = (1 - melanoma) / 2
    y_true = generator.choice(3, n, p=[melanoma, rest, rest])
    logits = generator.normal(size=(n, 3))
    logits[np.arange(n), y_true] += 2
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = [
        dict(zip(CLASSES, map(float, scores), strict=True)) | {"ita": ita, "error": ""}
        for scores, ita in zip(
            y_prob, generator.normal(50 - darker, 10, n), strict=True
        )
    ]
    return rows, y_true, y_prob


@pytest.fixture(scope="module")
def fitted():
    rows, y_true, y_prob = photographs(400, seed=0)
    told = {name: [row[name] for row in rows] for name in (*CLASSES, "ita")}
    sets = fit_conformal(y_true, y_prob, np.full(400, "bright"), CLASSES)
    return sets, fit_shift_reference(told)


def coverage(fitted, rows):
    found = ClaimedCoverage(*fitted)
    for row in rows:
        found.add(row)
    return found


def test_of_photographs_like_those_it_is_claimed(fitted):
    rows, _, _ = photographs(200, seed=1)
    found = coverage(fitted, rows)
    assert found.value == pytest.approx(0.9)
    assert str(found).startswith("Sets hold the true class 90% of the time, of each")
    assert {row["coverage"] for row in found.told(rows)} == {found.value}


@pytest.mark.parametrize(
    ("changed", "what"),
    [({"melanoma": 0.7}, "MEL is higher"), ({"darker": 20}, "ita is lower")],
)
def test_of_other_photographs_none_is_claimed(fitted, changed, what):
    rows, _, _ = photographs(200, seed=1, **changed)
    found = coverage(fitted, rows)
    assert found.value is None
    assert str(found).startswith("No coverage is claimed") and what in str(found)
    assert "recalibrate.py" in str(found)
    assert {row["coverage"] for row in found.told(rows)} == {None}


def test_few_photographs_are_not_compared(fitted):
    rows, _, _ = photographs(29, seed=1)
    unread = [dict.fromkeys((*CLASSES, "ita")) | {"error": "no image"}] * 10
    found = coverage(fitted, rows + unread)
    assert found.value is None
    assert "29 photographs are too few to compare" in str(found)


def test_thousands_are_compared_as_they_come(fitted):
    rows, _, _ = photographs(2500, seed=1, melanoma=0.3)
    found = coverage(fitted, rows)
    assert found.value is None and "MEL" in str(found)


def test_a_model_without_a_reference_or_sets_claims_nothing(fitted):
    rows, _, _ = photographs(50, seed=1)
    of_before = coverage((fitted[0], None), rows)
    assert of_before.value is None and "evaluate it again" in str(of_before)
    without = coverage((None, fitted[1]), rows)
    assert without.value is None and str(without).startswith("No prediction sets")


def test_classes_of_few_photographs_are_named():
    rows, y_true, y_prob = photographs(60, seed=0, melanoma=0.05)
    sets = fit_conformal(y_true, y_prob, np.full(60, "bright"), CLASSES)
    told = {name: [row[name] for row in rows] for name in (*CLASSES, "ita")}
    found = coverage((sets, fit_shift_reference(told)), rows)
    assert "(of MEL alone too few were there to promise it)" in str(found)

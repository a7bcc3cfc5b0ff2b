import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from keras_derm.evaluation import ShiftReference, ShiftTest, fit_shift_reference


def told(n, seed, shift=0.0):
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(n, 3)) + [shift, 0, 0]
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ita = generator.normal(50, 10, n)
    ita[generator.random(n) < 0.1] = np.nan
    return dict(zip(("MEL", "NV", "BCC"), y_prob.T, strict=True)) | {"ita": ita}


def test_photographs_like_the_reference_are_seldom_called_shifted():
    alarms = [
        bool(
            ShiftTest(fit_shift_reference(told(400, seed)))
            .add(told(300, seed + 1000))
            .found()
        )
        for seed in range(200)
    ]
    assert np.mean(alarms) <= 0.08


def test_shift_is_found_named_and_described():
    test = ShiftTest(fit_shift_reference(told(400, seed=0)))
    found = test.add(told(200, seed=1, shift=1.5)).found()
    assert found[0].name == "MEL" and found[0].p < 1e-6
    assert str(found[0]).startswith("MEL is higher (median 0.7, there 0.27)")
    assert "ita" not in [shift.name for shift in found]


def test_distance_and_p_are_those_of_scipy():
    old, new = told(150, seed=0), told(90, seed=1, shift=0.5)
    (shift,) = ShiftTest(fit_shift_reference({"MEL": old["MEL"]})).add(new).found(1.1)
    expected = stats.ks_2samp(old["MEL"], new["MEL"], method="asymp")
    # The distance is looked for at the values of the reference.
    assert shift.distance == pytest.approx(expected.statistic, abs=1 / 90)
    effective = 150 * 90 / 240
    assert shift.p == stats.kstwobign.sf(shift.distance * np.sqrt(effective))


def test_batch_after_batch_is_as_all_at_once():
    reference, new = fit_shift_reference(told(400, seed=0)), told(301, seed=1)
    whole, parts = ShiftTest(reference).add(new), ShiftTest(reference)
    for part in np.array_split(np.arange(301), 7):
        parts.add({name: values[part] for name, values in new.items()})
    assert parts.n == whole.n == 301
    assert parts.found(1.1) == pytest.approx(whole.found(1.1))


def test_many_values_are_kept_as_quantiles_and_survive_json():
    reference = fit_shift_reference({"MEL": np.random.default_rng(0).random(5000)})
    assert len(reference.values["MEL"]) == 101
    assert reference.median("MEL") == pytest.approx(0.5, abs=0.02)
    assert ShiftReference(**json.loads(json.dumps(asdict(reference)))) == reference


def test_ties_of_a_quantised_model_do_no_harm():
    of_old = np.repeat([0.0, 1 / 256, 0.5], [700, 200, 100])
    of_new = np.repeat([0.0, 1 / 256, 0.5], [70, 20, 10])
    (shift,) = (
        ShiftTest(fit_shift_reference({"MEL": of_old})).add({"MEL": of_new}).found(1.1)
    )
    assert shift.distance == pytest.approx(0) and shift.p == 1


def test_what_is_known_of_no_photograph_is_not_compared():
    reference = fit_shift_reference({"MEL": [0.1, 0.2], "ita": [np.nan, np.nan]})
    assert list(reference.n) == ["MEL"]
    assert ShiftTest(reference).add({"MEL": []}).found() == []

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from keras_derm.catalog import Catalog, get_task
from keras_derm.evaluation import judge_arms

ARMS = {"baseline": 0.4, "gan": 1.5, "copies": 0.8}


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    (root / "image.jpg").write_bytes(b"image")
    generator = np.random.default_rng(0)
    n = 320
    table = pd.DataFrame(
        {
            "isic_id": [f"i{i}" for i in range(n)],
            "path": "image.jpg",
            "diagnosis": generator.choice(["MEL", "NV"], n, p=[0.4, 0.6]),
            "lesion_id": [f"l{i}" for i in range(n)],
            "sex": generator.choice(["male", "female"], n),
            "tone_group": generator.choice(["light", "dark"], n),
            "ita": generator.choice([50.0, 20.0], n),
            "ita_type": "II",
            "split": np.repeat(["val", "test"], n // 2),
        }
    )
    catalog = Catalog(table, root=root)
    return {name: catalog.split(name) for name in ("val", "test")}


def predicted(splits, task):
    generator = np.random.default_rng(1)
    found = {}
    for arm, strength in ARMS.items():
        found[arm] = {}
        for split, rows in splits.items():
            logit = strength * np.where(task.targets(rows) == 0, 1, -1)
            score = 1 / (1 + np.exp(-logit - generator.normal(size=len(rows))))
            y_prob = np.stack([score, 1 - score], axis=1)
            found[arm][split] = {"ensemble": y_prob, "member": y_prob[:, ::-1]}
    return found


@pytest.fixture(scope="module")
def judged(splits):
    task = get_task("diagnosis8").present_in(splits["val"])
    given = predicted(splits, task)
    return (
        task,
        given,
        judge_arms(**splits, task=task, predicted=given, n_replicates=50),
    )


def test_every_arm_is_compared_and_described(judged):
    _, _, found = judged
    assert set(found.comparison.differences) == {"gan", "copies"}
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    for key in ("arms", "members", "validation_macro_auc", "temperature"):
        assert list(content[key]) == list(ARMS)
    for of_arm in (found.conformal, found.roc, found.auc, found.decision_curves):
        assert list(of_arm) == list(ARMS)
    assert set(found.selective["arm"]) == set(ARMS)
    assert set(found.comparison.disparities()["arm"]) == set(ARMS)


def test_members_are_judged_by_their_own_predictions(judged):
    _, _, found = judged
    for models in found.members.values():
        ensemble, member = (models[name]["auc"] for name in ("ensemble", "member"))
        assert member["value"] == pytest.approx(1 - ensemble["value"])


def test_the_arm_of_the_best_validation_auc_is_chosen(judged, splits):
    task, given, found = judged
    truth = task.targets(splits["val"]) == 0
    areas = {
        arm: roc_auc_score(truth, given[arm]["val"]["ensemble"][:, 0]) for arm in ARMS
    }
    assert found.validation_macro_auc == pytest.approx(areas)
    assert found.chosen_arm == max(areas, key=areas.get) == "gan"


def test_thresholds_are_those_of_validation_images(judged, splits):
    task, given, found = judged
    truth = task.targets(splits["val"]) == 0
    for arm, of_arm in found.comparison.arms.items():
        score = given[arm]["val"]["ensemble"][truth, 0]
        for sensitivity, threshold in of_arm.operating_points.items():
            assert (score >= threshold).mean() >= sensitivity
            assert (score > threshold).mean() < sensitivity


def test_sets_hold_the_truth_of_the_validation_images_they_were_fitted_on(
    judged, splits
):
    task, given, found = judged
    val = splits["val"]
    bright, dark = "ITA 41° and over", "ITA 10° to 41°"
    colours = np.where(val.table["ita"] > 41, bright, dark)
    truth = task.targets(val)
    for arm, sets in found.conformal.items():
        member = sets.predict(given[arm]["val"]["ensemble"], colours)
        covered = member[np.arange(len(val)), truth]
        assert {bright, dark} <= set(sets.thresholds)
        for colour in (bright, dark):
            assert covered[colours == colour].mean() >= 1 - sets.alpha


def test_few_validation_images_and_no_positive_one_leave_parts_out(splits):
    task = get_task("diagnosis8").present_in(splits["val"])
    few = splits["val"].where(diagnosis="NV")
    few = few.where(np.arange(len(few)) < 5)
    parts = {"val": few, "test": splits["test"]}
    given = predicted(parts, task)
    found = judge_arms(**parts, task=task, predicted=given, n_replicates=20)
    assert found.conformal == {} and found.selective is None
    assert found.comparison.arms["gan"].operating_points == {}
    assert "sensitivity_at_90" not in set(found.comparison.table()["metric"])

"""The benchmark of remedies, with what networks say made up: no lesion leaks."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

FOLDER = str(Path(__file__).parents[1] / "benchmarks")
DATA = "phantom:n=240,seed=7,size=64,tones=balanced,diagnoses=balanced"


@pytest.fixture(scope="module")
def fairness_arms():
    """The benchmarks are scripts: they find each other in their own folder."""
    sys.path.insert(0, FOLDER)
    import fairness_arms

    yield fairness_arms
    sys.path.remove(FOLDER)


@pytest.fixture(scope="module")
def run(fairness_arms, tmp_path_factory):
    """Folder of a whole run, and what each training was given."""
    out, given = tmp_path_factory.mktemp("fairness"), []

    def train(arm, numbers, archive, rows, made, file, settings):
        given.append((arm, numbers, archive, rows))
        generator = np.random.default_rng([*numbers, sum(map(ord, arm))])
        said = {}
        for name, of_rows in (("val", rows[1]), ("test", rows[2])):
            odds = generator.exponential(size=(len(of_rows), len(archive.classes)))
            odds[np.arange(len(of_rows)), archive.targets[of_rows]] *= 6
            said[name] = odds / odds.sum(axis=1, keepdims=True)
        file.parent.mkdir(exist_ok=True)
        np.savez(file, **said)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fairness_arms, "_train", train)
        options = {"seeds": 2, "image_size": 32, "n_replicates": 60, "out": str(out)}
        fairness_arms.main(DATA, **options)
        n_trained = len(given)
        fairness_arms.main(DATA, **options)  # nothing is trained again
        assert len(given) == n_trained
        with pytest.raises(ValueError, match="predictions of other settings"):
            fairness_arms.main(DATA, **options | {"image_size": 48})
    return SimpleNamespace(out=out, given=given)


def test_every_arm_is_trained_with_every_seed_on_every_fold(fairness_arms, run):
    numbers = [(arm, *numbers) for arm, numbers, *_ in run.given]
    assert len(set(numbers)) == len(numbers) == len(fairness_arms.TRAINED) * 2 * 3


def test_no_lesion_is_judged_by_what_learned_from_it_and_all_are_judged(run):
    judged = []
    for arm, (seed, _), archive, rows in run.given:
        lesions = archive.catalog.table["lesion_id"].to_numpy(str)
        train, val, test = (set(lesions[of_rows]) for of_rows in rows)
        assert not train & val and not train & test and not val & test
        if arm == "none" and seed == 0:
            judged += rows[2].tolist()
    assert sorted(judged) == list(range(len(lesions)))


def test_arms_differ_in_what_is_drawn(fairness_arms, run):
    _, _, archive, (train, _, _) = run.given[0]
    learned = {
        arm: fairness_arms._learned(arm, archive, train, None, 0)
        for arm in fairness_arms.TRAINED
    }
    cells = pd.Series(archive.cells[train])
    chances = pd.Series(learned["balanced_sampling"]["chances"])
    np.testing.assert_allclose(chances.groupby(cells).sum(), 1 / cells.nunique())
    groups = pd.Series(learned["group_dro"]["weights"])
    chances = pd.Series(learned["group_dro"]["chances"])
    assert groups.nunique() == 6
    np.testing.assert_allclose(chances.groupby(groups).sum(), 1 / 6)
    tones = np.unique(archive.tone[train], return_counts=True)[1]
    assert len(learned["copies"]["images"]) == 3 * tones.max()
    weights = learned["class_weights"]["weights"]
    of_class = np.bincount(learned["class_weights"]["targets"], weights)
    np.testing.assert_allclose(of_class, len(train) / len(archive.classes), rtol=1e-5)
    assert (learned["none"]["weights"] == 1).all() and learned["none"][
        "chances"
    ] is None


def test_thresholds_of_a_tone_are_those_of_its_own_lesions(fairness_arms):
    generator = np.random.default_rng(0)
    truth, score = generator.random(400) < 0.3, generator.random(400)
    own = fairness_arms._own_threshold
    threshold = own("group_sensitivity", truth, score, 0.5, 0.75)
    assert np.mean(score[truth] >= threshold) == pytest.approx(0.8, abs=0.01)
    threshold = own("group_specificity", truth, score, 0.5, 0.75)
    assert np.mean(score[~truth] < threshold) == pytest.approx(0.75, abs=0.005)
    nobody = truth[:0], score[:0]
    assert own("group_sensitivity", *nobody, 0.5, 0.75) == 0.5
    assert own("group_specificity", *nobody, 0.5, 0.75) == 0.5


def test_tables_and_verdict_are_written(fairness_arms, run):
    groups = pd.read_csv(run.out / "groups.csv")
    arms = {*fairness_arms.TRAINED, *fairness_arms.DERIVED}
    assert set(groups["arm"]) == arms
    own = groups[(groups["metric"] == "auc") & (groups["value_of_stratum"] == "medium")]
    own = own.set_index("arm")["value"]
    for derived in fairness_arms.DERIVED:
        assert own[derived] == own["none"]  # thresholds move no rank
    assert "smallest_gap" in pd.read_csv(run.out / "gaps.csv")
    assert set(pd.read_csv(run.out / "changes.csv")["arm"]) <= arms - {"none"}
    assert len((run.out / "verdict.txt").read_text().split()) > 10


def test_generators_of_another_split_are_refused(fairness_arms, tmp_path):
    def finished(split):
        table = pd.DataFrame({"isic_id": ["a", "b"], "split": split})
        return SimpleNamespace(
            path=tmp_path,
            catalog=SimpleNamespace(table=table),
            settings=lambda kind: SimpleNamespace(preset="keras_derm"),
        )

    first = finished(["train", "test"])
    runs = {"sngan": first, "copy": finished(["train", "test"])}
    assert fairness_arms._one_split(runs) is first
    with pytest.raises(ValueError, match="learned from lesions that are judged"):
        fairness_arms._one_split({"sngan": first, "other": finished(["test", "train"])})
    with pytest.raises(ValueError, match="leave out --data"):
        fairness_arms._archive(DATA, runs, "tone_group", 32, tmp_path)


def test_faults_are_told(fairness_arms, tmp_path):
    with pytest.raises(ValueError, match="with none.* Received: colour"):
        fairness_arms._chosen(["colour"], {})
    with pytest.raises(ValueError, match="people of two tones or more by tone_class"):
        fairness_arms._archive(DATA, {}, "tone_class", 32, tmp_path)

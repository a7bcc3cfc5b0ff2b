import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import Catalog
from keras_derm.reader_study import (
    CHECK,
    KEPT,
    PREPARED,
    REAL,
    SCREENED_OUT,
    Study,
    draw_balanced,
    draw_pairs,
)
from keras_derm.reader_study.series import BLOCK


@pytest.fixture
def photographs(tmp_path):
    """40 naevi of 20 lesions, 12 melanomas, 3 BCC, a third of them of dark skin."""
    (tmp_path / "a.jpg").write_bytes(b"")
    diagnosis = ["NV"] * 40 + ["MEL"] * 12 + ["BCC"] * 3
    table = pd.DataFrame({"isic_id": [f"R{i}" for i in range(55)], "path": "a.jpg"})
    table["diagnosis"] = diagnosis
    table["lesion_id"] = [f"L{i // 2}" if i < 40 else f"M{i}" for i in range(55)]
    table["skin_tone_label"] = np.resize(["I", "II", "VI"], 55)
    return Catalog(table.assign(skin_tone_scale="fitzpatrick"), tmp_path)


def made(counts, kind=KEPT, generator="sngan"):
    names = [name for name, n in counts.items() for _ in range(n)]
    table = pd.DataFrame({"diagnosis": names, "kind": kind, "generator": generator})
    table["isic_id"] = [f"{kind}{generator}{i}" for i in range(len(names))]
    return table.assign(tone_group=None)


def test_of_each_diagnosis_as_many_are_real_as_synthetic(photographs):
    synthetic = made({"NV": 30, "MEL": 50, "DF": 9})
    drawn = draw_balanced(photographs, synthetic, 40, 0.0, seed=0)
    counts = drawn.groupby(["kind", "diagnosis"]).size().unstack()
    assert counts.loc[REAL].to_dict() == counts.loc[KEPT].to_dict()
    assert counts.loc[REAL].to_dict() == {"MEL": 10, "NV": 10}  # there is no real DF
    lesions = photographs.table.set_index("isic_id")["lesion_id"]
    real = drawn.loc[drawn["kind"] == REAL, "isic_id"]
    assert lesions[real].is_unique


def test_where_there_are_few_the_rest_is_of_others(photographs):
    drawn = draw_balanced(photographs, made({"NV": 30, "BCC": 2}), 40, 0.0, seed=0)
    real = drawn.loc[drawn["kind"] == REAL, "diagnosis"].value_counts()
    assert real.to_dict() == {"NV": 18, "BCC": 2}


def test_rare_tones_and_all_generators_are_drawn_in_turn(photographs):
    synthetic = pd.concat(
        [made({"MEL": 40}), made({"MEL": 4}, generator="conditional_wgan_gp")]
    )
    drawn = draw_balanced(photographs, synthetic, 16, 0.0, seed=3)
    tones = drawn.loc[drawn["kind"] == REAL, "tone_group"].value_counts()
    assert tones.to_dict() == {"light": 4, "dark": 4}
    assert drawn["generator"].value_counts().to_dict() == {
        "sngan": 4,
        "conditional_wgan_gp": 4,
    }


def test_some_are_such_as_screening_rejected(photographs):
    synthetic = pd.concat([made({"NV": 30, "MEL": 30}), made({"MEL": 3}, SCREENED_OUT)])
    drawn = draw_balanced(photographs, synthetic, 40, 0.2, seed=0)
    assert drawn["kind"].value_counts().to_dict() == {
        REAL: 20,
        KEPT: 17,
        SCREENED_OUT: 3,  # of the four wanted there are three
    }


def test_nothing_in_common_is_refused(photographs):
    with pytest.raises(ValueError, match=r"no diagnosis has both.*synthetic {'DF': 9}"):
        draw_balanced(photographs, made({"DF": 9}), 20, 0.0, seed=0)


def test_photographs_alone_need_no_synthetic_ones(photographs):
    drawn = draw_balanced(photographs, made({}), 9, 0.0, seed=0)
    assert drawn["diagnosis"].value_counts().to_dict() == {"NV": 3, "MEL": 3, "BCC": 3}


def test_pairs_are_of_photographs_that_were_not_shown(photographs):
    drawn = draw_balanced(photographs, made({"NV": 30, "MEL": 30}), 20, 0.0, seed=0)
    pairs = draw_pairs(photographs, set(drawn["isic_id"]), 6, seed=0)
    assert len(pairs) == 6 and not set(pairs["isic_id"]) & set(drawn["isic_id"])


def test_every_reader_sees_all_in_an_order_of_his_own(study_and_shown):
    study, shown = study_and_shown
    orders = [[item for _, item in steps] for steps in study.series.values()]
    for order in orders:
        assert set(order) == set(study.items)
        assert len(order) == len(shown) + 24 + 2  # a fifth of 120 again, two checks
    assert len({tuple(order) for order in orders}) == len(orders)
    steps = [step for series in study.series.values() for step, _ in series]
    assert len(set(steps)) == len(steps)


def test_blocks_are_balanced_and_pairs_come_last(study_and_shown):
    study, _ = study_and_shown
    for steps in study.series.values():
        kinds = [study.items[item].kind for _, item in steps]
        assert set(kinds[-12:]) == {PREPARED}
        first = list(dict.fromkeys(item for _, item in steps))
        singles = [study.items[item].kind for item in first]
        singles = [kind for kind in singles if kind not in (PREPARED, CHECK)]
        for start in range(0, 120, BLOCK):
            assert singles[start : start + BLOCK].count(REAL) == BLOCK // 2


def test_a_repeat_stands_far_from_the_first_showing(study_and_shown):
    study, _ = study_and_shown
    for steps in study.series.values():
        order = pd.Series([item for _, item in steps])
        again = order[order.duplicated()]
        assert len(again) == 24
        first = order.drop_duplicates().reset_index().set_index(0)["index"]
        assert (again.index - first[again].to_numpy()).min() >= 0.15 * len(order)


def test_which_side_is_prepared_is_drawn(make_small_study):
    study, _ = make_small_study(n_pairs=60)
    sides = [item.before for item in study.items.values() if item.kind == PREPARED]
    assert 15 < sum(sides) < 45  # four deviations of a fair coin


def test_seed_decides_everything(make_small_study):
    first, again, other = (make_small_study(seed=seed)[0] for seed in (0, 0, 1))
    assert first.to_key() == again.to_key()
    assert not set(first.items) & set(other.items) and first.name != other.name


def test_key_gives_the_study_back(study_and_shown):
    study, _ = study_and_shown
    again = Study.from_key(study.to_key())
    assert again.items == study.items and again.series == study.series
    reader = next(iter(study.series))
    assert again.checksum(reader) == study.checksum(reader)

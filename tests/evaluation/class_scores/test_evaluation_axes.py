import numpy as np
import pandas as pd

from keras_derm.evaluation import AXES, catalog_axes, contrast_edges
from keras_derm.evaluation.class_scores.axes import catalog_mix
from keras_derm.evaluation.class_scores.subgroups import build_strata


def table(**columns):
    frame = pd.DataFrame(
        {
            "tone_group": ["light", "light", "dark", None],
            "ita": [50.0, 41.0, 9.9, 60.0],
            "ita_type": ["II", "III", "V", "undetermined"],
            "sex": ["male", "female", "female", None],
            "age_approx": [29.0, 30.0, 70.0, np.nan],
            "contrast": [5.0, 10.0, 30.0, np.nan],
            "split": ["train", "val", "train", "test"],
            "source": ["HAM10000"] * 4,
        }
    )
    return frame.assign(**columns)


def counts(values):
    strata = build_strata({"axis": values}, len(values))[1:]
    return {one.value: int(one.mask.sum()) for one in strata}


def test_a_mix_is_of_diagnosis_and_what_is_known_of_site_and_age():
    diagnosis = ["MEL", "NV", "NV", None]
    found = catalog_mix(table(diagnosis=diagnosis))
    assert list(found) == ["diagnosis", "age_band"]
    assert found["age_band"].ordered
    found = catalog_mix(table(diagnosis=diagnosis, anatom_site_general="head/neck"))
    assert list(found) == ["diagnosis", "anatom_site_general", "age_band"]


def test_age_bands_begin_at_their_lower_age():
    found = counts(catalog_axes(table(), ["age_band"])["age_band"])
    assert found == {
        "under 30": 1,
        "30 to 49": 1,
        "50 to 69": 0,
        "70 and over": 1,
        "unknown": 1,
    }


def test_contrast_terciles_come_from_training_and_validation_alone():
    contrast = np.arange(12.0)
    split = ["train", "val", "test"] * 4
    frame = pd.DataFrame({"contrast": contrast, "split": split})
    edges = contrast_edges(frame)
    seen = contrast[np.array(split) != "test"]
    assert np.allclose(edges, np.quantile(seen, [1 / 3, 2 / 3]))
    changed = frame.assign(contrast=np.where(frame["split"] == "test", 99, contrast))
    assert contrast_edges(changed) == edges
    found = catalog_axes(frame, ["contrast_band"], edges)["contrast_band"]
    assert list(found.categories) == ["low", "middle", "high"]
    assert (np.asarray(found == "low") == (contrast < edges[0])).all()


def test_crossings_show_every_pair_and_keep_the_unknown_apart():
    values = catalog_axes(table(), ["tone_group x sex"])
    found = counts(values["tone_group x sex"])
    assert found["light, male"] == found["light, female"] == found["dark, female"] == 1
    assert found["dark, male"] == 0 and found["medium, male"] == 0
    assert found["unknown"] == 1
    assert len(found) == 4 * 2 + 1


def test_bands_of_colour_begin_at_their_lower_edge_and_doubt_is_apart():
    found = counts(catalog_axes(table(), ["photograph_colour"])["photograph_colour"])
    assert found == {
        "ITA 41° and over": 2,
        "ITA 10° to 41°": 0,
        "ITA under 10°": 1,
        "undetermined": 1,
    }
    unmeasured = table(ita=np.nan, ita_type=None)
    assert "photograph_colour" not in catalog_axes(unmeasured)


def test_where_nobody_labelled_there_is_no_crossing_of_tone():
    found = catalog_axes(table(tone_group=None))
    assert "tone_group" in found and "tone_group x sex" not in found


def test_axes_that_say_nothing_are_left_out_but_never_skin_tone():
    found = catalog_axes(table(tone_group="light"), AXES, contrast_edges=[6, 12])
    assert "source" not in found and "anatom_site_general" not in found
    assert list(found) == [
        "tone_group",
        "sex",
        "age_band",
        "contrast_band",
        "photograph_colour",
    ]
    assert "contrast_band" not in catalog_axes(table(), AXES)

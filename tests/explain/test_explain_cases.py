"""Cases for the report are the telling ones, and always the same."""

import numpy as np
import pandas as pd
import pytest

from keras_derm.explain import choose_cases

CLASSES = ("MEL", "NV", "BCC")
Y_TRUE = np.array([0, 0, 0, 1, 1, 1, 2, 2])
Y_PROB = np.array(
    [
        [0.9, 0.1, 0.0],  # melanoma found
        [0.3, 0.6, 0.1],  # melanoma missed
        [0.1, 0.2, 0.7],  # melanoma missed by more
        [0.6, 0.3, 0.1],  # false alarm
        [0.1, 0.8, 0.1],
        [0.0, 0.9, 0.1],
        [0.8, 0.1, 0.1],  # surer false alarm
        [0.1, 0.1, 0.8],
    ]
)


def positions(cases, kind):
    return cases.loc[cases["kind"] == kind, "position"].tolist()


def test_kinds_hold_their_cases_the_most_telling_first():
    cases = choose_cases(Y_TRUE, Y_PROB, CLASSES)
    assert positions(cases, "missed_melanoma") == [2, 1]
    assert positions(cases, "false_alarm") == [6, 3]
    assert positions(cases, "correct") == [0, 5, 7, 4]
    first = cases.iloc[0]
    assert (first["true_class"], first["predicted_class"]) == ("MEL", "MEL")
    assert first["probability"] == first["positive_probability"] == 0.9


def test_cases_are_limited_and_the_same_every_time():
    cases = choose_cases(Y_TRUE, Y_PROB, CLASSES, n_each=1)
    assert positions(cases, "missed_melanoma") == [2]
    assert len(cases) == 3
    again = choose_cases(Y_TRUE, Y_PROB, CLASSES, n_each=1)
    pd.testing.assert_frame_equal(cases, again)


def test_two_classes_need_no_class_called_mel():
    y_prob = np.array([[0.9, 0.1], [0.2, 0.8]])
    cases = choose_cases([1, 1], y_prob, ("benign", "malignant"))
    assert positions(cases, "missed_melanoma") == [0]


def test_kind_that_does_not_occur_has_no_rows():
    cases = choose_cases([0], np.array([[1.0, 0.0, 0.0]]), CLASSES)
    assert cases["kind"].tolist() == ["correct"]


def test_every_group_has_its_own_cases_in_the_order_of_the_categories():
    tones = ["medium", "light", "medium", "light", "light", "light", "medium", "light"]
    tones = pd.Categorical(tones, ["light", "medium", "dark"])
    cases = choose_cases(Y_TRUE, Y_PROB, CLASSES, n_each=1, groups=tones)
    found = list(zip(cases["group"], cases["kind"], cases["position"], strict=True))
    assert found == [
        ("light", "correct", 5),
        ("light", "missed_melanoma", 1),
        ("light", "false_alarm", 3),
        ("medium", "correct", 0),
        ("medium", "missed_melanoma", 2),
        ("medium", "false_alarm", 6),
    ]
    alone = choose_cases(Y_TRUE, Y_PROB, CLASSES)
    assert (alone["group"] == "all").all()


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="Received:"):
        choose_cases(Y_TRUE, Y_PROB[:, :2], CLASSES)
    with pytest.raises(ValueError, match="`positive_class`"):
        choose_cases(Y_TRUE, Y_PROB, ("A", "B", "C"))
    with pytest.raises(ValueError, match="Received: 2"):
        choose_cases(Y_TRUE, Y_PROB, CLASSES, groups=["I", "II"])

import numpy as np
import pandas as pd
import pytest

from keras_derm.skin_tone import label_agreement


def series(*values):
    return pd.Series(list(values), dtype=object)


def test_agreement_counts_what_both_know():
    labels = series("I", "II", "V", None, "VI", "III")
    estimates = series("I", "III", "II", "I", "undetermined", "III")
    table, agreement = label_agreement(labels, estimates)
    assert agreement["labelled"] == 5
    assert agreement["both"] == 4
    assert agreement["exact"] == 0.5
    assert agreement["within_one"] == 0.75
    assert table.loc["V", "II"] == 1
    assert table.loc["VI", "undetermined"] == 1
    assert table.to_numpy().sum() == 5


def test_labels_of_which_none_could_be_measured_have_no_agreement():
    _, agreement = label_agreement(series("I", "V"), series("undetermined", None))
    assert (agreement["labelled"], agreement["both"]) == (2, 0)
    assert np.isnan([agreement["exact"], agreement["within_one"]]).all()


def test_other_images_are_refused():
    with pytest.raises(ValueError, match="Received"):
        label_agreement(series("I"), series("I", "II"))

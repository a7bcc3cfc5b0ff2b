import numpy as np

from keras_derm.evaluation import GAP_COLUMNS, describe_gap, gap_claim

GAP = dict.fromkeys(GAP_COLUMNS, np.nan) | {
    "group": "dark",
    "beside": "light",
    "metric": "auc",
    "label": "MEL AUC",
    "counted": "MEL",
    "n_lesions": 17,
    "n_lesions_beside": 200,
    "raw_group": 0.69,
    "raw_beside": 0.85,
    "raw": -0.16,
    "raw_low": -0.25,
    "raw_high": -0.07,
    "raw_reason": "",
    "standardised": -0.05,
    "standardised_low": -0.14,
    "standardised_high": 0.04,
    "standardised_reason": "",
    "p_value": 0.2,
    "p_adjusted": 0.4,
    "mix": "diagnosis, site, age band",
    "left_out": "",
    "smallest_gap": 0.13,
    "n_needed": 1234,
    "needed_in": "dark",
}


def test_the_verdict_is_that_of_the_standardised_gap():
    assert describe_gap(GAP) == (
        "MEL AUC is 0.69 in dark and 0.85 in light, a raw gap of -0.16 (95 % interval "
        "-0.25 to -0.07). With one mix of diagnosis, site and age band it is -0.05 "
        "(95 % interval -0.14 to +0.04): no gap can be told. Numbers like these show a "
        "gap of 0.13 or more with 80% power. A gap of 0.05 takes 1,234 MEL lesions in "
        "dark; there are 17 in dark and 200 in light."
    )
    found = GAP | {"standardised_high": -0.01, "p_value": 0.01, "p_adjusted": 0.02}
    assert gap_claim(found) == -1
    assert "dark is served worse." in describe_gap(found)
    better = {"standardised_low": 0.01, "p_adjusted": 0.2}
    assert gap_claim(GAP | better) == 1
    assert "dark is served better." in describe_gap(GAP | better)


def test_what_does_not_survive_the_correction_is_not_claimed():
    found = GAP | {"standardised_high": -0.01, "p_value": 0.01, "p_adjusted": 0.07}
    assert gap_claim(found) == 0
    assert "no gap can be told." in describe_gap(found)


def test_a_raw_gap_alone_is_no_verdict():
    found = GAP | {"standardised_reason": "non-MEL: only 40% of the mix", "mix": ""}
    assert gap_claim(found) == 0
    said = describe_gap(found)
    assert "it cannot be given (non-MEL: only 40% of the mix): the raw gap may" in said
    assert "served" not in said


def test_a_group_too_small_to_judge_has_no_figure_but_what_it_would_take():
    reason = {"raw": np.nan, "raw_reason": "too few to judge"}
    said = describe_gap(GAP | reason | {"smallest_gap": np.nan})
    assert said == (
        "Of MEL AUC nothing can be said of dark beside light (too few to judge). A "
        "gap of 0.05 takes 1,234 MEL lesions in dark; there are 17 in dark and 200 in "
        "light."
    )

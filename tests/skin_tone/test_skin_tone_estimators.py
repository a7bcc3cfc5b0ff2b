"""Estimators of skin tone: one contract, and what each makes of a photograph."""

import numpy as np
import pytest

from keras_derm.skin_tone import (
    CalibratedIta,
    ItaEstimator,
    LesionMasked,
    Photograph,
    ToneCalibration,
    ToneEstimate,
    ToneEstimator,
    cross_calibrated,
    estimate_of_probabilities,
    load_estimator,
    without_lesion,
)

SKIN, LESION = (200, 160, 130), (90, 50, 40)


@pytest.fixture
def photograph():
    """Plain skin with a round lesion whose place is known."""
    y, x = np.mgrid[:96, :128]
    lesion = (y - 48) ** 2 + (x - 64) ** 2 < 20**2
    image = np.where(lesion[..., None], LESION, SKIN).astype("uint8")
    return Photograph(image, lesion, "dermoscopic")


class CentreDarkness(ToneEstimator):
    """Looks at the middle of the photograph alone, where the lesion is."""

    def look_at(self, photograph):
        height, width = photograph.image.shape[:2]
        value = float(photograph.image[height // 2, width // 2].mean())
        return ToneEstimate(value, value, value, "I", "light")


def test_probabilities_give_expectation_interval_label_and_group():
    found = estimate_of_probabilities([0, 0, 0, 0.1, 0.7, 0.2], "milk10k")
    assert found.value == pytest.approx(4.1)
    assert (found.low, found.high) == (3, 5)
    assert (found.label, found.group, found.reason) == ("1", "dark", "")


def test_a_group_is_named_only_where_it_is_sure():
    found = estimate_of_probabilities([0.2, 0.2, 0.3, 0.3, 0, 0], "fitzpatrick")
    assert found.group is None
    assert found.reason == "not sure: light 40%, medium 60%, dark 0%"
    assert found.label == "III"


def test_cuts_move_the_labels():
    even = [0.3, 0.4, 0.3, 0, 0, 0]
    assert estimate_of_probabilities(even, "fitzpatrick").label == "II"
    cuts = [1.2, 1.5, 2.5, 3.5, 4.5]
    assert estimate_of_probabilities(even, "fitzpatrick", cuts=cuts).label == "I"


def test_probabilities_of_another_scale_are_refused():
    with pytest.raises(ValueError, match="fitzpatrick_pairs has 3 labels"):
        estimate_of_probabilities([0.5, 0.5], "fitzpatrick_pairs")


def test_an_estimator_says_nothing_of_a_type_it_is_not_made_for(photograph):
    clinical = CentreDarkness("centre", "fitzpatrick", ("clinical: close-up",))
    found = clinical.estimate(photograph)
    assert np.isnan(found.value)
    assert found.group is None
    assert "made for clinical: close-up: this is dermoscopic" in found.reason


def test_ita_gives_the_group_of_its_type(photograph):
    found = ItaEstimator.by_rule().estimate(photograph)
    assert found.low <= found.value <= found.high
    assert (found.label, found.group) == ("II", "light")


def test_the_masked_lesion_is_not_seen(photograph):
    centre = CentreDarkness("centre", "fitzpatrick")
    assert centre.estimate(photograph).value == pytest.approx(np.mean(LESION))
    masked = LesionMasked.of(centre)
    assert masked.name == "centre, lesion masked"
    assert masked.estimate(photograph).value == pytest.approx(np.mean(SKIN))


def test_a_photograph_without_a_lesion_is_left_as_it_is():
    plain = Photograph(np.full((64, 64, 3), SKIN, "uint8"))
    assert without_lesion(plain) is plain


def labelled_values(n=400, seed=0):
    """Minus the ITA, which falls with MILK10k's class, with the spread of a camera."""
    generator = np.random.default_rng(seed)
    classes = generator.integers(0, 6, n)
    values = 20 - 15 * classes + generator.normal(0, 8, n)
    return values, classes.astype(str).astype(object)


def test_calibration_is_monotone_and_reads_labels_from_angles():
    calibration = ToneCalibration.fit(*labelled_values(), "milk10k", "a clinic")
    expected = [
        calibration.probabilities(value) @ np.arange(6)
        for value in np.linspace(-90, 60, 40)
    ]
    assert np.all(np.diff(expected) >= -1e-9)
    assert calibration.probabilities(-60).argmax() == 0
    assert calibration.probabilities(40).argmax() == 5
    assert calibration.probabilities(25).sum() == pytest.approx(1)


def test_calibration_is_calibrated_on_photographs_it_has_not_seen():
    calibration = ToneCalibration.fit(*labelled_values(2000), "milk10k", "a clinic")
    angles, labels = labelled_values(2000, seed=1)
    told = np.stack([calibration.probabilities(angle) for angle in angles])
    ranks = 5 - labels.astype(int)
    for rank in range(5):
        said = told[:, rank + 1 :].sum(axis=1).mean()
        assert said == pytest.approx((ranks > rank).mean(), abs=0.03)


def test_three_alike_at_the_end_are_no_certainty():
    values = np.concatenate([np.linspace(0, 1, 40), [9.0, 9.1, 9.2]])
    labels = np.array(["4"] * 40 + ["0"] * 3, object)
    calibration = ToneCalibration.fit(values, labels, "milk10k", "a clinic")
    assert calibration.probabilities(9.2)[5] == pytest.approx(3 / 4)


def test_calibrated_ita_is_written_and_read(tmp_path):
    calibration = ToneCalibration.fit(*labelled_values(), "milk10k", "a clinic")
    CalibratedIta.by(calibration, ("dermoscopic",)).save(tmp_path / "ita.json")
    again = load_estimator(tmp_path / "ita.json")
    assert (again.scale, again.image_types) == ("milk10k", ("dermoscopic",))
    assert "fitted on a clinic" in again.worth
    told = again.calibration.probabilities(30)
    assert np.array_equal(told, calibration.probabilities(30))


def test_another_file_is_no_calibration(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ValueError, match="not a calibration.*x.json"):
        load_estimator(tmp_path / "x.json")


def test_calibration_needs_labels():
    with pytest.raises(ValueError, match="30 photographs.*Received: 2"):
        ToneCalibration.fit([10, 20, np.nan], ["1", "2", "3"], "milk10k", "few")


def test_calibrated_ita_stands_on_the_scale_of_its_labels(photograph):
    calibration = ToneCalibration.fit(*labelled_values(), "milk10k", "a clinic")
    estimator = CalibratedIta.by(calibration, ("dermoscopic",))
    ita = ItaEstimator.by_rule().estimate(photograph).value
    found = estimator.estimate(photograph)
    expected = calibration.probabilities(-ita) @ np.arange(6)
    assert found.value == pytest.approx(expected)
    assert estimator.scale == "milk10k"


def test_cross_calibration_never_sees_the_lesion_it_judges():
    """A label that one lesion alone has cannot be told to it by the others."""
    values, labels = labelled_values(300)
    angles = -values
    labels[:4], angles[:4] = "0", 200.0
    groups = np.array([0, 0, 0, 0, *range(1, 297)])
    found = cross_calibrated(angles, labels, "milk10k", groups)
    assert all(one.value < 1 for one in found[:4])
    seen = ToneCalibration.fit(-angles, labels, "milk10k", "all of them")
    assert seen.probabilities(-200.0) @ np.arange(6) > found[0].value


def test_cross_calibration_leaves_out_what_has_no_angle():
    values, labels = labelled_values(200)
    values[7] = np.nan
    found = cross_calibrated(-values, labels, "milk10k", np.arange(200))
    assert found[7].label is None
    assert found[7].reason == "no ITA"

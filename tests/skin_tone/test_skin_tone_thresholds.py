import numpy as np
import pytest

from keras_derm.skin_tone import degrees_outside, tone_of_angle


@pytest.mark.parametrize(
    "thresholds, tones",
    [
        ("del_bino", ["I", "II", "II", "III", "IV", "V", "V", "VI", "I"]),
        ("kinyanjui", ["I", "II", "II", "III", "IV", "VI", "VI", "VI", "I"]),
        ("groh", ["I", "I", "II", "II", "III", "V", "VI", "VI", "I"]),
    ],
)
def test_types_of_the_named_tables(thresholds, tones):
    angles = [56, 55, 41.5, 30, 20, -10, -29.9, -30, 124]
    assert list(tone_of_angle(angles, thresholds)) == tones


def test_unknown_angles_are_undetermined():
    assert list(tone_of_angle([np.nan])) == ["undetermined"]


def test_unknown_tables_are_refused():
    with pytest.raises(ValueError, match="Received"):
        tone_of_angle([0], "x")


def test_degrees_outside_a_type_are_those_to_its_nearer_edge():
    tones = ["I", "I", "II", "II", "IV", "VI", "undetermined", "I"]
    angles = [124, 50, 60, 41.5, 5, -20, 3, np.nan]
    expected = [0, 5, 5, 0, 5, 10, 0, np.nan]
    np.testing.assert_allclose(degrees_outside(angles, tones), expected)


def test_no_angle_of_a_type_is_outside_it():
    angles = np.linspace(-180, 180, 721)
    for table in ("del_bino", "kinyanjui", "groh"):
        own = degrees_outside(angles, tone_of_angle(angles, table), table)
        assert (own == 0).all()

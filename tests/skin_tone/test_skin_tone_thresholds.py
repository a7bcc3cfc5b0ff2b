import numpy as np
import pytest

from keras_derm.skin_tone import tone_of_angle


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

import numpy as np
import pytest
from skimage.color import rgb2lab

from keras_derm.catalog import SKIN_TONE_SCALES, Catalog
from keras_derm.reader_study import questions_of, swatches


def test_parts_are_chosen_and_asked_in_their_order():
    names = [one.name for one in questions_of(("tone", "origin"), ("MEL",), "monk")]
    assert names == ["origin", "tone"]
    (diagnosis,) = questions_of(("diagnosis",), ("NV", "UNK", "MEL"))
    assert diagnosis.values == ("MEL", "NV", "cannot say")
    assert not any("UNK" in value for value in diagnosis.values)


@pytest.mark.parametrize("scale", SKIN_TONE_SCALES)
def test_every_label_has_its_swatch_the_lightest_first(scale):
    (question,) = questions_of(("tone",), tone_scale=scale)
    labels = list(SKIN_TONE_SCALES[scale])
    assert list(question.values) == [*labels, "cannot say"]
    colours = [option.swatch for option in question.options[:-1]]
    assert colours == list(swatches(scale).values())
    rgb = [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours]
    lightness = rgb2lab(np.array(rgb)[None])[0, :, 0]
    assert (np.diff(lightness) < 1.5).all()  # Monk's third is as light as the second
    assert lightness[0] > 70 and lightness[-1] < 45


def test_swatches_have_the_ita_of_their_label():
    angles = {"fitzpatrick": [62, 48, 34.5, 19, -10, -45]}
    for scale, expected in angles.items():
        colours = swatches(scale).values()
        rgb = [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours]
        lab = rgb2lab(np.array(rgb)[None])[0]
        ita = np.degrees(np.arctan2(lab[:, 0] - 50, lab[:, 2]))
        np.testing.assert_allclose(ita, expected, atol=1.5)


def test_a_tone_that_can_be_answered_is_a_label_of_a_catalog(tmp_path):
    import pandas as pd

    (tmp_path / "a.jpg").write_bytes(b"")
    for scale in SKIN_TONE_SCALES:
        (question,) = questions_of(("tone",), tone_scale=scale)
        labels = question.values[:-1]
        table = pd.DataFrame({"isic_id": labels, "path": "a.jpg", "diagnosis": "NV"})
        table = table.assign(skin_tone_label=labels, skin_tone_scale=scale)
        assert Catalog(table, tmp_path).table["tone_group"].notna().all()

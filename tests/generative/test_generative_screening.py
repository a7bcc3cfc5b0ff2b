import numpy as np
import pytest
from skimage.color import lab2rgb
from skimage.metrics import structural_similarity

from keras_derm.generative.screening import screen, structural_similarities
from keras_derm.skin_tone import IndividualTypologyAngle


def lesions(n, seed, hue=(200, 150, 140)):
    """Discs of varied place, size and darkness on skin with a little noise."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32]
    images = []
    for _ in range(n):
        row, column = generator.uniform(12, 20, 2)
        inside = np.hypot(y - row, x - column) < generator.uniform(5, 10)
        image = np.full((32, 32, 3), hue) + generator.normal(0, 6, 3)
        image[inside] *= generator.uniform(0.3, 0.7)
        images.append(image + generator.normal(0, 4, image.shape))
    return np.clip(images, 0, 255).astype("uint8")


UNKNOWN = 3


def cells(n, diagnosis=1, tone=UNKNOWN):
    """Conditions of one cell; the tone is judged only where one is asked for."""
    return np.tile([[diagnosis, tone]], (n, 1))


def test_images_like_the_real_ones_are_mostly_accepted():
    table = screen(
        lesions(40, 1), cells(40), lesions(200, 0), cells(200), max_reference=200
    )
    # Three outlier tests, blur and grid at the 99 % quantile, and copies at 1 %.
    assert table["accepted"].mean() >= 0.85
    assert (table["accepted"] == (table["reason"] == "")).all()
    assert (table["compared_with"] == "cell").all()


@pytest.mark.parametrize("kind", ["noise", "blue", "flat"])
def test_what_is_not_like_the_real_ones_is_rejected_with_a_reason(kind):
    generator = np.random.default_rng(2)
    made = {
        "noise": generator.integers(0, 256, (5, 32, 32, 3)).astype("uint8"),
        "blue": lesions(5, 3, hue=(60, 90, 220)),
        "flat": np.full((5, 32, 32, 3), 128, "uint8"),
    }[kind]
    table = screen(made, cells(5), lesions(60, 0), cells(60))
    assert not table["accepted"].any()
    assert table["reason"].str.contains("unlike real images of NV, tone unknown").all()


@pytest.mark.parametrize("turn", [lambda a: a, np.fliplr, np.rot90])
def test_a_copy_of_a_training_image_is_found_however_it_is_turned(turn):
    real = lesions(60, 0)
    table = screen(turn(real[7])[None], cells(1), real, cells(60))
    assert not table["accepted"][0]
    assert "near copy of training image 7" in table["reason"][0]


def test_a_translation_may_be_like_its_parent_but_not_like_another_image():
    real = lesions(60, 0)
    made = real[[7, 7]]
    table = screen(made, cells(2), real, cells(60), parents=np.array([7, 8]))
    assert not table["reason"].str.contains("near copy")[0]
    assert "near copy of training image 7" in table["reason"][1]


def test_small_cells_fall_back_to_the_diagnosis_and_then_to_all():
    real = lesions(60, 0)
    conditions = np.concatenate([cells(30, 0, 0), cells(28, 1, 0), cells(2, 2, 1)])
    made_conditions = [[0, 0], [1, 2], [2, 1]]
    table = screen(lesions(3, 1), made_conditions, real, conditions)
    assert list(table["compared_with"]) == ["cell", "diagnosis", "all"]


def test_structural_similarity_is_that_of_scikit_image():
    generator = np.random.default_rng(0)
    first, second = (
        generator.uniform(size=(3, 32, 32)),
        generator.uniform(size=(2, 32, 32)),
    )
    second[0] = first[0] * 0.8 + 0.1
    expected = [
        [structural_similarity(a, b, data_range=1.0) for b in second] for a in first
    ]
    np.testing.assert_allclose(structural_similarities(first, second), expected, 1e-6)


def test_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape and dtype"):
        screen(lesions(2, 0)[:, :16], cells(2), lesions(30, 0), cells(30))


def skin_of(lightness, b, n, seed):
    """Lesions on skin of an L* and b*, hence of a known ITA."""
    colour = lab2rgb([[[lightness, 14.0, b]]])[0, 0] * 255
    return lesions(n, seed, hue=tuple(colour))


def test_the_colour_of_skin_is_held_against_that_of_real_people_of_the_tone():
    light, brown = skin_of(74, 14, 90, 0), skin_of(57, 24, 30, 1)
    real = np.concatenate([light, brown])
    conditions = np.concatenate([cells(90, tone=0), cells(30, tone=2)])
    made = np.concatenate([light[:4] // 2 * 2 + 1, brown[:4] // 2 * 2 + 1])
    asked = cells(8, tone=2)
    table = screen(made, asked, real, conditions)
    unlike = table["reason"].str.contains(
        "colour of skin unlike real images of tone dark"
    )
    assert unlike[:4].all() and not unlike[4:].any()
    estimator = IndividualTypologyAngle()
    angles = [estimator.measure(image)["ita"] for image in brown]
    ends = np.quantile(angles, [0.005, 0.995])
    np.testing.assert_allclose(table[["real_ita_low", "real_ita_high"]].iloc[0], ends)


def test_an_image_that_cannot_be_measured_is_rejected_where_a_tone_is_asked():
    real = skin_of(74, 14, 60, 0)
    blue = lesions(2, 3, hue=(60, 90, 220))
    table = screen(blue, [[1, 0], [1, UNKNOWN]], real, cells(60, tone=0))
    assert "colour of skin cannot be measured: strong colour" in table["reason"][0]
    assert "colour of skin" not in table["reason"][1]
    assert np.isnan(table["real_ita_low"][1])

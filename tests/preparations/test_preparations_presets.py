"""One photograph is prepared as the layers do it, without TensorFlow."""

import functools
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_derm.catalog import read_image
from keras_derm.layers import ArtefactSuppression, HairRemoval, preparation, resize
from keras_derm.pipeline import image_preparation
from keras_derm.preparations import photograph_preparation
from keras_derm.preparations.fill import pyramid_fill
from keras_derm.preparations.hair import oriented_mask
from keras_derm.preparations.rulers import ruler_mask

PRESETS = ("keras_derm", "sn_gan_ensemble", "cwgan_gp", "melanet", None)
SHAPES = ((450, 600), (150, 200), (61, 40), (9, 6), (1, 7), (300, 7))


def photograph(shape, seed=0):
    """Skin with a lesion, hairs, a ruler along the lower side and dark corners."""
    height, width = shape
    draw = np.random.default_rng(seed)
    image = np.full((height, width, 3), (205, 160, 140), np.float32)
    middle = width // 2, height // 2
    cv2.circle(image, middle, min(shape) // 4, (110, 70, 60), cv2.FILLED)
    for _ in range(12):
        ends = draw.integers(0, (width, height), (2, 2)).tolist()
        cv2.line(image, *ends, (60, 40, 35), max(1, width // 200), cv2.LINE_AA)
    for left in range(0, width, max(4, width // 16)):
        cv2.line(image, (left, height), (left, int(0.93 * height)), (80, 70, 70), 1)
    cv2.rectangle(image, (0, 0), (width // 9, height // 9), (5, 5, 5), cv2.FILLED)
    image += draw.normal(0, 4, image.shape)
    return image.round().clip(0, 255).astype("uint8")


@functools.cache
def layers(preset, size):
    return image_preparation(preparation(preset, size) if preset else resize(size))


@pytest.mark.parametrize("preset", PRESETS)
def test_photographs_come_out_as_of_the_layers(preset):
    for size in (128,) if preset == "keras_derm" else (128, 75):
        by_layers, plain = layers(preset, size), photograph_preparation(preset, size)
        for shape in SHAPES:
            image = photograph(shape)
            found, expected = plain(image), by_layers(image)
            assert found.dtype == np.uint8 and found.shape == (size, size, 3)
            differences = np.abs(found.astype(int) - expected)
            # Sums of a few numbers are not always rounded alike.
            assert differences.max() <= 1 and (differences > 0).sum() <= 2


def test_hair_and_ruler_are_found_where_the_layers_find_them():
    image = photograph((128, 128), seed=1).astype("float32")
    hair = np.array(HairRemoval().mask(image[None]))[0, ..., 0]
    ruler = np.array(ArtefactSuppression().masks(image[None])["ruler"])[0, ..., 0]
    assert hair.any() and ruler.any() and not ruler.all()
    np.testing.assert_array_equal(oriented_mask(image), hair)
    np.testing.assert_array_equal(ruler_mask(image), ruler)


@pytest.mark.real_data
def test_real_photographs_come_out_as_of_the_layers_to_the_bit(shared_data):
    folder = shared_data / "ham10000/HAM10000_images"
    by_layers = layers("keras_derm", 128)
    plain = photograph_preparation("keras_derm", 128)
    for path in sorted(folder.glob("*.jpg"))[::400]:
        image = read_image(path)
        np.testing.assert_array_equal(plain(image), by_layers(image), str(path))


def test_what_is_masked_whole_or_nowhere_stays():
    image = photograph((30, 40)).astype("float32")
    for mask in (np.zeros((30, 40), bool), np.ones((30, 40), bool)):
        np.testing.assert_array_equal(pyramid_fill(image, mask), image)


def test_black_pictures_and_pictures_of_one_colour_stay():
    for level in (0, 128, 255):
        image = np.full((40, 50, 3), level, "uint8")
        for preset in ("keras_derm", "melanet"):
            prepared = photograph_preparation(preset, 128)(image)
            np.testing.assert_array_equal(prepared, layers(preset, 128)(image))


def test_a_preset_that_needs_tensorflow_is_left_to_it():
    assert photograph_preparation("lora_diffusion", 64) is None


def test_no_tensorflow_is_loaded():
    code = (
        "import sys, numpy as np\n"
        "from keras_derm.preparations import photograph_preparation\n"
        "image = np.zeros((20, 30, 3), 'uint8')\n"
        "photograph_preparation('keras_derm', 32)(image)\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)

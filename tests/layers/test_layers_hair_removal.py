import cv2
import numpy as np
import pytest
from layer_checks import check_image_layer, photographs

from keras_derm.layers import HairRemoval, scaled_kernel_size


def opencv_mask(image, kernel_size, threshold):
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (kernel_size, kernel_size))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    black_hat = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, cross)
    return black_hat > threshold


@pytest.mark.parametrize(
    "method", [pytest.param("oriented", marks=pytest.mark.slow), "published"]
)
def test_keeps_the_contract_of_image_layers(tmp_path, method):
    check_image_layer(lambda: HairRemoval(method), tmp_path)


@pytest.mark.parametrize("kernel_size", [3, 5, 9, 17, 25])
def test_mask_is_that_of_opencv(kernel_size):
    images = photographs(4, 61, 83, seed=3)
    mask = np.array(HairRemoval("published", kernel_size).mask(images))[..., 0]
    expected = np.stack([opencv_mask(image, kernel_size, 10) for image in images])
    assert expected.any()
    # OpenCV rounds grey in fixed point, so a grey level may differ by one.
    assert np.mean(mask != expected) < 0.002


@pytest.mark.real_data
def test_mask_is_that_of_opencv_on_real_dermoscopy(shared_data):
    folder = shared_data / "ham10000" / "HAM10000_images"
    images = [
        cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        for path in sorted(folder.glob("*.jpg"))[:16]
    ]
    mask = np.array(HairRemoval("published").mask(np.stack(images)))[..., 0]
    expected = np.stack([opencv_mask(image, 17, 10) for image in images])
    overlap = (mask & expected).sum() / (mask | expected).sum()
    assert overlap > 0.99


@pytest.mark.parametrize("method", ["oriented", "published"])
@pytest.mark.parametrize("size", [96, 224, 400])
def test_hair_is_gone_and_skin_is_untouched(method, size):
    skin = np.full((1, size, size, 3), (220, 170, 150), "uint8")
    hairy = skin.copy()
    start, end = (size // 18, size // 9), (size - 6, int(0.83 * size))
    cv2.line(hairy[0], start, end, (40, 30, 25), max(1, size // 112))
    layer = HairRemoval(method, scaled_kernel_size(size))
    stages = layer.stages(hairy)
    mask = np.array(stages["mask"])[..., 0]
    found = mask[(hairy != skin).any(-1)].mean()
    assert found > 0.94
    difference = np.abs(np.array(stages["result"]) - skin).max(axis=-1)
    assert (difference > 1).sum() < 0.25 * (hairy != skin).any(-1).sum()
    known = cv2.dilate(mask[0].astype("uint8"), np.ones((3, 3))) == 0
    np.testing.assert_array_equal(np.array(stages["result"])[0][known], hairy[0][known])


@pytest.mark.parametrize("colour", [(235, 225, 205), (110, 108, 112)])
def test_fair_hair_is_found_on_dark_skin(colour):
    hairy = np.full((1, 224, 224, 3), (96, 58, 40), "uint8")
    cv2.line(hairy[0], (20, 200), (200, 30), colour, 2)
    mask = np.array(HairRemoval().mask(hairy))[0, ..., 0]
    truth = (hairy[0] != (96, 58, 40)).any(-1)
    assert mask[truth].mean() > 0.97
    assert mask[~truth].mean() < 0.01


def test_dots_and_network_are_not_hair():
    generator = np.random.default_rng(0)
    lesion = np.full((1, 224, 224, 3), (200, 150, 130), "uint8")
    for x, y in generator.integers(20, 204, (60, 2)).tolist():
        cv2.circle(lesion[0], (x, y), 2, (90, 60, 50), -1)
    for x in range(60, 160, 10):  # meshes of ten pixels
        for y in range(60, 160, 10):
            cv2.circle(lesion[0], (x, y), 5, (130, 90, 70), 1)
    oriented = np.array(HairRemoval().mask(lesion))
    published = np.array(HairRemoval("published").mask(lesion))
    assert oriented.mean() < 0.1 * published.mean()


def test_more_is_found_with_more_sensitivity():
    hairy = np.full((1, 96, 96, 3), (220, 170, 150), "uint8")
    cv2.line(hairy[0], (5, 10), (90, 80), (216, 167, 148), 1)
    assert not np.array(HairRemoval().mask(hairy)).any()
    assert np.array(HairRemoval(sensitivity=3).mask(hairy)).any()


def test_paint_is_close_to_telea():
    image = photographs(1, 96, 96, seed=5)
    layer = HairRemoval("published")
    mask = np.array(layer.mask(image))[0, ..., 0]
    telea = cv2.inpaint(image[0], mask.astype("uint8"), 1, cv2.INPAINT_TELEA)
    difference = np.abs(np.array(layer(image))[0] - telea)[mask]
    assert difference.mean() < 8


def test_stages_are_the_pictures_of_each_step():
    stages = HairRemoval().stages(photographs())
    assert list(stages) == ["grey", "black_hat", "mask", "result"]
    assert stages["grey"].shape == stages["mask"].shape == (2, 45, 60, 1)


@pytest.mark.parametrize("size, kernel", [(16, 3), (64, 5), (128, 9), (224, 17)])
def test_kernel_keeps_its_share_of_the_image(size, kernel):
    assert scaled_kernel_size(size) == kernel


@pytest.mark.parametrize(
    "arguments",
    [{"kernel_size": 4}, {"threshold": 300}, {"method": "x"}, {"sensitivity": 0}],
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        HairRemoval(**arguments)


def test_images_without_a_batch_are_refused():
    with pytest.raises(ValueError, match="batch first"):
        HairRemoval()(np.zeros((32, 32, 3), "uint8"))

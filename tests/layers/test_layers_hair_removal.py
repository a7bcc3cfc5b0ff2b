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


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(HairRemoval, tmp_path)


@pytest.mark.parametrize("kernel_size", [3, 5, 9, 17, 25])
def test_mask_is_that_of_opencv(kernel_size):
    images = photographs(4, 61, 83, seed=3)
    mask = np.array(HairRemoval(kernel_size=kernel_size).mask(images))[..., 0]
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
    mask = np.array(HairRemoval().mask(np.stack(images)))[..., 0]
    expected = np.stack([opencv_mask(image, 17, 10) for image in images])
    overlap = (mask & expected).sum() / (mask | expected).sum()
    assert overlap > 0.99


def test_hair_is_gone_and_skin_is_untouched():
    skin = np.full((1, 96, 96, 3), (220, 170, 150), "uint8")
    hairy = skin.copy()
    cv2.line(hairy[0], (5, 10), (90, 80), (40, 30, 25), 2)
    stages = HairRemoval().stages(hairy)
    mask = np.array(stages["mask"])[..., 0]
    assert mask[(hairy != skin).any(-1)].all()
    np.testing.assert_allclose(stages["result"], skin.astype("float32"), atol=0.5)
    untouched = np.array(stages["result"])[~mask]
    np.testing.assert_array_equal(untouched, hairy[~mask])


def test_paint_is_close_to_telea():
    image = photographs(1, 96, 96, seed=5)
    layer = HairRemoval()
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
    "arguments", [{"kernel_size": 4}, {"threshold": 300}, {"method": "x"}]
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        HairRemoval(**arguments)


def test_images_without_a_batch_are_refused():
    with pytest.raises(ValueError, match="batch first"):
        HairRemoval()(np.zeros((32, 32, 3), "uint8"))

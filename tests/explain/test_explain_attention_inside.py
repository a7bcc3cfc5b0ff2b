import cv2
import numpy as np
import pytest

from keras_derm.explain import attention_in_lesions, attention_inside
from keras_derm.layers import preparation


def test_attention_is_the_share_of_the_map_in_the_mask():
    heatmaps = np.zeros((2, 4, 4))
    heatmaps[0, 0] = 1
    heatmaps[1] = 0.25
    masks = np.zeros((2, 4, 4), bool)
    masks[:, 0, 0] = True
    np.testing.assert_allclose(attention_inside(heatmaps, masks), [1 / 4, 1 / 16])
    with pytest.raises(ValueError, match="`masks`"):
        attention_inside(heatmaps, masks[:1])


@pytest.mark.parametrize("preset", ["keras_derm", "melanet", "sn_gan_ensemble"])
def test_attention_is_measured_where_the_lesion_lies_in_the_prepared_image(preset):
    """A photograph of 4:3 is padded by some presets and stretched by others."""
    mask = np.zeros((450, 600), "uint8")
    cv2.ellipse(mask, (150, 90), (90, 60), 0, 0, 360, 255, -1)
    photograph = np.repeat(mask[np.newaxis, ..., np.newaxis], 3, axis=3)
    chain = preparation(preset, 96)
    lesion = np.asarray(chain.apply_geometry(photograph))[0, ..., 0] > 127
    if preset == "keras_derm":  # not what it mirrors over the edge
        lesion[:12] = lesion[-12:] = False
    found = attention_in_lesions(
        np.stack([lesion.astype("float32")] * 2),
        [chain.transform_masks(mask[np.newaxis])[0], None],
    )
    assert found["attention_in_lesion"][0] > 0.98
    assert found["lesion_share"][0] == pytest.approx(lesion.mean(), rel=0.03)
    assert np.isnan([values[1] for values in found.values()]).all()


def test_masks_of_other_sizes_are_brought_to_the_maps():
    mask = np.zeros((64, 64), bool)
    mask[:32] = True
    found = attention_in_lesions(np.ones((1, 8, 8)), [mask])
    assert found["attention_in_lesion"][0] == found["lesion_share"][0] == 0.5

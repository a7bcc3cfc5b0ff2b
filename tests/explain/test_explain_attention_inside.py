import numpy as np
import pytest

from keras_derm.explain import attention_inside


def test_attention_is_the_share_of_the_map_in_the_mask():
    heatmaps = np.zeros((2, 4, 4))
    heatmaps[0, 0] = 1
    heatmaps[1] = 0.25
    masks = np.zeros((2, 4, 4), bool)
    masks[:, 0, 0] = True
    np.testing.assert_allclose(attention_inside(heatmaps, masks), [1 / 4, 1 / 16])
    with pytest.raises(ValueError, match="`masks`"):
        attention_inside(heatmaps, masks[:1])

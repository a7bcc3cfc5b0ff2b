"""What is measured of the maps."""

import importlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from keras_derm.layers.presets import preprocessing

JOB = importlib.import_module("keras_derm.jobs.explain")


@pytest.mark.parametrize("preset", ["keras_derm", "melanet", "sn_gan_ensemble"])
def test_mask_lies_where_the_lesion_lies_in_the_prepared_image(preset, tmp_path):
    """A photograph of 4:3 is padded by some presets and stretched by others."""
    mask = np.zeros((450, 600), "uint8")
    cv2.ellipse(mask, (150, 90), (90, 60), 0, 0, 360, 255, -1)
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    photograph = np.repeat(mask[np.newaxis, ..., np.newaxis], 3, axis=3)
    prepared = np.asarray(preprocessing(preset, 96)[0](photograph))[0, ..., 0]
    lesion = prepared > 127
    if preset == "keras_derm":  # not what it mirrors over the edge
        lesion[:12] = lesion[-12:] = False
    settings = {"preset": preset, "image_size": 96}
    run = SimpleNamespace(settings=lambda stage: settings)
    found = JOB._attention(
        lesion[np.newaxis].astype("float32"),
        [str(tmp_path / "mask.png")],
        JOB._mask_layer(run),
    )
    assert found["attention_in_lesion"][0] > 0.98
    assert found["lesion_share"][0] == pytest.approx(lesion.mean(), rel=0.03)

import numpy as np

from keras_derm.explain import overlay


def test_overlay_keeps_the_image_and_marks_evidence_red_and_its_absence_blue():
    images = np.full((1, 2, 2, 3), 100, "uint8")
    heatmaps = np.array([[[1.0, 0.0], [0.0, 0.0]]])
    painted = overlay(images, heatmaps)
    assert painted.dtype == "uint8" and painted.shape == images.shape
    assert painted[0, 0, 0].argmax() == 0 and painted[0, 0, 1].argmax() == 2
    np.testing.assert_array_equal(overlay(images, heatmaps, opacity=0), images)

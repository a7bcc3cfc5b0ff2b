"""The layer that leaves one lesion without holes."""

import keras
import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import label

from keras_derm.lesion_finders import largest_component
from keras_derm.segmentation import LargestComponent


def reference(mask):
    """By scikit-image and SciPy."""
    areas = label(mask, connectivity=2)
    if areas.max() == 0:
        return mask
    largest = areas == np.bincount(areas.ravel())[1:].argmax() + 1
    return ndimage.binary_fill_holes(largest)


def noise(seed, share=0.45, shape=(24, 30)):
    smooth = ndimage.gaussian_filter(
        np.random.default_rng(seed).normal(size=shape), 1.5
    )
    return smooth > np.quantile(smooth, 1 - share)


@pytest.mark.parametrize("seed", range(6))
def test_layer_and_function_are_scikit_image_and_scipy(seed):
    mask = noise(seed)
    expected = reference(mask)
    found = LargestComponent()(mask[None, ..., None].astype("float32"))
    np.testing.assert_array_equal(np.asarray(found)[0, ..., 0] > 0, expected)
    np.testing.assert_array_equal(largest_component(mask), expected)


def test_a_spiral_is_one_area_and_its_core_no_hole():
    mask = np.zeros((11, 11), bool)
    mask[1, 1:10] = mask[1:10, 9] = mask[9, 1:10] = mask[3:10, 1] = True
    mask[3, 1:8] = mask[3:8, 7] = True
    found = LargestComponent()(mask[None, ..., None].astype("float32"))
    np.testing.assert_array_equal(np.asarray(found)[0, ..., 0] > 0, mask)


def test_an_image_without_lesion_stays_without():
    empty = np.zeros((2, 8, 8, 1), "float32")
    empty[1, 2:5, 2:5] = 0.9
    found = np.asarray(LargestComponent()(empty))
    assert found[0].sum() == 0
    np.testing.assert_array_equal(found[1] > 0, empty[1] > 0.5)
    assert not largest_component(empty[0, ..., 0] > 0.5).any()


def test_layer_is_part_of_a_model_that_is_saved(tmp_path):
    inputs = keras.Input((16, 16, 1))
    model = keras.Model(inputs, LargestComponent(threshold=0.7)(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(size=(3, 16, 16, 1)).astype("float32")
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )
    assert loaded.layers[-1].threshold == 0.7


def test_layer_runs_in_litert_as_in_keras(tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    inputs = keras.Input((24, 30, 1))
    model = keras.Model(inputs, LargestComponent()(inputs))
    model.export(
        tmp_path / "layer.tflite",
        format="litert",
        input_signature=[keras.InputSpec(shape=(1, 24, 30, 1), dtype="float32")],
        verbose=False,
    )
    interpreter = Interpreter(str(tmp_path / "layer.tflite"))
    interpreter.allocate_tensors()
    for seed in range(3):
        mask = noise(seed)
        interpreter.set_tensor(
            interpreter.get_input_details()[0]["index"],
            mask[None, ..., None].astype("float32"),
        )
        interpreter.invoke()
        found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_array_equal(found[0, ..., 0] > 0, reference(mask))


def test_images_of_a_batch_do_not_touch():
    masks = np.stack([noise(seed) for seed in range(4)])
    found = np.asarray(LargestComponent()(masks[..., None].astype("float32")))
    for mask, own in zip(masks, found, strict=True):
        np.testing.assert_array_equal(own[..., 0] > 0, reference(mask))

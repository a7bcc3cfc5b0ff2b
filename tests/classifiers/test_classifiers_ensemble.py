import zipfile

import numpy as np
import pytest

from keras_derm.classifiers import build_classifier, load_classifier, save_small


def test_a_saved_model_that_unpacks_to_what_fills_the_memory_is_refused(tmp_path):
    path = tmp_path / "ensemble.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("model.weights.h5", bytes(200_000_000))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ValueError, match="unpacks to 200,000,000 bytes.*train it"):
        load_classifier(path)


def test_a_model_saved_small_says_the_same_and_takes_half(tmp_path):
    model = build_classifier("SmallResNet", 3, 32)
    images = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    before = model.get_weights()
    model.save(tmp_path / "whole.keras")
    save_small(model, tmp_path / "small.keras")
    whole, small = (tmp_path / f"{name}.keras" for name in ("whole", "small"))
    assert small.stat().st_size < 0.6 * whole.stat().st_size
    for kept, weights in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(kept, weights)
    read = load_classifier(small)
    np.testing.assert_allclose(read(images), model(images), atol=1e-3)
    for rounded, weights in zip(read.get_weights(), before, strict=True):
        np.testing.assert_allclose(rounded, weights, rtol=2**-11)


def test_weights_saved_small_keep_the_range_of_float32(tmp_path):
    model = build_classifier("CustomCNN", 2, 32)
    *others, bias = model.get_weights()
    model.set_weights([*others, np.array([1e30, -1e-30], "float32")])
    save_small(model, tmp_path / "small.keras")
    (*_, found) = load_classifier(tmp_path / "small.keras").get_weights()
    np.testing.assert_allclose(found, [1e30, -1e-30], rtol=2**-11)

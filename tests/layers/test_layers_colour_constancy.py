import numpy as np
import pytest
from layer_checks import check_image_layer, photographs

from keras_derm.layers import ColourConstancy

METHODS = ["shades_of_grey", "grey_world", "max_rgb"]


@pytest.mark.parametrize("method", METHODS)
def test_keeps_the_contract_of_image_layers(tmp_path, method):
    check_image_layer(lambda: ColourConstancy(method), tmp_path)


@pytest.mark.parametrize("method", METHODS)
def test_undoes_a_cast_of_a_grey_scene(method):
    generator = np.random.default_rng(0)
    grey = np.repeat(generator.uniform(20, 120, (1, 30, 40, 1)), 3, axis=-1)
    cast = grey * np.array([1.3, 1.0, 0.8])
    result = np.array(ColourConstancy(method)(cast.astype("float32")))
    np.testing.assert_allclose(result[..., 0], result[..., 1], rtol=1e-4)
    np.testing.assert_allclose(result[..., 2], result[..., 1], rtol=1e-4)


@pytest.mark.parametrize(
    "method, norm", [("shades_of_grey", 6), ("grey_world", 1), ("max_rgb", np.inf)]
)
def test_is_the_formula_of_finlayson_and_trezzi(method, norm):
    images = photographs(2).astype("float64")
    pixels = images.reshape(2, -1, 3)
    if np.isinf(norm):
        light = pixels.max(axis=1)
    else:
        light = (pixels**norm).mean(axis=1) ** (1 / norm)
    light /= np.linalg.norm(light, axis=-1, keepdims=True)
    expected = np.minimum(images / (light * np.sqrt(3))[:, None, None, :], 255)
    result = ColourConstancy(method)(images.astype("float32"))
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-2)


def test_a_dark_channel_stays_dark():
    red = np.zeros((1, 5, 5, 3), "uint8")
    red[..., 0] = 200
    result = np.array(ColourConstancy()(red))
    assert np.all(np.isfinite(result)) and not result[..., 1:].any()


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="Received"):
        ColourConstancy("white_patch")

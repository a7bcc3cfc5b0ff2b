import cv2
import numpy as np
import pytest
from layer_checks import check_image_layer

from keras_derm import phantom
from keras_derm.catalog import read_image
from keras_derm.layers import ArtefactSuppression
from keras_derm.layers.artefact_suppression import ARTEFACTS

SKIN = (214, 168, 150)


def skin(size=224, seed=0):
    """Return a picture of skin with a brown lesion and no artefact."""
    generator = np.random.default_rng(seed)
    image = np.full((size, size, 3), SKIN, "float32")
    image += generator.normal(0, 2, image.shape)
    cv2.circle(image, (size // 2, size // 2), size // 5, (120, 76, 60), -1)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 1.5), 0, 255).astype("uint8")


def with_ruler(image):
    image = image.copy()
    for k, x in enumerate(range(6, image.shape[1], 14)):
        cv2.line(image, (x, 6), (x, 16 + 8 * (k % 5 == 0)), (25, 25, 28), 1)
    return image


def with_ink(image):
    image = image.copy()
    cv2.line(image, (10, 20), (200, 26), (90, 60, 150), 9)
    return image


def with_corners(image):
    size = len(image)
    inside = np.zeros((size, size), "uint8")
    cv2.circle(inside, (size // 2, size // 2), int(0.56 * size), 1, -1)
    return image * inside[..., None]


def with_bubbles(image):
    image = image.copy()
    for x, y in ((30, 40), (180, 60), (60, 190)):
        cv2.circle(image, (x, y), 2, (252, 252, 250), -1)
    return image


ADD = dict(
    zip(ARTEFACTS, (with_corners, with_ruler, with_ink, with_bubbles), strict=True)
)


def test_keeps_the_contract_of_image_layers(tmp_path):
    check_image_layer(ArtefactSuppression, tmp_path)


@pytest.mark.parametrize("name", ARTEFACTS)
def test_finds_each_artefact_where_it_is(name):
    clean = skin()
    dirty = ADD[name](clean)
    masks = ArtefactSuppression().masks(dirty[None])
    truth = (dirty != clean).any(-1)
    found = np.array(masks[name])[0, ..., 0]
    assert found[truth].mean() > 0.85
    assert (
        found[~cv2.dilate(truth.astype("uint8"), np.ones((15, 15))).astype(bool)].mean()
        < 0.01
    )
    for other in set(ARTEFACTS) - {name}:
        assert np.array(masks[other]).mean() < 0.02, other


def test_clean_skin_is_left_alone():
    image = skin()[None]
    layer = ArtefactSuppression()
    assert not any(np.array(mask).any() for mask in layer.masks(image).values())
    np.testing.assert_array_equal(layer(image), image)


@pytest.mark.parametrize("name", ["ruler", "ink", "bubbles"])
def test_paints_over_what_it_finds(name):
    clean = skin()
    dirty = ADD[name](clean)
    before = np.abs(dirty.astype(float) - clean).mean()
    after = np.abs(np.array(ArtefactSuppression()(dirty[None]))[0] - clean).mean()
    assert after < 0.25 * before


def test_only_what_is_named_is_painted_over():
    dirty = with_ink(with_ruler(skin()))[None]
    layer = ArtefactSuppression(["ink"])
    changed = np.abs(np.array(layer(dirty)) - dirty).max(axis=-1) > 20
    ruler = np.array(layer.masks(dirty)["ruler"])[..., 0]
    ink = np.array(layer.masks(dirty)["ink"])[..., 0]
    assert changed[ink].any() and not changed[ruler & ~ink].any()


def test_rulers_of_the_phantom_are_found(tmp_path):
    catalog = phantom.render(
        40, 9, 224, hair=0.0, artefacts=3.0, directory=tmp_path, workers=1
    )
    images = np.stack([read_image(path) for path in catalog.paths])
    truth = np.stack(
        [read_image(tmp_path / p)[..., 0] > 0 for p in catalog.table["ruler_mask_path"]]
    )
    found = np.array(ArtefactSuppression().masks(images)["ruler"])[..., 0]
    has, said = truth.any(axis=(1, 2)), found.any(axis=(1, 2))
    assert has.sum() > 5
    assert said[has].mean() > 0.5
    assert said[~has].mean() < 0.15


def test_images_with_too_much_of_one_artefact_have_a_reason():
    image = skin()
    black = image.copy()
    black[:, :110] = 0
    layer = ArtefactSuppression()
    reasons = layer.exclusion_reasons(np.stack([image, black]))
    assert reasons[0] == ""
    assert reasons[1].startswith("dark corners: 5")


@pytest.mark.parametrize("arguments", [[], ["hair"]])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        ArtefactSuppression(arguments)

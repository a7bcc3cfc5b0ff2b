"""Photographs spoilt in a known way are told from those that are not."""

import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest

from keras_derm.export.photograph_limits import PhotographLimits, fit_photograph_limits


def photograph(seed):
    """Skin with a dark brown disc and fine texture."""
    generator = np.random.default_rng(seed)
    image = np.empty((96, 128, 3))
    image[:] = np.array([205, 160, 140]) + generator.normal(0, 8)
    rows, columns = np.mgrid[:96, :128]
    radius = generator.uniform(15, 35)
    image[(rows - 48) ** 2 + (columns - 64) ** 2 < radius**2] = [110, 70, 55]
    image += generator.normal(0, generator.uniform(4, 8), image.shape[:2])[..., None]
    return np.clip(image, 0, 255).astype("uint8")


@pytest.fixture(scope="module")
def limits():
    return fit_photograph_limits(photograph(seed) for seed in range(200))


def said(limits, image):
    return {warning.partition(":")[0] for warning in limits.warnings(image)}


def test_few_photographs_of_the_same_kind_are_warned_of(limits):
    # Five limits that each one training photograph in a hundred lies beyond.
    warned = [bool(limits.warnings(photograph(seed))) for seed in range(1000, 1200)]
    assert np.mean(warned) < 0.10


def test_every_fault_has_its_warning(limits):
    image = photograph(5000)
    assert not limits.warnings(image)
    assert "blurred" in said(limits, cv2.GaussianBlur(image, (0, 0), 3))
    assert "too dark" in said(limits, image // 4)
    assert "too bright" in said(limits, 255 - (255 - image) // 4)
    assert "unusual colours" in said(limits, image[..., ::-1].copy())
    noise = np.random.default_rng(0).integers(0, 256, image.shape).astype("uint8")
    assert "unlike the training photographs" in said(limits, noise)


def test_warning_names_the_figure_and_the_limit(limits):
    (warning,) = [
        one for one in limits.warnings(photograph(5000) // 4) if "dark" in one
    ]
    found = limits.measure(photograph(5000) // 4)["lightness"]
    assert f"{found:.3g}" in warning
    assert f"{limits.quantiles['lightness']['0.01']:.3g}" in warning


def test_quantiles_are_those_of_the_photographs(limits):
    measured = [limits.measure(photograph(seed)) for seed in range(200)]
    for name, quantiles in limits.quantiles.items():
        expected = np.quantile([one[name] for one in measured], 0.99)
        assert quantiles["0.99"] == pytest.approx(expected)


def test_limits_survive_json(limits):
    again = PhotographLimits(**json.loads(json.dumps(asdict(limits))))
    assert again == limits
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype("uint8")
    assert again.warnings(noise) == limits.warnings(noise)


def test_too_few_photographs_and_wrong_images_are_refused(limits):
    with pytest.raises(ValueError, match="Received: 3"):
        fit_photograph_limits(photograph(seed) for seed in range(3))
    with pytest.raises(ValueError, match="Received:"):
        limits.measure(np.zeros((8, 8), "uint8"))

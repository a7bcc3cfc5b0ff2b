import cv2
import numpy as np
import pytest

from keras_derm.evaluation.image_quality.origin_probe import probe_origin

SIDE = 48


def textures(n, seed):
    """Smooth random colours with some grain, as a camera would give them."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(40, 220, (n, 6, 6, 3)).astype("float32")
    images = [
        cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for one in coarse
    ]
    images = np.array(images) + generator.normal(0, 6, (n, SIDE, SIDE, 3))
    return np.clip(images, 5, 250).round().astype("uint8")


def compressed(image, quality=30):
    encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def stretched(image):
    low, high = image.min(axis=(0, 1)), image.max(axis=(0, 1))
    return ((image - low) * (255.0 / (high - low))).round().astype("uint8")


def blurred(image):
    return cv2.GaussianBlur(image, (0, 0), 0.8)


def areas(real, made):
    table = probe_origin(real, made).set_index("trace")
    assert (table["n"] == min(len(real), len(made))).all()
    return table


def is_told(row):
    """Far from chance; there is no interval where no image is on the wrong side."""
    return row["auc"] > 0.8 and not row["low"] <= 0.7


def test_images_of_one_origin_are_not_told_apart():
    table = areas(textures(120, 0), textures(150, 1))
    assert (table["low"] < 0.5).all() and (table["auc"] < 0.65).all()


@pytest.mark.parametrize(
    "change, trace",
    [
        (stretched, "value range"),
        (compressed, "pixel grid"),
        (blurred, "sharpness"),
    ],
)
def test_each_trace_gives_its_cause_away(change, trace):
    made = np.array([change(image) for image in textures(120, 1)])
    assert is_told(areas(textures(120, 0), made).loc[trace])


def test_softer_images_are_no_sign_of_stretching():
    made = np.array([blurred(image) for image in textures(120, 1)])
    assert areas(textures(120, 0), made).loc["value range", "low"] < 0.55


def test_blocks_are_seen_after_resizing():
    large = [cv2.resize(image, (80, 80)) for image in textures(240, 2)]
    real = np.array([cv2.resize(image, (SIDE, SIDE)) for image in large[:120]])
    made = np.array(
        [
            cv2.resize(compressed(image, 10), (SIDE, SIDE), cv2.INTER_AREA)
            for image in large[120:]
        ]
    )
    assert is_told(areas(real, made).loc["pixel grid"])


def test_too_few_images_and_other_sizes_are_refused():
    with pytest.raises(ValueError, match="40 images of each origin"):
        probe_origin(textures(39, 0), textures(60, 1))
    with pytest.raises(ValueError, match="of one size. Received"):
        probe_origin(textures(40, 0), textures(40, 1)[:, :32])
    with pytest.raises(ValueError, match="uint8. Received: float64"):
        probe_origin(textures(40, 0) / 2.0, textures(40, 1))

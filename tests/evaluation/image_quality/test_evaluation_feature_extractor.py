import keras
import numpy as np
import pytest

from keras_derm.evaluation.image_quality.feature_extractor import FeatureExtractor


def mean_colour(side):
    image = keras.Input((side, side, 3))
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(image))


def test_any_network_describes_images_in_their_order_and_resized():
    extractor = FeatureExtractor("mean colour", mean_colour(4), batch_size=2)
    colours = np.random.default_rng(0).integers(0, 256, (5, 1, 1, 3))
    images = np.tile(colours, (1, 8, 8, 1)).astype("uint8")
    features = extractor(images)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, colours[:, 0, 0], rtol=1e-5)


def test_a_backbone_without_weights_is_refused():
    with pytest.raises(ValueError, match="Received: None"):
        FeatureExtractor.of_backbone("MobileNetV2", None)


@pytest.mark.real_data
def test_a_backbone_gives_its_pooled_features(shared_data):
    weights = shared_data / "weights/mobilenet_v2_1.0_224_imagenet_notop.weights.h5"
    extractor = FeatureExtractor.of_backbone("MobileNetV2", weights, image_size=96)
    assert extractor.name == "MobileNetV2"
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), "uint8")
    assert extractor(images).shape == (2, 1280)

"""Images as the feature vectors that image-quality metrics compare."""

import keras
import numpy as np
from rich.progress import track

from keras_derm.classifiers import build_classifier

MEASURED_WITH, MEASURED_AT = "MobileNetV2", 96


class FeatureExtractor:
    """A network that describes images, and the name that its metrics carry.

    Args:
        name: Name of the network. A metric is comparable with the same network and
            weights alone, so that this stands in its name.
        model: `keras.Model` from float RGB images in [0, 255], (batch, side, side,
            3), to features (batch, n_features).
        batch_size: Images described at once.

    Example:
        >>> extractor = FeatureExtractor.of_backbone("MobileNetV2", "imagenet")
        >>> real_features, made_features = extractor(real), extractor(made)
    """

    def __init__(self, name, model, batch_size=64):
        self.name = name
        self.model = model
        self.batch_size = batch_size

    @classmethod
    def of_backbone(cls, backbone, weights, image_size=None, batch_size=64):
        """Globally averaged features of a classification backbone.

        Args:
            backbone: A name in `classifiers.BACKBONES`. "InceptionV3" with Keras'
                ImageNet weights is near the network of the published FID, but not
                the same: compare with figures made here.
            weights: "imagenet", or the path of a weights file without the top.
            image_size: Side in pixels that images are resized to; None for the
                published one.
            batch_size: Images described at once.

        Returns:
            `FeatureExtractor` with the backbone's name.

        Raises:
            ValueError: If there are no weights: random features compare nothing.
        """
        if weights is None:
            raise ValueError(
                "`weights` must be 'imagenet' or the path of a weights file. "
                "Received: None"
            )
        network = build_classifier(backbone, 1, image_size, weights)
        features = network.get_layer("pooling").output
        return cls(backbone, keras.Model(network.input, features), batch_size)

    def __call__(self, images):
        """Features of images.

        Args:
            images: RGB in [0, 255], uint8 or float, (n, height, width, 3). Resized to
                what the network takes, bilinear and antialiased where they shrink.

        Returns:
            float32 array (n, n_features).
        """
        size = self.model.input_shape[1:3]
        features = []
        starts = range(0, len(images), self.batch_size)
        for start in track(starts, f"{self.name} features", transient=True):
            batch = np.asarray(images[start : start + self.batch_size], "float32")
            if batch.shape[1:3] != size:
                batch = keras.ops.image.resize(batch, size, antialias=True)
            features.append(self.model.predict_on_batch(batch))
        return np.concatenate(features)


def feature_extractor(weights):
    """Extractor by which runs are measured, so that they compare: MobileNetV2 at 96 px.

    `weights` are as in `FeatureExtractor.of_backbone`.
    """
    return FeatureExtractor.of_backbone(MEASURED_WITH, weights, MEASURED_AT)

"""Style of another image between the layers of a network, in training."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_derm")
class MixStyle(keras.layers.Layer):
    """Give each image's features mean and deviation between its own and another's.

    Of early layers these statistics tell the device and the light rather than the
    lesion. Acts in training alone, on a half of the batches; which image of the batch
    is mixed in, and how far (Beta(0.1, 0.1): mostly nearly one of the two), is drawn.

    Args:
        chance: Chance of a batch to be mixed.
        alpha: Of the Beta distribution.
        seed: Integer.

    Example:
        >>> features = MixStyle(seed=0)(features, training=True)

    Reference:
        Zhou et al., "Domain Generalization with MixStyle" (ICLR 2021).
    """

    EPSILON = 1e-6

    def __init__(self, chance=0.5, alpha=0.1, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.chance, self.alpha, self.seed = chance, alpha, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, features, training=False):
        """Features (n, height, width, channels) with mixed statistics."""
        if not training:
            return features
        n = ops.shape(features)[0]
        features32 = ops.cast(features, "float32")
        mean = ops.mean(features32, axis=(1, 2), keepdims=True)
        deviation = ops.sqrt(
            ops.var(features32, axis=(1, 2), keepdims=True) + self.EPSILON
        )
        # Nothing is learned through the statistics.
        mean, deviation = ops.stop_gradient(mean), ops.stop_gradient(deviation)
        place = keras.random.uniform((n,), seed=self.seed_generator)
        other = ops.argsort(place)
        own = keras.random.beta(
            (n, 1, 1, 1), self.alpha, self.alpha, seed=self.seed_generator
        )
        is_mixed = keras.random.uniform((), seed=self.seed_generator) < self.chance
        own = ops.where(is_mixed, own, 1.0)
        mixed_mean = own * mean + (1 - own) * ops.take(mean, other, axis=0)
        mixed = own * deviation + (1 - own) * ops.take(deviation, other, axis=0)
        found = (features32 - mean) / deviation * mixed + mixed_mean
        return ops.cast(found, features.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {
            "chance": self.chance,
            "alpha": self.alpha,
            "seed": self.seed,
        }


def with_mix_style(model, after, seed=0, **options):
    """The same model, of the same weights, with `MixStyle` behind some of its layers.

    Args:
        model: Functional model.
        after: Names of layers of it.
        seed: Integer; each layer has one of its own.
        **options: As of `MixStyle`.

    Returns:
        A functional model that shares its layers with `model`.

    Raises:
        ValueError: There is no such layer.

    Example:
        >>> model = with_mix_style(classifier, ["block2b_add", "block3b_add"])
    """
    names = [layer.name for layer in model.layers]
    unknown = [name for name in after if name not in names]
    if unknown:
        raise ValueError(
            f"`after` must name layers of {model.name}. Received: {unknown}"
        )
    mixers = {
        name: MixStyle(seed=seed + number, name=f"mix_style_{number}", **options)
        for number, name in enumerate(after)
    }

    def call(layer, *args, **kwargs):
        features = layer(*args, **kwargs)
        return mixers[layer.name](features) if layer.name in mixers else features

    return keras.models.clone_model(
        model, call_function=call, clone_function=lambda layer: layer
    )

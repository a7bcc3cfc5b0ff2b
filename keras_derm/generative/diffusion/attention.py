"""Attention of places to each other and to what the image shall be of."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_derm")
class Attention(keras.layers.Layer):
    """Multi-head attention of the places of a map to tokens.

    The four projections are layers of their own, so that an adapter can be put on
    each.

    Args:
        channels: Channels of the map, a multiple of `head_size`.
        head_size: Channels of a head.

    Input: pair of places (batch, n, channels) and tokens (batch, m, any). Output:
    (batch, n, channels); zeros before training, so that a block is the identity.

    Example:
        >>> attended = places + Attention(128)((places, tokens))
    """

    def __init__(self, channels, head_size=64, **kwargs):
        super().__init__(**kwargs)
        if channels % head_size:
            raise ValueError(
                "`channels` must be a multiple of `head_size`. Received: "
                f"channels={channels}, head_size={head_size}"
            )
        self.channels = channels
        self.head_size = head_size

        def dense(name, **options):
            return keras.layers.Dense(
                channels, name=name, dtype=self.dtype_policy, **options
            )

        self.query = dense("query", use_bias=False)
        self.key = dense("key", use_bias=False)
        self.value = dense("value", use_bias=False)
        self.projection = dense("projection", kernel_initializer="zeros")

    def build(self, input_shape):
        places, tokens = input_shape
        self.query.build(places)
        self.key.build(tokens)
        self.value.build(tokens)
        self.projection.build((*places[:-1], self.channels))
        self.built = True

    def call(self, inputs):
        places, tokens = inputs
        heads = [
            ops.reshape(
                x, (-1, x.shape[1], self.channels // self.head_size, self.head_size)
            )
            for x in (self.query(places), self.key(tokens), self.value(tokens))
        ]
        attended = ops.dot_product_attention(*heads)
        attended = ops.reshape(attended, (-1, places.shape[1], self.channels))
        return self.projection(attended)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return super().get_config() | {
            "channels": self.channels,
            "head_size": self.head_size,
        }


@keras.saving.register_keras_serializable(package="keras_derm")
class AttentionBlock(keras.layers.Layer):
    """Places look at each other, then at the conditions, each added to what was.

    Args:
        channels, head_size: As in `Attention`.
        to_each_other: Whether places look at each other; its cost grows with the
            square of their number.

    Input: pair of a map (batch, height, width, channels) and tokens (batch, m, any).
    Output: a map of the same shape.

    Example:
        >>> maps = AttentionBlock(128)((maps, tokens))
    """

    def __init__(self, channels, head_size=64, to_each_other=True, **kwargs):
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.channels = channels
        self.head_size = head_size
        self.self_attention = None
        if to_each_other:
            self.self_attention = Attention(
                channels, head_size, name="self_attention", dtype=policy
            )
            self.self_normalization = keras.layers.LayerNormalization(dtype=policy)
        self.cross_attention = Attention(
            channels, head_size, name="cross_attention", dtype=policy
        )
        self.cross_normalization = keras.layers.LayerNormalization(dtype=policy)

    def build(self, input_shape):
        maps, tokens = input_shape
        places = (maps[0], maps[1] * maps[2], maps[3])
        if self.self_attention is not None:
            self.self_normalization.build(places)
            self.self_attention.build((places, places))
        self.cross_normalization.build(places)
        self.cross_attention.build((places, tokens))
        self.built = True

    def call(self, inputs):
        maps, tokens = inputs
        height, width = maps.shape[1:3]
        places = ops.reshape(maps, (-1, height * width, self.channels))
        if self.self_attention is not None:
            normalized = self.self_normalization(places)
            places = places + self.self_attention((normalized, normalized))
        normalized = self.cross_normalization(places)
        places = places + self.cross_attention((normalized, tokens))
        return ops.reshape(places, (-1, height, width, self.channels))

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return super().get_config() | {
            "channels": self.channels,
            "head_size": self.head_size,
            "to_each_other": self.self_attention is not None,
        }

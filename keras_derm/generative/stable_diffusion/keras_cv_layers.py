"""The layers of keras-cv that Stable Diffusion is built of, with what they lack.

keras-cv is the extra `diffusion`. Against the weights' own program three numbers differ
in it: the epsilon of the norms before transformers and in the autoencoder (1e-5 there,
1e-6 as trained), and the GELU of the transformers (its tanh approximation there).
"""

import keras

from keras_derm.terminal import silenced

EPSILON = 1e-6


try:
    with silenced(1, 2):
        from keras_cv.src.models.stable_diffusion.attention_block import AttentionBlock
        from keras_cv.src.models.stable_diffusion.diffusion_model import (
            GEGLU,
            ResBlock,
            SpatialTransformer,
            Upsample,
        )
        from keras_cv.src.models.stable_diffusion.padded_conv2d import PaddedConv2D
        from keras_cv.src.models.stable_diffusion.resnet_block import ResnetBlock
        from keras_cv.src.models.stable_diffusion.text_encoder import (
            CLIPEmbedding,
            CLIPEncoderLayer,
            quick_gelu,
        )
except ImportError as error:
    raise ImportError(
        "Stable Diffusion needs the package keras-cv: install keras_derm[diffusion]. "
        f"Received: {error}"
    ) from error

__all__ = [
    "AttentionBlock",
    "CLIPEmbedding",
    "CLIPEncoderLayer",
    "PaddedConv2D",
    "ResBlock",
    "ResnetBlock",
    "SpatialTransformer",
    "Upsample",
    "attention_block",
    "placed",
    "quick_gelu",
    "resnet_block",
    "spatial_transformer",
]


class _ExactGEGLU(GEGLU):
    """Gated linear unit with the exact GELU."""

    def call(self, inputs):
        x, gate = keras.ops.split(self.dense(inputs), 2, axis=-1)
        return x * keras.activations.gelu(gate, approximate=False)


def spatial_transformer(heads, width, name):
    """Transformer over the places of a map, and over the words."""
    layer = SpatialTransformer(heads, width // heads, name=name)
    layer.norm.epsilon = EPSILON
    block = layer.transformer_block
    block._tracker.untrack(block.geglu)
    block.geglu = _ExactGEGLU(4 * width, name="geglu")
    return layer


def resnet_block(width, name):
    """Residual block of the autoencoder."""
    layer = ResnetBlock(width, name=name)
    layer.norm1.epsilon = layer.norm2.epsilon = EPSILON
    return layer


def attention_block(width, name):
    """Attention of the autoencoder."""
    layer = AttentionBlock(width, name=name)
    layer.norm.epsilon = EPSILON
    return layer


def placed(layer, inputs):
    """Outputs of a new layer whose weights are zero: they are read from a file.

    To draw 860 million numbers would take minutes, and so would tracing the layers
    that have no `build` to find out what is in them: their parts are built in the call.
    """
    for inner in layer._flatten_layers():
        for kind in ("kernel_initializer", "embeddings_initializer"):
            if hasattr(inner, kind):
                setattr(inner, kind, keras.initializers.Zeros())
        if type(inner).build is keras.layers.Layer.build:
            inner.built = True
    return layer(inputs)

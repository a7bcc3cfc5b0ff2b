"""CLIP's text encoder, in keras-cv's layers, named as in Diffusers."""

import keras
import numpy as np

from keras_derm.generative.stable_diffusion.keras_cv_layers import (
    CLIPEmbedding,
    CLIPEncoderLayer,
    placed,
    quick_gelu,
)


def build_text_encoder(config):
    """From tokens to what the U-Net takes as words, weights zero.

    Args:
        config: `text_encoder/config.json`: `vocab_size`, `hidden_size`,
            `num_hidden_layers`, `num_attention_heads`, `max_position_embeddings`.

    Returns:
        Functional model of int32 tokens `(n, 77)`. It gives `(n, 77, hidden_size)`.
    """
    width, length = config["hidden_size"], config["max_position_embeddings"]
    tokens = keras.Input((length,), dtype="int32", name="tokens")
    embedding = CLIPEmbedding(config["vocab_size"], width, length, name="embeddings")
    positions = np.arange(length, dtype="int32")[None]
    x = placed(embedding, [tokens, keras.ops.convert_to_tensor(positions)])
    for i in range(config["num_hidden_layers"]):
        layer = CLIPEncoderLayer(
            width,
            config["num_attention_heads"],
            activation=quick_gelu,
            name=f"encoder.layers.{i}",
        )
        x = placed(layer, x)
    norm = keras.layers.LayerNormalization(epsilon=1e-5, name="final_layer_norm")
    return keras.Model(tokens, norm(x), name="text_encoder")

"""Which tensor of a Diffusers folder goes into which variable of the Keras networks."""

from dataclasses import dataclass

import keras
import numpy as np

from keras_derm.generative.stable_diffusion.keras_cv_layers import (
    AttentionBlock,
    CLIPEmbedding,
    CLIPEncoderLayer,
    PaddedConv2D,
    ResBlock,
    ResnetBlock,
    SpatialTransformer,
    Upsample,
)


@dataclass(frozen=True, eq=False)
class Place:
    """A variable, and how PyTorch writes it.

    Attributes:
        variable: Variable of a Keras layer.
        is_kernel: Whether PyTorch has outputs first: of a Dense transposed, of a
            Conv2D as (outputs, inputs, height, width).
        is_linear: Whether a kernel of a 1 x 1 convolution is written as a matrix.

    Example:
        >>> place = Place(keras.Variable(np.zeros((3, 3, 4, 320))), is_kernel=True)
        >>> place.shape
        (320, 4, 3, 3)
    """

    variable: object
    is_kernel: bool = False
    is_linear: bool = False

    @property
    def shape(self):
        """Shape of the tensor in the file."""
        shape = tuple(self.variable.shape)
        if not self.is_kernel:
            return shape
        if self.is_linear:
            shape = shape[-2:]
        *window, inputs, outputs = shape
        return (outputs, inputs, *window)

    def in_keras(self, tensor):
        """The tensor of a file as float32 in the shape of the variable."""
        tensor = np.asarray(tensor, "float32")
        if not self.is_kernel:
            return tensor
        axes = (1, 0) if tensor.ndim == 2 else (2, 3, 1, 0)
        return np.transpose(tensor, axes).reshape(self.variable.shape)


def tensor_places(model):
    """Places of all tensors of a network, by their names in a Diffusers folder.

    Args:
        model: What `build_unet`, `build_encoder`, `build_decoder` or
            `build_text_encoder` returns, without adapters.

    Returns:
        Dictionary of `Place`.
    """
    places = {}
    for layer in model.layers:
        linear = isinstance(layer, AttentionBlock)
        for name, inner in _parts(layer).items():
            path = f"{layer.name}.{name}" if name else layer.name
            places |= _tensors(path, inner, linear)
    return places


def _parts(layer):
    """Layers with weights of a layer, by their names in Diffusers behind its own."""
    if isinstance(layer, PaddedConv2D):
        return {"": layer.conv2d}
    if isinstance(layer, ResBlock):
        return {
            "norm1": layer.entry_flow[0],
            "conv1": layer.entry_flow[2].conv2d,
            "time_emb_proj": layer.embedding_flow[1],
            "norm2": layer.exit_flow[0],
            "conv2": layer.exit_flow[2].conv2d,
            **_shortcut(layer),
        }
    if isinstance(layer, ResnetBlock):
        return {
            "norm1": layer.norm1,
            "conv1": layer.conv1.conv2d,
            "norm2": layer.norm2,
            "conv2": layer.conv2.conv2d,
            **_shortcut(layer),
        }
    if isinstance(layer, Upsample):
        return {"conv": layer.conv.conv2d}
    if isinstance(layer, SpatialTransformer):
        return _parts_of_transformer(layer)
    if isinstance(layer, AttentionBlock):
        return {
            "group_norm": layer.norm,
            "to_q": layer.q.conv2d,
            "to_k": layer.k.conv2d,
            "to_v": layer.v.conv2d,
            "to_out.0": layer.proj_out.conv2d,
        }
    if isinstance(layer, CLIPEmbedding):
        names = ("token_embedding", "position_embedding")
        return {name: getattr(layer, name) for name in names}
    if isinstance(layer, CLIPEncoderLayer):
        projections = ("q_proj", "k_proj", "v_proj", "out_proj")
        return {
            "layer_norm1": layer.layer_norm1,
            "layer_norm2": layer.layer_norm2,
            "mlp.fc1": layer.fc1,
            "mlp.fc2": layer.fc2,
            **{f"self_attn.{p}": getattr(layer.clip_attn, p) for p in projections},
        }
    return {"": layer} if layer.weights else {}


def _shortcut(layer):
    projection = layer.residual_projection
    is_one = isinstance(projection, PaddedConv2D)
    return {"conv_shortcut": projection.conv2d} if is_one else {}


def _parts_of_transformer(layer):
    block, prefix = layer.transformer_block, "transformer_blocks.0"
    parts = {
        "norm": layer.norm,
        "proj_in": layer.proj1.conv2d,
        "proj_out": layer.proj2.conv2d,
        f"{prefix}.ff.net.0.proj": block.geglu.dense,
        f"{prefix}.ff.net.2": block.dense,
    }
    for norm in ("norm1", "norm2", "norm3"):
        parts[f"{prefix}.{norm}"] = getattr(block, norm)
    for attention in ("attn1", "attn2"):
        projections = getattr(block, attention)
        for name in ("to_q", "to_k", "to_v"):
            parts[f"{prefix}.{attention}.{name}"] = getattr(projections, name)
        parts[f"{prefix}.{attention}.to_out.0"] = projections.out_proj
    return parts


def _tensors(path, layer, linear):
    """Places of a layer that has the weights itself."""
    if isinstance(layer, keras.layers.Embedding):
        return {f"{path}.weight": Place(layer.embeddings)}
    if hasattr(layer, "gamma"):
        return {f"{path}.weight": Place(layer.gamma), f"{path}.bias": Place(layer.beta)}
    places = {f"{path}.weight": Place(layer.kernel, True, linear)}
    if layer.use_bias:
        places[f"{path}.bias"] = Place(layer.bias)
    return places

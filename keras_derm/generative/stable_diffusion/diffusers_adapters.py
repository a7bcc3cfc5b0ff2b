"""Adapters as Diffusers keeps them: `pytorch_lora_weights.safetensors`."""

import json

import numpy as np

from keras_derm.files import shown
from keras_derm.networks import TensorFile, add_adapter, lora_layers, write_tensors

FILE = "pytorch_lora_weights.safetensors"
HEADER = "lora_adapter_metadata"
PREFIX = "unet."
HERE, THERE = ".transformer_block.", ".transformer_blocks.0."
MODULES = {
    "cross_attention": ("attn2",),
    "all_attention": ("attn1", "attn2"),
}
PROJECTIONS = ("to_q", "to_k", "to_v", "out_proj")
DOWN_UP = ((".lora_A", ".lora_B"), (".lora.down", ".lora.up"))
"""Endings of the two tensors of a layer, as they are written today, and were before."""

WAY_OUT = (
    "it must be an adapter of Stable Diffusion v1's U-Net, of attention projections "
    "alone, as Diffusers' train_text_to_image_lora.py or keras_derm writes it"
)


def module_paths(modules):
    """Ends of the paths of the layers that an adapter is added to.

    Args:
        modules: "cross_attention", 64 layers of the U-Net, or "all_attention", 128.

    Raises:
        ValueError: It is none of these.
    """
    if modules not in MODULES:
        raise ValueError(
            f"`modules` must be one of {', '.join(MODULES)}. Received: {modules!r}"
        )
    return tuple(f"{a}.{p}" for a in MODULES[modules] for p in PROJECTIONS)


def write_diffusers_adapter(unet, name, path):
    """Write an adapter of the U-Net so that `pipe.load_lora_weights` takes it.

    Diffusers reads no alpha from it: it is in the second matrix.

    Args:
        unet: U-Net with the adapter.
        name: Name of the adapter.
        path: The file, by custom `pytorch_lora_weights.safetensors`.
    """
    tensors = {}
    for place, layer in lora_layers(unet, name).items():
        adapter = layer.adapters[name]
        down, up = (np.asarray(kernel) for kernel in adapter.pair)
        module = PREFIX + _there(place)
        tensors[f"{module}.lora_A.weight"] = down.T
        tensors[f"{module}.lora_B.weight"] = up.T * (adapter.alpha / adapter.rank)
    write_tensors(path, tensors)


def read_diffusers_adapter(unet, name, path, dropout=0.0, seed=0):
    """Add the adapter of a file of Diffusers to the U-Net, and activate it.

    Its rank, its layers and what it holds of alpha come from the file: where it has
    keys `.alpha`, or the header that Diffusers writes since version 0.34, the update
    counts alpha / rank times, else once.

    Args:
        unet: U-Net of `build_unet`.
        name: Name that the adapter shall have.
        path: The file.
        dropout, seed: Where it is trained further, see `add_adapter`.

    Raises:
        FileNotFoundError: There is none.
        DamagedFileError: It is not whole.
        ValueError: It is an adapter of something else.
    """
    with TensorFile(path, WAY_OUT) as file:
        modules = _modules(file)
        arrays = {
            module: [np.asarray(file.array(tensor), "float32") for tensor in pair]
            for module, pair in modules.items()
        }
        alphas = {
            module: _alpha(file, module, len(down))
            for module, (down, _) in arrays.items()
        }
    places = {_here(module): module for module in modules}
    ranks = {len(down) for down, _ in arrays.values()}
    if len(ranks) != 1:
        raise ValueError(
            f"{path}: the layers of an adapter must have one rank. Received: {ranks}"
        )
    (rank,) = ranks
    _check_shapes(unet, places, arrays, path)
    layers = add_adapter(
        unet,
        name,
        rank=rank,
        dropout=dropout,
        seed=seed,
        where=lambda place, _: place in places,
    )
    by_layer = {id(layer): place for place, layer in lora_layers(unet, name).items()}
    for layer in layers:
        module = places[by_layer[id(layer)]]
        down, up = arrays[module]
        into_down, into_up = layer.adapters[name].pair
        into_down.assign(down.T)
        into_up.assign(up.T * (alphas[module] / rank))


def _modules(file):
    """Names of both tensors of each layer, by its name in Diffusers."""
    modules, foreign = {}, []
    for tensor in file.shapes:
        if tensor.endswith(".alpha"):
            continue
        for down, up in DOWN_UP:
            if tensor.endswith(f"{down}.weight"):
                module = tensor.removesuffix(f"{down}.weight")
                modules[module] = (tensor, f"{module}{up}.weight")
                break
            if tensor.endswith(f"{up}.weight"):
                break
        else:
            foreign.append(tensor)
    named = {module.removeprefix(PREFIX): pair for module, pair in modules.items()}
    foreign += [name for name in named if ".attn" not in name]
    if foreign or not named:
        raise ValueError(f"{file.path}: {WAY_OUT}. Received: {shown(foreign[:3])}")
    return named


def _alpha(file, module, rank):
    for tensor in (f"{PREFIX}{module}.alpha", f"{module}.alpha"):
        if tensor in file.shapes:
            return float(file.array(tensor))
    try:
        header = json.loads(file.metadata.get(HEADER, "{}"))
        alpha, patterns = (
            header.get("unet.lora_alpha"),
            header.get("unet.alpha_pattern"),
        )
    except (ValueError, AttributeError) as error:
        raise file.damaged(f"{HEADER}: {error}") from error
    if patterns:
        raise ValueError(
            f"{file.path}: alpha must be one number for all layers. "
            f"Received: {shown(patterns)}"
        )
    return rank if alpha is None else float(alpha)


def _check_shapes(unet, places, arrays, path):
    kernels = _kernels(unet)
    foreign = [module for place, module in places.items() if place not in kernels]
    if foreign:
        raise ValueError(f"{path}: {WAY_OUT}. Received: {shown(foreign[:3])}")
    for place, module in places.items():
        down, up = arrays[module]
        inputs, outputs = kernels[place]
        expected = ((len(down), inputs), (outputs, len(down)))
        if (down.shape, up.shape) != expected:
            raise ValueError(
                f"{path}: {module} must have shapes {expected}, {WAY_OUT}. "
                f"Received: {(down.shape, up.shape)}"
            )


def _kernels(unet):
    """Shapes of the kernels of all attention projections by path."""
    shapes = {}
    for layer in unet.layers:
        block = getattr(layer, "transformer_block", None)
        for attention in ("attn1", "attn2") if block else ():
            for name in PROJECTIONS:
                projection = getattr(getattr(block, attention), name)
                projection = getattr(projection, "base", projection)
                place = f"{layer.name}{HERE}{attention}.{name}"
                shapes[place] = tuple(projection.kernel.shape)
    return shapes


def _there(place):
    return place.replace(HERE, THERE).replace(".out_proj", ".to_out.0")


def _here(module):
    return module.replace(THERE, HERE).replace(".to_out.0", ".out_proj")

"""A trained `Diffusion` as one small file, from which images are made and no more."""

import numpy as np

from keras_derm.networks import TensorFile, write_tensors

DIFFUSION_FILE = "diffusion.safetensors"
WAY_OUT = "copy it anew, or train the generator again"


def write_diffusion(model, path):
    """Write a model as a safetensors file, without what only training needs.

    The averaged weights are kept in half precision, the code in float32, the
    configuration in the header: an eighth of the state of a training.

    Args:
        model: Trained `Diffusion` without an adapter.
        path: The file.

    Example:
        >>> write_diffusion(model, "diffusion.safetensors")
        >>> model = read_diffusion("diffusion.safetensors", Diffusion)
        >>> images = model.sample([[0, 2]], seed=7)
    """
    arrays = {
        **_named(model.averaged_network.weights, np.float16),
        **_named(model.code.weights, np.float32, "code"),
    }
    texts = {"config": model.get_config(), "adapter_guidance": model.adapter_guidance}
    write_tensors(path, arrays, texts)


def read_diffusion(path, kind):
    """The model of a file of `write_diffusion`, not compiled.

    Args:
        path: The file.
        kind: Class of the model, `Diffusion`.

    Raises:
        FileNotFoundError: There is no such file.
        DamagedFileError: It is not whole, or another kind of file.
    """
    with TensorFile(path, WAY_OUT) as file:
        texts = file.texts()
        if not isinstance(texts.get("config"), dict):
            raise file.damaged("a header without the configuration of a diffusion")
        model = kind.from_config(texts["config"])
        for weights, prefix in (
            (model.averaged_network.weights, "network"),
            (model.code.weights, "code"),
        ):
            for weight, name in zip(weights, _names(weights, prefix), strict=True):
                array = file.array(name)
                if array.shape != tuple(weight.shape):
                    raise file.damaged(f"{name} of shape {array.shape}")
                weight.assign(array)
    model.network.set_weights(model.averaged_network.get_weights())
    model.adapter_guidance = texts.get("adapter_guidance", model.guidance)
    return model


def _named(weights, dtype, prefix="network"):
    arrays = (np.asarray(weight).astype(dtype) for weight in weights)
    return dict(zip(_names(weights, prefix), arrays, strict=True))


def _names(weights, prefix):
    """Names in the order of the weights, which is that of the layers."""
    return [f"{prefix}.{number:03d}.{w.name}" for number, w in enumerate(weights)]

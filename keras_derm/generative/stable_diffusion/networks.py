"""The four networks of Stable Diffusion v1 and its words, read from a folder."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from keras_derm.generative.stable_diffusion.autoencoder import (
    build_decoder,
    build_encoder,
)
from keras_derm.generative.stable_diffusion.diffusers_folder import DiffusersFolder
from keras_derm.generative.stable_diffusion.text_encoder import build_text_encoder
from keras_derm.generative.stable_diffusion.tokenizer import Tokenizer
from keras_derm.generative.stable_diffusion.unet import build_unet
from keras_derm.training import computing_in

MULTIPLE = 64
"""Image sides are multiples of it: the U-Net halves latents of an eighth thrice."""


@dataclass(frozen=True, eq=False)
class Networks:
    """What a folder holds, as Keras networks with its weights, frozen.

    Attributes:
        folder: `DiffusersFolder`.
        unet: See `build_unet`; it computes in the policy that Keras is set to.
        encoder, decoder: See `build_encoder`; float32.
        text_encoder: See `build_text_encoder`; float32.
        tokenizer: `Tokenizer`.

    Example:
        >>> networks = read_networks("/data/stable-diffusion-v1-5", image_size=512)
        >>> words = networks.embedded(["dermoscopy of melanoma"])
    """

    folder: DiffusersFolder
    unet: keras.Model
    encoder: keras.Model
    decoder: keras.Model
    text_encoder: keras.Model
    tokenizer: Tokenizer

    @property
    def scaling_factor(self):
        """What latents of the encoder are multiplied with for the U-Net."""
        return self.folder.scaling_factor

    @property
    def time_width(self):
        """Width of the U-Net's `timestep_embedding`."""
        return self.unet.input_shape[1][-1]

    def embedded(self, texts):
        """Words as the U-Net takes them: float32 array `(n, 77, width)`."""
        tokens = self.tokenizer(texts)
        parts = [self.text_encoder(tokens[i : i + 8]) for i in range(0, len(tokens), 8)]
        return np.concatenate([np.asarray(part) for part in parts])

    def decoded(self, latents):
        """Images of latents of the U-Net, about in [-1, 1]: float32 array."""
        latents = tf.cast(latents, tf.float32) / self.scaling_factor
        parts = [self.decoder(latents[i : i + 1]) for i in range(len(latents))]
        return np.concatenate([np.asarray(part) for part in parts])


def read_networks(path, image_size):
    """Build all networks and give them the weights of a folder.

    Weights are kept once: where Keras is set to mixed_bfloat16, the frozen U-Net has
    bfloat16 weights too, half the memory.

    Args:
        path: Folder of Stable Diffusion v1, see `DiffusersFolder`.
        image_size: Side of the images in pixels, a multiple of 64.

    Returns:
        `Networks`.

    Raises:
        FolderError: The folder is not one of Stable Diffusion v1.
        DamagedFileError: A file is not whole.
        ValueError: The size is no multiple of 64.
    """
    if image_size % MULTIPLE:
        raise ValueError(
            f"`image_size` of Stable Diffusion must be a multiple of {MULTIPLE}. "
            f"Received: image_size={image_size}"
        )
    folder = DiffusersFolder(path)
    tokenizer = Tokenizer(*folder.tokenizer_files)
    policy = keras.config.dtype_policy()
    try:
        if policy.compute_dtype == "bfloat16":
            keras.config.set_dtype_policy("bfloat16")
        unet = build_unet(folder.configs["unet"], image_size)
    finally:
        keras.config.set_dtype_policy(policy)
    with computing_in("float32"):
        encoder = build_encoder(folder.configs["vae"], image_size)
        decoder = build_decoder(folder.configs["vae"], image_size)
        text_encoder = build_text_encoder(folder.configs["text_encoder"])
    networks = {
        "unet": (unet,),
        "vae": (encoder, decoder),
        "text_encoder": (text_encoder,),
    }
    for part, models in networks.items():
        for model in models:
            folder.fill(model, part)
            model.trainable = False
    return Networks(folder, unet, encoder, decoder, text_encoder, tokenizer)

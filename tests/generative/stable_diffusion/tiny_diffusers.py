"""A Stable Diffusion v1 of a few thousand numbers, in a folder as Diffusers writes it.

The tensors are functions of their names, so that the tests and the script that made the
references (`make_references.py`, which needs diffusers) have the same.
"""

import gzip
import json
import zlib
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

REFERENCES = Path(__file__).parent / "references"
IMAGE_SIZE = 64
CONTEXT, HEADS = 48, 4
UNET = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": IMAGE_SIZE // 8,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": [32, 64, 64, 96],
    "layers_per_block": 2,
    "attention_head_dim": HEADS,
    "cross_attention_dim": CONTEXT,
    "down_block_types": [*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"],
    "up_block_types": ["UpBlock2D", *["CrossAttnUpBlock2D"] * 3],
}
VAE = {
    "_class_name": "AutoencoderKL",
    "block_out_channels": [32, 64, 64, 64],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "latent_channels": 4,
    "layers_per_block": 2,
    "sample_size": IMAGE_SIZE,
    "scaling_factor": 0.18215,
}
TEXT = {
    "architectures": ["CLIPTextModel"],
    "hidden_size": CONTEXT,
    "vocab_size": 514 + 600,
    "intermediate_size": 4 * CONTEXT,
    "num_hidden_layers": 3,
    "num_attention_heads": HEADS,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "clip_sample": False,
}
FILES = {
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}
CONFIGS = {"unet": UNET, "vae": VAE, "text_encoder": TEXT}


def seeded(name, shape):
    """Values of a tensor, a function of its name: norms near 1, the rest small."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    values = generator.standard_normal(shape).astype("float32")
    if len(shape) == 1:
        return values * 0.1 + ("norm" in name and name.endswith("weight"))
    return values / np.float32(np.sqrt(np.prod(shape[1:])))


def shapes():
    """Shapes of the tensors of each part by name, as Diffusers writes them."""
    with gzip.open(REFERENCES / "shapes.json.gz", "rt") as file:
        return json.load(file)


def tensors(part):
    """The tensors of a part by name."""
    return {name: seeded(name, shape) for name, shape in shapes()[part].items()}


def write_part(folder, part, arrays):
    """Write the tensors of a part."""
    save_file(arrays, folder / part / FILES[part])


def write_folder(folder):
    """Write the whole folder, and return its path."""
    folder = Path(folder)
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "scheduler": ["diffusers", "PNDMScheduler"],
    }
    for part, config in CONFIGS.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / part / "config.json").write_text(json.dumps(config))
        write_part(folder, part, tensors(part))
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    write_tokenizer(folder / "tokenizer")
    return folder


def merges():
    """The first merges of CLIP's vocabulary (MIT licence, github.com/openai/CLIP)."""
    text = (REFERENCES / "merges.txt").read_text(encoding="utf-8")
    return text.splitlines()[1:]


def write_tokenizer(folder):
    """Write vocab.json and merges.txt as CLIP's, of its first merges alone."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = bytes_as_letters()
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += ["".join(pair.split()) for pair in merges()]
    words += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: index for index, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    text = "\n".join(["#version: 0.2", *merges()]) + "\n"
    (folder / "merges.txt").write_text(text, encoding="utf-8")


def bytes_as_letters():
    """The letters that stand for the 256 bytes, in the order of CLIP's vocabulary."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in plain] + [chr(256 + n) for n in range(68)]


def inputs():
    """What the networks are given: arrays by name, channels first as in PyTorch."""
    generator = np.random.default_rng(11)
    side = IMAGE_SIZE // 8
    arrays = {
        "latents": generator.standard_normal((2, 4, side, side)),
        "context": generator.standard_normal((2, 77, CONTEXT)),
        "images": generator.uniform(-1, 1, (1, 3, IMAGE_SIZE, IMAGE_SIZE)),
    }
    n_words = 514 + len(merges())
    arrays = {name: array.astype("float32") for name, array in arrays.items()}
    arrays["tokens"] = generator.integers(0, n_words - 2, (2, 77)).astype("int32")
    arrays["timesteps"] = np.array([7, 981])
    return arrays


def last(array):
    """From channels first, as in PyTorch, to channels last."""
    return np.transpose(array, (0, 2, 3, 1))


def noise_of(unet):
    """What a U-Net of Keras makes of the inputs."""
    from keras_derm.generative.stable_diffusion.unet import timestep_embedding

    given = inputs()
    time = np.asarray(
        timestep_embedding(given["timesteps"], UNET["block_out_channels"][0])
    )
    return np.asarray(unet([last(given["latents"]), time, given["context"]]))


PROMPTS = (
    "dermoscopy of a melanocytic lesion, melanoma, on dark skin, 7 mm across",
    "",
    "It's the patient's MOLE -- isn't it? WE'LL see, they've 12,345.67 of them!!",
    "caf\u00e9-au-lait & na\u00efve &amp; &lt;b&gt; nevus",
    "cafe\u0301-au-lait, decomposed",
    "\u039f\u03b4\u03cc\u03c2 \u039f\u0394\u039f\u03a3, capital sigma at the end",
    "\u0130stanbul \u00df STRASSE \ufb01ne",
    "\u9ed1\u8272\u7d20\u7624\u306e\u5199\u771f \ud55c\uad6d\uc5b4",
    "emoji \U0001f468\u200d\u2695\ufe0f \U0001f3ff\U0001f44d and \u2122 \u00bd \u00b2",
    "tabs\tand\nlines\u00a0\u3000and\u200bnone  two",
    "a <|endoftext|> in the middle <|STARTOFTEXT|> ''s'S 's",
    "long " * 60 + "9" * 40,
    "control \x01\x1c\x85\x7f end",
    "\u0661\u0662\u0663 \u0967 \u2163 x\u0301\u0327y \u1e9b\u0323",
)

"""Diffusers' half of stable_diffusion_equality.py: random networks and what they give.

It needs torch, diffusers and transformers, and nothing of keras_derm, so that it can
run in an environment of its own.

With "adapter" in place of a vocabulary, what the networks of the folder give with its
pytorch_lora_weights.safetensors, which `pipe.load_lora_weights` reads.

Usage: python benchmarks/stable_diffusion_peer.py FOLDER [VOCABULARY | adapter]
"""

import gzip
import json
import sys
from pathlib import Path

import diffusers
import numpy as np
import torch
import transformers

SIDE = 8
CROSS = ["CrossAttnDownBlock2D"] * 3, ["CrossAttnUpBlock2D"] * 3
N_MERGES = 48894
PROMPTS = (
    "dermoscopic photograph of a melanocytic skin lesion, melanoma, on dark skin, 7 mm",
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
)


def unet():
    return diffusers.UNet2DConditionModel(
        sample_size=64,
        cross_attention_dim=768,
        attention_head_dim=8,
        block_out_channels=(320, 640, 1280, 1280),
        down_block_types=(*CROSS[0], "DownBlock2D"),
        up_block_types=("UpBlock2D", *CROSS[1]),
    )


def vae():
    return diffusers.AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    )


def text_encoder():
    config = transformers.CLIPTextConfig(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12
    )
    return transformers.CLIPTextModel(config)


def given():
    """Inputs by name, channels first."""
    generator = np.random.default_rng(4)
    arrays = {
        "latents": generator.standard_normal((1, 4, SIDE, SIDE)),
        "context": generator.standard_normal((1, 77, 768)),
        "images": generator.uniform(-1, 1, (1, 3, 8 * SIDE, 8 * SIDE)),
    }
    arrays = {name: array.astype("float32") for name, array in arrays.items()}
    arrays["tokens"] = generator.integers(0, 49406, (1, 77)).astype("int32")
    return arrays


@torch.no_grad()
def jitter(network):
    """Give norms and biases other values than 1 and 0, which would hide mistakes."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        if parameter.ndim == 1:
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


@torch.no_grad()
def write(folder):
    torch.manual_seed(0)
    inputs = {name: torch.from_numpy(array) for name, array in given().items()}
    found = {}
    for part, build in (
        ("text_encoder", text_encoder),
        ("vae", vae),
        ("unet", unet),
    ):
        network = jitter(build())
        if part == "unet":
            timestep = torch.tensor([321])
            found["noise"] = network(
                inputs["latents"], timestep, inputs["context"]
            ).sample
        elif part == "vae":
            found["moments"] = network.encode(inputs["images"]).latent_dist.parameters
            found["decoded"] = network.decode(inputs["latents"]).sample
        else:
            found["embedded"] = network(inputs["tokens"].long()).last_hidden_state
        network.save_pretrained(folder / part)
        del network
    return {name: value.numpy() for name, value in found.items()}


def write_tokenizer(folder, vocabulary):
    """CLIP's vocabulary as Diffusers has it; without, of its bytes alone."""
    lines = []
    if vocabulary:
        with gzip.open(vocabulary, "rt", encoding="utf-8") as file:
            lines = file.read().split("\n")[1 : N_MERGES + 1]
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(b) for b in plain] + [chr(256 + n) for n in range(256 - len(plain))]
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += ["".join(line.split()) for line in lines]
    words += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(exist_ok=True)
    index = {word: number for number, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(index, ensure_ascii=False))
    text = "\n".join(["#version: 0.2", *lines]) + "\n"
    (folder / "merges.txt").write_text(text, encoding="utf-8")


@torch.no_grad()
def adapted_noise(folder):
    """What the U-Net gives with the folder's adapter, (1, 4, side, side)."""
    inputs = {name: torch.from_numpy(array) for name, array in given().items()}
    pipe = diffusers.StableDiffusionPipeline(
        vae=diffusers.AutoencoderKL.from_pretrained(folder / "vae"),
        text_encoder=transformers.CLIPTextModel.from_pretrained(
            folder / "text_encoder"
        ),
        tokenizer=transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        unet=diffusers.UNet2DConditionModel.from_pretrained(folder / "unet"),
        scheduler=diffusers.PNDMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.load_lora_weights(folder)
    latents, context = inputs["latents"], inputs["context"]
    return pipe.unet(latents, torch.tensor([321]), context).sample.numpy()


def main(folder, vocabulary=None):
    folder = Path(folder)
    if vocabulary == "adapter":
        np.save(folder / "adapted_noise.npy", adapted_noise(folder))
        return
    folder.mkdir(parents=True, exist_ok=True)
    found = write(folder)
    write_tokenizer(folder / "tokenizer", vocabulary)
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer")
    encoded = tokenizer(
        list(PROMPTS), padding="max_length", truncation=True, max_length=77
    )
    found["token_ids"] = np.array(encoded.input_ids, "int32")
    index = {"_class_name": "StableDiffusionPipeline"}
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "prompts.json").write_text(json.dumps(PROMPTS))
    np.savez(folder / "outputs.npz", **found, **given())


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Make the references anew: what Diffusers and Transformers compute of tiny networks.

Run with diffusers, transformers and torch installed, and CLIP's vocabulary at hand
(`bpe_simple_vocab_16e6.txt.gz`, which the package open_clip_torch brings along):

    python tests/generative/stable_diffusion/make_references.py VOCABULARY
"""

import gzip
import json
import sys
import tempfile
from pathlib import Path

import diffusers
import numpy as np
import tiny_diffusers as tiny
import torch
import transformers

N_MERGES = 600
SCHEDULERS = {
    "pndm": diffusers.PNDMScheduler,
    "ddim": diffusers.DDIMScheduler,
    "dpm_solver": diffusers.DPMSolverMultistepScheduler,
}


def write_merges(vocabulary):
    with gzip.open(vocabulary, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    text = "\n".join(["#version: 0.2", *lines[1 : N_MERGES + 1]]) + "\n"
    (tiny.REFERENCES / "merges.txt").write_text(text, encoding="utf-8")


def networks():
    """The three networks, with the tensors of `tiny_diffusers.seeded`."""
    text = {
        k: v for k, v in tiny.TEXT.items() if k not in ("architectures", "vocab_size")
    }
    n_words = 514 + len(tiny.merges())
    made = {
        "unet": diffusers.UNet2DConditionModel(**_options(tiny.UNET)),
        "vae": diffusers.AutoencoderKL(**_options(tiny.VAE)),
        "text_encoder": transformers.CLIPTextModel(
            transformers.CLIPTextConfig(vocab_size=n_words, **text)
        ),
    }
    for network in made.values():
        state = {
            name: torch.from_numpy(tiny.seeded(name, tuple(value.shape)))
            for name, value in network.state_dict().items()
            if value.is_floating_point()
        }
        network.load_state_dict(state, strict=False)
        network.eval()
    return made


def _options(config):
    return {name: value for name, value in config.items() if name[0] != "_"}


@torch.no_grad()
def outputs(made):
    given = {name: torch.from_numpy(a) for name, a in tiny.inputs().items()}
    vae = made["vae"]
    moments = vae.encode(given["images"]).latent_dist.parameters
    return {
        "noise": made["unet"](
            given["latents"], given["timesteps"], given["context"]
        ).sample,
        "moments": moments,
        "decoded": vae.decode(given["latents"]).sample,
        "embedded": made["text_encoder"](given["tokens"].long()).last_hidden_state,
    }


def closed_form_noise(sample, timestep):
    """What stands for a network where schedulers are compared."""
    return np.sin(3 * sample + timestep / 300) + 0.2 * sample


def trajectories():
    """Samples after every call of every scheduler, from the same noise."""
    found = {}
    pndm = diffusers.PNDMScheduler.from_config(tiny.SCHEDULER)
    for name, kind in SCHEDULERS.items():
        for n_steps in (5, 30):
            scheduler = kind.from_config({**pndm.config, "clip_sample": False})
            scheduler.set_timesteps(n_steps)
            sample = torch.from_numpy(start())
            path = []
            for timestep in scheduler.timesteps:
                noise = closed_form_noise(sample.numpy(), int(timestep))
                sample = scheduler.step(
                    torch.from_numpy(noise.astype("float32")), timestep, sample
                ).prev_sample
                path.append(sample.numpy())
            found[f"{name}_{n_steps}"] = np.stack(path)
            found[f"{name}_{n_steps}_timesteps"] = scheduler.timesteps.numpy()
    return found


def start():
    return np.random.default_rng(2).standard_normal((3, 4)).astype("float32")


def token_ids():
    with tempfile.TemporaryDirectory() as folder:
        tiny.write_tokenizer(Path(folder))
        tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
        return np.array(
            tokenizer(
                list(tiny.PROMPTS),
                padding="max_length",
                truncation=True,
                max_length=77,
            ).input_ids,
            "int32",
        )


def adapted_noise(unet):
    """What the U-Net gives with an adapter as `peft` and Diffusers write it."""
    from peft import LoraConfig

    unet.add_adapter(LoraConfig(r=2, lora_alpha=3, target_modules=["to_q", "to_out.0"]))
    given = {name: torch.from_numpy(a) for name, a in tiny.inputs().items()}
    state = {}
    for name, value in unet.named_parameters():
        if ".lora_" in name:
            short = name.replace(".default", "")
            value.data = torch.from_numpy(tiny.seeded(short, tuple(value.shape)))
            state[short] = list(value.shape)
    with torch.no_grad():
        noise = unet(given["latents"], given["timesteps"], given["context"]).sample
    return state, noise


def main(vocabulary):
    write_merges(vocabulary)
    made = networks()
    shapes = {
        part: {
            name: list(value.shape)
            for name, value in network.state_dict().items()
            if value.is_floating_point()
        }
        for part, network in made.items()
    }
    found = {name: np.asarray(value) for name, value in outputs(made).items()}
    shapes["adapter"], adapted = adapted_noise(made["unet"])
    found["adapted_noise"] = adapted.numpy()
    with gzip.GzipFile(tiny.REFERENCES / "shapes.json.gz", "wb", mtime=0) as file:
        file.write(json.dumps(shapes).encode())
    np.savez_compressed(
        tiny.REFERENCES / "outputs.npz",
        **found,
        **trajectories(),
        token_ids=token_ids(),
    )


if __name__ == "__main__":
    main(sys.argv[1])

"""Whether Stable Diffusion v1, read from a folder, is equal to Diffusers at full size.

Diffusers makes random networks of the true size, in the environment of `--peer_python`
(torch, diffusers, transformers), one after the other: 4 GB of memory, 4 GB of disk.
What it computes of random inputs is compared. Schedulers are compared with the
references of the tests. Exits with 1 where something differs.

Usage: python benchmarks/stable_diffusion_equality.py --folder /tmp/random_sd
       [--peer_python PYTHON] [--vocabulary bpe_simple_vocab_16e6.txt.gz]
"""

import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from jsonargparse import auto_cli

ROOT = Path(__file__).parents[1]
REFERENCES = ROOT / "tests/generative/stable_diffusion/references/outputs.npz"
LARGEST = 5e-5


def differences(folder, peer):
    """Rows of a table: what is compared, and the largest difference."""
    from keras_derm.generative.stable_diffusion.networks import read_networks
    from keras_derm.generative.stable_diffusion.unet import timestep_embedding

    expected = np.load(folder / "outputs.npz")
    networks = read_networks(folder, int(expected["images"].shape[-1]))

    def last(name):
        return np.transpose(expected[name], (0, 2, 3, 1))

    def row(name, found, reference):
        found = np.asarray(found, "float32")
        return name, float(np.abs(found - reference).max()), float(reference.std())

    time = np.asarray(timestep_embedding(np.array([321]), networks.time_width))
    noise = networks.unet([last("latents"), time, expected["context"]])
    yield row("U-Net", noise, last("noise"))
    write_random_adapter(networks.unet, folder)
    adapted = networks.unet([last("latents"), time, expected["context"]])
    peer("adapter")
    reference = np.load(folder / "adapted_noise.npy").transpose(0, 2, 3, 1)
    yield row("U-Net, adapter by load_lora_weights", adapted, reference)
    yield row("VAE encoder", networks.encoder(last("images")), last("moments"))
    yield row("VAE decoder", networks.decoder(last("latents")), last("decoded"))
    words = networks.text_encoder(expected["tokens"])
    yield row("text encoder", words, expected["embedded"])
    prompts = json.loads((folder / "prompts.json").read_text())
    same = (networks.tokenizer(prompts) == expected["token_ids"]).all(axis=1)
    yield f"tokens of {len(prompts)} hard prompts, others", float((~same).sum()), 1.0


def write_random_adapter(unet, folder):
    """Adapt all attention at random, and write the adapter as Diffusers reads it."""
    from keras_derm.generative.stable_diffusion.diffusers_adapters import (
        FILE,
        module_paths,
        write_diffusers_adapter,
    )
    from keras_derm.networks import adapter_variables, add_adapter

    add_adapter(unet, "random", rank=4, alpha=8, where=module_paths("all_attention"))
    for seed, variable in enumerate(adapter_variables(unet, "random")):
        drawn = np.random.default_rng(seed).standard_normal(variable.shape)
        variable.assign(0.05 * drawn)
    write_diffusers_adapter(unet, "random", folder / FILE)


def of_schedulers():
    """Rows of the table for schedulers: the largest difference after one step."""
    from keras_derm.generative.stable_diffusion.schedulers import (
        SCHEDULERS,
        scheduler_of,
    )

    expected = np.load(REFERENCES)
    for name in SCHEDULERS:
        path = expected[f"{name}_30"]
        scheduler = scheduler_of(name, 30)
        sample = np.random.default_rng(2).standard_normal((3, 4)).astype("float32")
        worst = 0.0
        for call, timestep in enumerate(scheduler.timesteps):
            noise = np.sin(3 * sample + timestep / 300) + 0.2 * sample
            found = scheduler.step(call, noise.astype("float32"), sample)
            worst = max(worst, float(np.abs(found - path[call]).max()))
            sample = path[call]
        yield f"{name}, each of {len(path)} calls", worst, float(path.std())


def main(
    folder: Path, peer_python: str = sys.executable, vocabulary: str | None = None
) -> None:
    """Print the largest difference of each part.

    Args:
        folder: Where the random networks go, or are from an earlier run.
        peer_python: Python that has torch, diffusers and transformers.
        vocabulary: CLIP's bpe_simple_vocab_16e6.txt.gz, as the package open_clip_torch
            brings it; without, tokens are bytes.
    """
    from rich.console import Console
    from rich.table import Table

    def peer(*arguments):
        script = ROOT / "benchmarks" / "stable_diffusion_peer.py"
        command = [peer_python, script, folder, *arguments]
        subprocess.run([str(word) for word in command], check=True)

    if not (folder / "outputs.npz").is_file():
        peer(*([vocabulary] if vocabulary else []))
    table = Table("part", "largest difference", "standard deviation")
    rows = [*differences(folder, peer), *of_schedulers()]
    for name, difference, deviation in rows:
        table.add_row(name, f"{difference:.2g}", f"{deviation:.2f}")
    Console().print(table)
    if any(difference > LARGEST for _, difference, _ in rows):
        sys.exit(1)


if __name__ == "__main__":
    auto_cli(main, as_positional=False)

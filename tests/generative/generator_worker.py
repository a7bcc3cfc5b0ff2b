"""One worker of trainings of generators. Sizes are for the test.

python generator_worker.py KINDS FOLDER WEIGHTS EPOCHS, with TF_CONFIG. The networks are
without batch normalization, whose statistics are each worker's own.
"""

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from mirrored_losses import compiled, conditional_wgan_gp, cyclegan, diffusion, sngan
from PIL import Image

from keras_derm.catalog import Catalog
from keras_derm.generative import train
from keras_derm.settings import (
    ConditionalWGANGPSettings,
    CycleGANSettings,
    DiffusionSettings,
    SNGANSettings,
)
from keras_derm.training import join_workers

KINDS = {
    "sngan": (sngan, 8, SNGANSettings(batch_size=8)),
    "wgan": (conditional_wgan_gp, 8, ConditionalWGANGPSettings(batch_size=4)),
    "cyclegan": (cyclegan, 16, CycleGANSettings(batch_size=2)),
    "diffusion": (diffusion, 32, DiffusionSettings(batch_size=8)),
}
"""Function that makes one, side of its images, settings."""

N_IMAGES, STEPS_PER_EPOCH = 24, 3


def catalog(folder):
    """Training rows, half of them benign and half melanomas."""
    Image.new("RGB", (32, 32)).save(Path(folder, "a.png"))
    table = pd.DataFrame(
        {
            "isic_id": [f"i{i}" for i in range(N_IMAGES)],
            "path": "a.png",
            "diagnosis": ["NV", "MEL"] * (N_IMAGES // 2),
            "benign_malignant": ["benign", "malignant"] * (N_IMAGES // 2),
            "tone_group": ["light", "dark", "medium"] * (N_IMAGES // 3),
            "split": "train",
        }
    )
    return Catalog(table, root=folder)


def train_one(kind, folder, weights, workers=None, n_epochs=2):
    """Train one kind, and keep all that a step has changed."""
    make, side, settings = KINDS[kind]
    shape = (N_IMAGES, side, side, 3)
    images = np.random.default_rng(0).integers(0, 256, shape).astype("uint8")
    with tempfile.TemporaryDirectory() as photographs:
        generator = compiled(make)
        train(
            generator,
            catalog(photographs),
            images,
            folder,
            settings,
            n_steps=n_epochs * STEPS_PER_EPOCH,
            steps_per_epoch=STEPS_PER_EPOCH,
            verbose=2,
            workers=workers,
        )
    of_optimizers = [v for one in generator.optimizers for v in one.variables]
    np.savez(
        weights,
        *generator.get_weights(),
        *map(keras.ops.convert_to_numpy, of_optimizers),
    )


if __name__ == "__main__":
    kinds, folder, weights, n_epochs = sys.argv[1:]
    workers = join_workers()
    # What TensorFlow rewrites in a graph to run it faster takes longer than the steps.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    for kind in kinds.split(","):
        file = f"{weights}_{kind}.npz"
        train_one(kind, f"{folder}/{kind}", file, workers, int(n_epochs))

"""Speed of every image layer and preset against the same steps in OpenCV.

Images per second on this machine's processors, in turns in one run: the layer in a
tf.data pipeline, OpenCV in one process, and OpenCV in a pool of two processes; the
ratio is to the pool. OpenCV inpaints with Telea where we fill by a pyramid. Layers
without a counterpart in OpenCV stand alone.

Usage: python benchmarks/layer_speed.py [--sizes [224,512]] [--only NAME]
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import numpy as np
from jsonargparse import auto_cli

N_PROCESSES, N_ROUNDS = 2, 3
BATCH_SIZE = 4
ANGLES, LENGTHS = 12, ((5, 15, 6), (9, 30, 20), (5, 15, 10))


def _line(length, angle):
    kernel, middle = np.zeros((length + 1, length + 1), np.uint8), length / 2
    across, down = np.cos(angle) * middle, np.sin(angle) * middle
    ends = [
        (round(middle + sign * across), round(middle + sign * down)) for sign in (-1, 1)
    ]
    return cv2.line(kernel, *ends, 1)


def published_hair(image):
    size = max(3, 2 * round((17 * len(image) / 224 - 1) / 2) + 1)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (size, size))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    mask = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, cross) > 10
    return cv2.inpaint(image, mask.astype("uint8"), 1, cv2.INPAINT_TELEA)


def oriented_hair(image):
    scale, mask = len(image) / 224, np.zeros(image.shape[:2], "uint8")
    for k, (width, length, least) in enumerate(LENGTHS):
        picture = 255 - image[..., 2] if k == 2 else image[..., 0]
        side = max(3, 2 * round((width * scale - 1) / 2) + 1)
        thin = cv2.morphologyEx(picture, cv2.MORPH_BLACKHAT, np.ones((side, side)))
        for j in range(ANGLES):
            line = _line(round(length * scale), np.pi * j / ANGLES)
            mask |= (cv2.morphologyEx(thin, cv2.MORPH_OPEN, line) > least).astype("u1")
    mask = cv2.dilate(mask, np.ones((3, 3)))
    return cv2.inpaint(image, mask, 1, cv2.INPAINT_TELEA)


def square_pad(image, border=cv2.BORDER_REFLECT):
    height, width = image.shape[:2]
    side = max(height, width)
    above, left = (side - height) // 2, (side - width) // 2
    padded = cv2.copyMakeBorder(
        image, above, side - height - above, left, side - width - left, border
    )
    return cv2.resize(padded, (side, side), interpolation=cv2.INTER_AREA)


def clahe(image):
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
    lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(np.ascontiguousarray(lab[..., 0]))
    return cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)


def non_local_means(image):
    return cv2.fastNlMeansDenoising(image, None, 3.0, 7, 21)


def gamma(image):
    table = (255 * (np.arange(256) / 255) ** (1 / 1.2)).round().astype("uint8")
    return cv2.LUT(image, table)


def shades_of_grey(image):
    light = image.astype("float32") / 255
    colour = np.array(cv2.mean(cv2.pow(light, 6))[:3]) ** (1 / 6)
    gain = np.sqrt((colour**2).mean()) / np.maximum(colour, 1e-6)
    scaled = cv2.multiply(light, (*(255 * gain), 0))
    return np.minimum(scaled, 255)


def min_max(image):
    return cv2.normalize(image.astype("float32"), None, 0, 255, cv2.NORM_MINMAX)


def lora_diffusion(image):
    return oriented_hair(clahe(gamma(non_local_means(image))))


def melanet(image):
    return min_max(square_pad(image, cv2.BORDER_CONSTANT))


PEERS = {
    "HairRemoval published": published_hair,
    "HairRemoval oriented": oriented_hair,
    "SquarePad": square_pad,
    "CLAHE": clahe,
    "NonLocalMeans": non_local_means,
    "GammaCorrection": gamma,
    "ColourConstancy": shades_of_grey,
    "MinMaxRescale": min_max,
    "ToneTransfer": None,
    "ArtefactSuppression": None,
    "preset sn_gan_ensemble": published_hair,
    "preset lora_diffusion": lora_diffusion,
    "preset melanet": melanet,
    "preset keras_derm": None,
}


def chains(size):
    """The layers of each name; presets at the size at which the images come."""
    from keras_derm import layers

    return {
        "HairRemoval published": [
            layers.HairRemoval("published", layers.scaled_kernel_size(size))
        ],
        "HairRemoval oriented": [layers.HairRemoval()],
        "SquarePad": [layers.SquarePad(size)],
        "CLAHE": [layers.CLAHE()],
        "NonLocalMeans": [layers.NonLocalMeans()],
        "GammaCorrection": [layers.GammaCorrection(1 / 1.2)],
        "ColourConstancy": [layers.ColourConstancy()],
        "MinMaxRescale": [layers.MinMaxRescale()],
        "ToneTransfer": [layers.ToneTransfer(-10)],
        "ArtefactSuppression": [layers.ArtefactSuppression()],
        **{
            f"preset {name}": layers.preparation(name, size).layers
            for name in ("sn_gan_ensemble", "lora_diffusion", "melanet", "keras_derm")
        },
    }


def tensorflow_speed(chain, images):
    """Return images per second through tf.data."""
    import tensorflow as tf

    def apply(batch):
        for layer in chain:
            batch = layer(batch)
        return batch

    dataset = tf.data.Dataset.from_tensor_slices(images).batch(
        BATCH_SIZE, drop_remainder=True
    )
    dataset = dataset.map(apply, tf.data.AUTOTUNE).prefetch(2)
    return _speed(lambda: [batch.shape for batch in dataset], len(images))


def _prepare_worker(path):
    global _images
    cv2.setNumThreads(1)
    _images = np.load(path)


def _work(job):
    name, rows = job
    for row in rows:
        PEERS[name](_images[row])


def _speed(work, n_images):
    work()
    times = []
    for _ in range(N_ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return n_images / np.median(times)


def main(sizes: list[int] | None = None, n: int = 64, only: str | None = None) -> None:
    """Print a table for every size.

    Args:
        sizes: Sides of the images in pixels; 224 and 512 by default.
        n: Number of images, a multiple of 16.
        only: Name of one layer or preset.
    """
    import tempfile
    from pathlib import Path

    from keras_derm.catalog import read_image
    from keras_derm.phantom import render

    for size in sizes or [224, 512]:
        catalog = render(n, 7, size)
        images = np.stack([read_image(path) for path in catalog.paths])
        layers = chains(size)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "images.npy"
            np.save(path, images)
            with ProcessPoolExecutor(
                N_PROCESSES, get_context("spawn"), _prepare_worker, (path,)
            ) as pool:
                print(f"\n{size} px          TensorFlow  OpenCV  pool of 2   ratio")
                for name in [only] if only else PEERS:
                    print(_compared(name, layers[name], images, pool), flush=True)


def _compared(name, chain, images, pool):
    """Return the line of one layer or preset."""
    ours, peer = tensorflow_speed(chain, images), PEERS[name]
    line = f"{name:24s} {ours:7.0f}"
    if peer is None:
        return line
    cv2.setNumThreads(1)
    one = _speed(lambda: [peer(image) for image in images], len(images))
    jobs = [(name, part) for part in np.array_split(np.arange(len(images)), 8)]
    two = _speed(lambda: list(pool.map(_work, jobs)), len(images))
    return line + f" {one:8.0f} {two:9.0f} {ours / two:8.2f}"


if __name__ == "__main__":
    auto_cli(main)

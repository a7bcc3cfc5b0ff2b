"""Speed of the sn_gan_ensemble preparation against the same work in OpenCV.

Prints images per second of both, taken in turns in one run, and their ratio. The
OpenCV side resizes, finds hair by black-hat with the same kernel and threshold, and
inpaints with Telea, one image after the other.

Usage: python benchmarks/prepare_speed.py [image_size] [n_images]
"""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import numpy as np
import tensorflow as tf

from keras_derm import phantom
from keras_derm.catalog import read_image
from keras_derm.layers import preprocessing, scaled_kernel_size

BATCH_SIZE = 32
N_ROUNDS = 5


def opencv_prepare(image, image_size):
    """Return one image resized and without hair, by OpenCV."""
    size = scaled_kernel_size(image_size)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (size, size))
    image = cv2.resize(image, (image_size, image_size), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    black_hat = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, cross)
    mask = (black_hat > 10).astype("uint8")
    return cv2.inpaint(image, mask, 1, cv2.INPAINT_TELEA)


def tensorflow_prepare(image_size):
    """Return a compiled function of a batch of images."""
    layers = preprocessing("sn_gan_ensemble", image_size)

    @tf.function(reduce_retracing=True)
    def prepare(images):
        for layer in layers:
            images = layer(images)
        return images

    return prepare


def main(image_size=224, n_images=128):
    catalog = phantom.read(f"n={n_images},seed=7,size=256")
    images = np.stack([read_image(path) for path in catalog.paths])
    batches = [images[k : k + BATCH_SIZE] for k in range(0, n_images, BATCH_SIZE)]
    prepare = tensorflow_prepare(image_size)
    prepare(batches[0]), prepare(batches[-1])
    times = {"TensorFlow": [], "OpenCV": []}
    for _ in range(N_ROUNDS):
        start = time.perf_counter()
        for batch in batches:
            np.array(prepare(batch))
        times["TensorFlow"].append(time.perf_counter() - start)
        start = time.perf_counter()
        for image in images:
            opencv_prepare(image, image_size)
        times["OpenCV"].append(time.perf_counter() - start)
    speed = {name: n_images / np.median(taken) for name, taken in times.items()}
    for name, value in speed.items():
        print(f"{name:10s} {value:7.0f} images/s at {image_size} px")
    print(f"ratio      {speed['TensorFlow'] / speed['OpenCV']:7.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""Where image layers compute: on the processor or on the GPUs, by measurement."""

import itertools
import time

import numpy as np
import tensorflow as tf

from keras_derm.jobs.measured import measured_once, told
from keras_derm.pipeline.prepared import prepared_images
from keras_derm.training import clearly_fastest, default_strategy

N_PHOTOGRAPHS = 256


def measured_place(run, asked, name, known_by, measure):
    """Where image layers compute in this run.

    Args:
        run: `RunDirectory`, which keeps what was measured in preprocessing.json.
        asked: "cpu", "device" or "auto".
        name: What is done, for what is printed.
        known_by: Dict of what a measurement is known by.
        measure: Function without arguments that gives the images per second on "cpu"
            and on "device"; it is called where there is a GPU, and once in a run.

    Returns:
        "cpu" or "device".
    """
    if asked != "auto":
        return asked
    if not tf.config.list_physical_devices("GPU"):
        return "cpu"

    def measured():
        speeds = measure()
        chosen = clearly_fastest(speeds)
        print(f"{name}: {told(speeds)} images/s: {chosen}", flush=True)
        return {"images_per_second": speeds, "preprocess_on": chosen}

    found = measured_once(run, "preprocessing.json", known_by, measured)
    return found["preprocess_on"]


def preparation_strategy(run, settings, catalog, chain, boxes=None):
    """Strategy on whose devices photographs are prepared, or None for the processor.

    Args:
        run: `RunDirectory`.
        settings: `PrepareDatasetSettings`.
        catalog, chain, boxes: What `prepare` will take.
    """
    known_by = {
        "stage": settings.stage,
        "preset": settings.preset,
        "image_size": settings.image_size,
        "crop": settings.crop,
    }
    place = measured_place(
        run,
        settings.preprocess_on,
        f"preparing as {settings.preset}",
        known_by,
        lambda: preparation_speeds(catalog, chain, boxes),
    )
    return default_strategy() if place == "device" else None


def preparation_speeds(catalog, chain, boxes=None):
    """Photographs per second on the processor and on the GPUs, as dict by place.

    The first quarter of some photographs from all of the catalog is not counted: it
    fills the buffers and traces the graph.
    """
    n = min(N_PHOTOGRAPHS, len(catalog))
    rows = np.unique(np.linspace(0, len(catalog) - 1, n).astype(int))
    some = catalog.where(np.isin(np.arange(len(catalog)), rows))
    parts = None if boxes is None else np.asarray(boxes)[rows]
    return {
        place: _images_per_second(
            prepared_images(some, chain, parts, strategy=strategy), n // 4
        )
        for place, strategy in (("cpu", None), ("device", default_strategy()))
    }


def _images_per_second(images, n_first):
    for _ in itertools.islice(images, n_first + 1):
        pass
    start = time.perf_counter()
    n_images = sum(1 for _ in images)
    return n_images / (time.perf_counter() - start)

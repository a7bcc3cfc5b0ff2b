"""What a run ran on."""

import functools
import os
import platform
from importlib import metadata
from typing import Any

PACKAGES = (
    "keras_derm",
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "scikit-image",
    "opencv-python-headless",
    "Pillow",
    "tf-keras-vis",
    "umap-learn",
)


@functools.cache
def describe_environment() -> dict[str, Any]:
    """Versions and machine as a dictionary for `environment.json`."""
    import tensorflow as tf

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "gpus": [
            tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
            for gpu in tf.config.list_physical_devices("GPU")
        ],
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }

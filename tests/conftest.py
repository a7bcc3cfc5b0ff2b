import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real dermoscopy beside the checkout; skips the test without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data absent: no ../shared/data beside the checkout")
    return SHARED_DATA


@pytest.fixture
def write_image():
    """Write a small photograph-like image, by default another for each file name."""

    def write(path, size=(24, 18), seed=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = zlib.crc32(path.name.encode()) if seed is None else seed
        noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3))
        Image.fromarray(noise.astype(np.uint8)).save(path)
        return path

    return write

import os
import shutil
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# `make test` has a process for each of two processors: more threads would only wait for
# one another, and spin as they wait.
for threads in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


LONG = ("test_saved_models.py", "jobs", "generative", "training", "export")
"""Where the files lie that take longest."""


def pytest_collection_modifyitems(items):
    """Long files first, so that no process is left with one at the end."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONG)


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real dermoscopy beside the checkout; skips the test without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data absent: no ../shared/data beside the checkout")
    return SHARED_DATA


@pytest.fixture
def part_of_ham10000(shared_data, tmp_path):
    """Lay out some photographs as HAM10000 is: a reader decodes all that is there."""
    whole = shared_data / "ham10000"
    files = (
        "HAM10000_images/{}.jpg",
        "HAM10000_segmentations_lesion/{}_segmentation.png",
    )

    def lay_out(choose):
        """Folder of the photographs that `choose` takes of the ids, in their order."""
        table = pd.read_csv(whole / "HAM10000_metadata.csv")
        chosen = choose(table["image_id"])
        folder = tmp_path / "ham10000"
        for file in files:
            (folder / file).parent.mkdir(parents=True)
            for name in chosen:
                shutil.copy(whole / file.format(name), folder / file.format(name))
        part = table[table["image_id"].isin(chosen)]
        part.to_csv(folder / "HAM10000_metadata.csv", index=False)
        return folder

    return lay_out


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

"""Seconds and peak memory of an archive like ISIC 2024, by its number of photographs.

An archive in Kaggle's layout is made of a few tiny pictures: each file is one of them
with a comment of its own in the JPEG, so that no two are equal. Each number of
photographs is read and checked, split by patient, and its skin measured, in a process
of its own; the processes that measure are not in its peak. Seconds and memory should
grow as the photographs do: the last figure is what one of them takes, beside what it
took where there were fewest.

Usage: python benchmarks/large_archive.py --counts [10000,100000,401059]
"""

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from PIL import Image
from rich.progress import track

CHILD = """
import json, resource, sys, time
from keras_derm.catalog import split_catalog
from keras_derm.readers import read_data_source
from keras_derm.skin_tone import measure

found = {}

def timed(name, work):
    start = time.perf_counter()
    result = work()
    found[name] = time.perf_counter() - start
    found[name + " MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result

catalog = timed("read and check", lambda: read_data_source("isic2024:" + sys.argv[1]))
timed("split", lambda: split_catalog(catalog, (0.7, 0.15, 0.15), 0))
if sys.argv[2] == "True":
    timed("measure", lambda: measure(catalog))
print(json.dumps(found))
"""
N_PICTURES, SIDE, PER_PATIENT = 32, 48, 385
MALIGNANT, SITES = 0.001, ("posterior torso", "head/neck")


def pictures(seed=0):
    """Tiny JPEGs of skin with a darker lesion, a list of bytes."""
    draw, found = np.random.default_rng(seed), []
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    for _ in range(N_PICTURES):
        image = draw.normal((205, 160, 140), 6, (SIDE, SIDE, 3))
        image[np.hypot(x, y) < SIDE / 5] -= draw.uniform(40, 90)
        encoded = io.BytesIO()
        Image.fromarray(image.clip(0, 255).astype("uint8")).save(encoded, "JPEG")
        found.append(encoded.getvalue())
    return found


def make_archive(folder, n_images):
    """Write the archive: `train-metadata.csv`, and `train-image/` with the files."""
    draw, jpegs = np.random.default_rng(1), pictures()
    ids = [f"ISIC_{number:07d}" for number in range(n_images)]
    images = Path(folder, "train-image")
    images.mkdir(parents=True)
    for number, name in enumerate(track(ids, "Making photographs", transient=True)):
        jpeg, comment = jpegs[number % N_PICTURES], name.encode()
        marker = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        (images / f"{name}.jpg").write_bytes(jpeg[:2] + marker + jpeg[2:])
    is_malignant = draw.random(n_images) < MALIGNANT
    table = pd.DataFrame(
        {
            "isic_id": ids,
            "target": is_malignant.astype(int),
            "patient_id": [f"IP_{k:07d}" for k in np.arange(n_images) // PER_PATIENT],
            "lesion_id": None,
            "age_approx": draw.integers(3, 17, n_images) * 5,
            "sex": draw.choice(["male", "female"], n_images),
            "anatom_site_general": draw.choice(
                ["posterior torso", "head/neck"], n_images
            ),
            "copyright_license": "CC-0",
            "iddx_full": np.where(
                is_malignant,
                "Malignant::Malignant melanocytic proliferations (Melanoma)::Melanoma",
                "Benign",
            ),
        }
    )
    table.to_csv(Path(folder, "train-metadata.csv"), index=False)


def measured(n_images, with_skin):
    """Seconds and MiB of each part, as dict by name."""
    with tempfile.TemporaryDirectory() as folder:
        make_archive(folder, n_images)
        result = subprocess.run(
            [sys.executable, "-c", CHILD, folder, str(with_skin)],
            capture_output=True,
            text=True,
        )
    if result.returncode:
        raise SystemExit(result.stderr)
    return json.loads(result.stdout.splitlines()[-1])


def main(counts: list[int] | None = None, with_skin: bool = True) -> None:
    """Print seconds, milliseconds a photograph and peak memory of each part.

    Args:
        counts: Numbers of photographs; 2,000 and 10,000 by default.
        with_skin: Whether the skin is measured too, which takes longest.
    """
    first = {}
    for count in counts or [2000, 10000]:
        found = measured(count, with_skin)
        for name in [name for name in found if not name.endswith("MiB")]:
            each = 1000 * found[name] / count
            first.setdefault(name, each)
            print(
                f"{count:>8,} photographs, {name}: {found[name]:8.1f} s, {each:.3f} ms "
                f"each, peak {found[name + ' MiB']:.0f} MiB, "
                f"{each / first[name]:.2f} times the first",
                flush=True,
            )


if __name__ == "__main__":
    auto_cli(main)

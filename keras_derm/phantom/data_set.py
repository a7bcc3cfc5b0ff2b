"""Phantom data sets on disk: render, reuse, resume, read."""

import collections
import functools
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from keras_derm.caches import image_cache
from keras_derm.catalog import Catalog
from keras_derm.cluster.work import work_on_each
from keras_derm.files import atomic_path, read_json, write_csv, write_json
from keras_derm.phantom.photograph import photograph
from keras_derm.phantom.population import (
    DIAGNOSIS_FREQUENCIES,
    TONE_FREQUENCIES,
    frequencies,
    population,
)

VERSION = 2
"""Raised with every change of the pixels, so that no cache mixes two phantoms."""

ISIC_DIAGNOSES = {
    "MEL": "melanoma",
    "NV": "nevus",
    "BCC": "basal cell carcinoma",
    "AK": "actinic keratosis",
    "BKL": "seborrheic keratosis",
    "DF": "dermatofibroma",
    "VASC": "vascular lesion",
    "SCC": "squamous cell carcinoma",
}
"""What the ISIC Archive's metadata.csv calls the diagnoses."""

_FILES = {
    "lesion_mask": "masks/{}_segmentation.png",
    "hair_mask": "masks/{}_hair_segmentation.png",
    "ruler_mask": "masks/{}_ruler_segmentation.png",
    "hair_free": "hair_free/{}_hair_free.png",
    "image": "images/{}.png",
}
_FEW, _AT_ONCE = 16, 4
"""Photographs that one process renders alone, and that others are given at once."""

_LIMITS = {"n": (1, 1_000_000), "seed": (0, 2**32 - 1), "size": (64, 1024)}
_LEVELS = {"hair": (0.0, 3.0), "artefacts": (0.0, 3.0)}
_SWITCHES = {"true": True, "false": False}
_SWITCHED = ("dermatoscope", "pairs")


def render(
    n,
    seed,
    size=256,
    *,
    directory=None,
    tone_frequencies="archive",
    diagnosis_frequencies="archive",
    hair=1.0,
    artefacts=1.0,
    dermatoscope=True,
    indices=None,
    workers=None,
    progress=True,
):
    """Render phantom photographs with every truth and return their `Catalog`.

    An image depends on the seed, its index and the settings, never on `n`, on
    `indices` or on the number of processes. A rendering that was stopped goes on
    where it stood; a finished one is reused.

    Args:
        n: Number of images, 1 to 1,000,000.
        seed: Integer, 0 to 2^32 - 1.
        size: Height and width in pixels, 64 to 1024.
        directory: Where the data set goes, in the ISIC Archive layout (metadata.csv
            and images, with masks and hair_free beside them). By default a folder of
            its own under `$KERAS_DERM_CACHE` or `~/.cache/keras_derm`.
        tone_frequencies: "archive", "balanced" or a mapping of Fitzpatrick types to
            weights; shares of patients.
        diagnosis_frequencies: "archive", "balanced" or a mapping of diagnoses to
            weights; shares of lesions.
        hair: 0 (none) to 3; 1 puts hair in about half of the images.
        artefacts: 0 (clean photographs) to 3; 1 as in archives.
        dermatoscope: Whether exposure, white balance and polarisation are those of a
            dermatoscope, which hide the tone of the skin as in archives (see
            `keras_derm.phantom.dermatoscope`). Without, the colour of the photograph
            is that of the skin. The truths are of the person either way.
        indices: Render these rows of the n alone.
        workers: Processes; one per processor by default.
        progress: Whether to show a progress bar.

    Returns:
        `Catalog` with the truths as columns: `diagnosis`, `skin_tone_label`,
        `patient_id`, `lesion_id`, `age_approx`, `sex`, `anatom_site_general`,
        `melanin_fraction`, `blood_fraction`, `true_ita` (of the skin, not of the
        photograph), `image_type`, `mask_path`, `hair_mask_path`, `ruler_mask_path`,
        `hair_free_path` (the image itself where it has no hair).

    Raises:
        ValueError: If an argument is out of its range, or `directory` holds a data
            set of other settings.

    Example:
        >>> catalog = render(200, seed=7, size=128)
    """
    settings = _settings(
        n, seed, size, tone_frequencies, diagnosis_frequencies, hair, artefacts,
        dermatoscope,
    )  # fmt: skip
    rows = _rows(n, indices)
    root = _cache_directory(settings) if directory is None else Path(directory)
    root = root.expanduser().absolute()
    _claim(root, settings)
    table = population(
        n, seed, settings["tone_frequencies"], settings["diagnosis_frequencies"]
    )
    missing = [
        i for i in rows if not _file(root, table["isic_id"][i], "image").exists()
    ]
    _render_rows(table, missing, settings, root, workers, progress)
    table = _with_paths(table.iloc[rows].reset_index(drop=True), root)
    _write_metadata(table, root, whole=indices is None)
    return Catalog(table, root=root)


def read(options, root=None):
    """Read the data source `phantom:options`, rendering it the first time.

    Args:
        options: Text like "n=2000,seed=7,size=256". Keys: n, seed, size, tones and
            diagnoses ("archive" or "balanced"), hair and artefacts (0 to 3),
            dermatoscope (true or false); pairs (true or false), see `render_pairs`.
            Only n and seed must be given.
        root: Directory to render into; a cache folder by default.

    Returns:
        `Catalog`; see `render`.

    Raises:
        ValueError: If a key is unknown, double or missing, or a value out of range.
    """
    kinds = {
        "n": int, "seed": int, "size": int, "tones": str, "diagnoses": str,
        "hair": float, "artefacts": float, "dermatoscope": _switch, "pairs": _switch,
    }  # fmt: skip
    found = {}
    for part in filter(None, (part.strip() for part in str(options).split(","))):
        key, _, value = (piece.strip() for piece in part.partition("="))
        if key not in kinds or key in found:
            raise ValueError(
                f"A phantom takes each of {list(kinds)} once, as key=value. "
                f"Received: {part!r} in {options!r}"
            )
        try:
            found[key] = kinds[key](value)
        except ValueError:
            raise ValueError(
                f"The phantom's {key} must be {_range_text(key)}. Received: {value!r}"
            ) from None
    if not {"n", "seed"} <= set(found):
        raise ValueError(
            "A phantom needs n and seed, as in phantom:n=2000,seed=7. "
            f"Received: {options!r}"
        )
    names = {"tones": "tone_frequencies", "diagnoses": "diagnosis_frequencies"}
    arguments = {names.get(key, key): value for key, value in found.items()}
    if not arguments.pop("pairs", False):
        return render(directory=root, **arguments)
    if not arguments.pop("dermatoscope", True):
        raise ValueError(
            "The phantom's pairs are of photographs with a dermatoscope and without: "
            f"leave dermatoscope out. Received: {options!r}"
        )
    return render_pairs(directory=root, **arguments)


def render_pairs(n, seed, size=256, *, directory=None, **options):
    """Render each photograph twice: by a dermatoscope, and as a clinical close-up.

    Args:
        n, seed, size: As `render` takes them, for each type of photograph.
        directory: Where folders of both types go; cache folders by default.
        **options: Further arguments of `render` but for `dermatoscope`.

    Returns:
        `Catalog` of 2 n photographs: those of a dermatoscope, then the close-ups, whose
        ids end in `_close_up`; `lesion_id` joins the two.

    Example:
        >>> catalog = render_pairs(100, seed=7, size=64)
    """
    tables = []
    for folder, is_dermoscopic in (("dermoscopic", True), ("close_up", False)):
        place = None if directory is None else Path(directory) / folder
        one = render(
            n, seed, size, directory=place, dermatoscope=is_dermoscopic, **options
        )
        tables.append(one.table)
    close_up = tables[1]
    close_up["isic_id"] += "_close_up"
    close_up["image_type"] = "clinical: close-up"
    return Catalog(pd.concat(tables, ignore_index=True))


def write_phantom(
    output: str,
    n: int = 2000,
    seed: int = 7,
    size: int = 256,
    tone_frequencies: str | dict[str, float] = "archive",
    diagnosis_frequencies: str | dict[str, float] = "archive",
    hair: float = 1.0,
    artefacts: float = 1.0,
    dermatoscope: bool = True,
    workers: int | None = None,
) -> None:
    """Write a phantom data set in the ISIC Archive layout, with masks.

    Args:
        output: Directory for metadata.csv, images/, masks/ and hair_free/.
        n: Number of images, 1 to 1,000,000.
        seed: 0 to 2^32 - 1; the same seed gives the same files.
        size: Height and width in pixels, 64 to 1024.
        tone_frequencies: archive, balanced, or weights of Fitzpatrick types.
        diagnosis_frequencies: archive, balanced, or weights of diagnoses.
        hair: 0 (none) to 3.
        artefacts: 0 (clean) to 3.
        dermatoscope: Exposure, white balance and polarisation of a dermatoscope, which
            hide the tone of the skin; without, colour tells the tone.
        workers: Processes; one per processor by default.
    """
    catalog = render(
        n, seed, size, directory=output, tone_frequencies=tone_frequencies,
        diagnosis_frequencies=diagnosis_frequencies, hair=hair, artefacts=artefacts,
        dermatoscope=dermatoscope, workers=workers,
    )  # fmt: skip
    print(f"{len(catalog)} phantom images in {output}")


def _switch(text):
    """Truth of "true" or "false"; ValueError for another text."""
    if text not in _SWITCHES:
        raise ValueError
    return _SWITCHES[text]


def _settings(n, seed, size, tones, diagnoses, hair, artefacts, dermatoscope):
    """Check the arguments and return those that the pixels depend on."""
    for name, value in (("n", n), ("seed", seed), ("size", size)):
        low, high = _LIMITS[name]
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or not low <= value <= high:
            raise ValueError(f"{name} must be {_range_text(name)}. Received: {value!r}")
    for name, value in (("hair", hair), ("artefacts", artefacts)):
        low, high = _LEVELS[name]
        if not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError(f"{name} must be {_range_text(name)}. Received: {value!r}")
    if not isinstance(dermatoscope, bool):
        raise ValueError(
            f"dermatoscope must be {_range_text('dermatoscope')}. "
            f"Received: {dermatoscope!r}"
        )
    return {
        "version": VERSION,
        "seed": int(seed),
        "size": int(size),
        "tone_frequencies": frequencies(tones, TONE_FREQUENCIES, "tone_frequencies"),
        "diagnosis_frequencies": frequencies(
            diagnoses, DIAGNOSIS_FREQUENCIES, "diagnosis_frequencies"
        ),
        "hair": float(hair),
        "artefacts": float(artefacts),
        "dermatoscope": dermatoscope,
    }


def _range_text(name):
    if name in _LIMITS:
        low, high = _LIMITS[name]
        return f"an integer from {low} to {high}"
    if name in _LEVELS:
        low, high = _LEVELS[name]
        return f"a number from {low:g} to {high:g}"
    return "true or false" if name in _SWITCHED else "archive or balanced"


def _rows(n, indices):
    if indices is None:
        return list(range(n))
    rows = [int(index) for index in indices]
    if not rows or min(rows) < 0 or max(rows) >= n or len(set(rows)) < len(rows):
        raise ValueError(
            f"indices must be different integers from 0 to {n - 1}. Received: {rows}"
        )
    return rows


def _cache_directory(settings):
    # Without n: a longer data set reuses the images of a shorter one.
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    name = f"phantom-{settings['seed']}-{settings['size']}-{digest[:12]}"
    return Path(image_cache(), name)


def _claim(root, settings):
    """Note the settings in the directory; refuse a directory of other settings."""
    note = root / "phantom.json"
    if note.exists():
        if read_json(note, (), "remove the folder") != settings:
            raise ValueError(
                "The directory holds a phantom of other settings (see its "
                f"phantom.json); choose another. Received: {str(root)!r}"
            )
        return
    if root.is_dir() and any(root.iterdir()):
        raise ValueError(
            "The directory of a new phantom must be empty or absent. "
            f"Received: {str(root)!r}"
        )
    for template in _FILES.values():
        (root / template).parent.mkdir(parents=True, exist_ok=True)
    write_json(note, settings)


def _render_rows(table, rows, settings, root, workers, progress):
    if not rows:
        return
    records = table.iloc[rows].to_dict("records")
    tasks = list(zip(rows, records, strict=True))
    write = functools.partial(_write_photograph, settings=settings, root=root)
    what = "Rendering phantom" if progress else None
    done = work_on_each(
        write, tasks, what, at_once=_AT_ONCE, few=_FEW, n_workers=workers
    )
    collections.deque(done, maxlen=0)


def _write_photograph(task, settings, root):
    """Render one row and write its files, the image last: it says all are there."""
    index, record = task
    shot = photograph(
        record, index, settings["seed"], settings["size"], settings["hair"],
        settings["artefacts"], settings["dermatoscope"],
    )  # fmt: skip
    for part in ("lesion_mask", "hair_mask", "ruler_mask"):
        mask = getattr(shot, part).astype(np.uint8) * 255
        _write_png(_file(root, record["isic_id"], part), mask)
    if shot.hair_mask.any():
        _write_png(_file(root, record["isic_id"], "hair_free"), shot.hair_free)
    _write_png(_file(root, record["isic_id"], "image"), shot.image)


def _write_png(path, pixels):
    _, code = cv2.imencode(
        ".png", pixels[..., ::-1] if pixels.ndim == 3 else pixels,
        [cv2.IMWRITE_PNG_COMPRESSION, 1],
    )  # fmt: skip
    with atomic_path(path) as temporary:
        temporary.write_bytes(code.tobytes())


def _file(root, isic_id, part):
    return root / _FILES[part].format(isic_id)


def _with_paths(table, root):
    table = table.drop(columns=["lesion_key", "view"])
    ids = table["isic_id"]
    columns = {
        "path": "image",
        "mask_path": "lesion_mask",
        "hair_mask_path": "hair_mask",
        "ruler_mask_path": "ruler_mask",
    }
    for column, part in columns.items():
        table[column] = [_FILES[part].format(name) for name in ids]
    twins = [_FILES["hair_free"].format(name) for name in ids]
    table["hair_free_path"] = [
        twin if (root / twin).exists() else image
        for twin, image in zip(twins, table["path"], strict=True)
    ]
    table["image_type"] = "dermoscopic"
    table["plain_rgb"] = True
    table["source"] = "phantom"
    table["copyright_license"] = "CC-0"
    return table


def _write_metadata(table, root, whole):
    """Write the ISIC Archive's csv, for a data set that has all its rows."""
    if not whole:
        return
    archive = table.drop(columns=["path", "plain_rgb"])
    archive["diagnosis"] = archive["diagnosis"].map(ISIC_DIAGNOSES)
    write_csv(root / "metadata.csv", archive)

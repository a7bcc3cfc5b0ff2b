"""HAM10000 in the layout of a paper's archive, where the archive itself is not there.

The classes have the shares of the paper, as far as there are images; lesions of one
photograph each, where an archive's own test set is to be kept. `stand_in.json` in the
folder tells what it is.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from keras_derm.files import atomic_path, read_json, write_csv, write_json
from keras_derm.readers.ham10000 import DIAGNOSES_OF_DX

TOLD = "stand_in.json"
ISIC_2016 = {"train": {"benign": 727, "malignant": 173}}
ISIC_2016 |= {"test": {"benign": 304, "malignant": 75}}
MELANOMAS_OF_ISIC_2020 = 584 / 33126
WORDS_OF_ISIC_2020 = {"MEL": "melanoma", "NV": "nevus", "BKL": "seborrheic keratosis"}
NOT_BENIGN = ("AK", "BCC")
"""Diagnoses that ISIC 2016 and 2020 have none of, and that are not benign."""


def lay_out(paper, ham10000, folder, seed=0):
    """Write HAM10000 as the archive of a paper; what is there already is kept.

    Args:
        paper: Name of the paper.
        ham10000: Folder of HAM10000, as the reader ham10000 takes it.
        folder: Where the archive goes; images are links.
        seed: Seed of which images are taken.

    Returns:
        Data source READER:PATH.
    """
    if paper == "lora_diffusion":
        return f"ham10000:{ham10000}"  # part of the archive that the paper took
    reader, write = LAYOUTS[paper]
    folder = Path(folder)
    if not folder.is_dir():
        table = _table(Path(ham10000))
        with atomic_path(folder) as temporary:
            (temporary / "images").mkdir(parents=True)
            taken, said = write(table, temporary, np.random.default_rng(seed))
            for path in taken["path"]:
                (temporary / "images" / path.name).symlink_to(path.resolve())
            write_json(temporary / TOLD, {"said": f"HAM10000 as {reader}: {said}"})
    return f"{reader}:{folder}"


def told(source):
    """What the images of a data source are, in words; empty for an archive's own."""
    reader, _, path = source.partition(":")
    if (Path(path) / TOLD).is_file():
        return read_json(Path(path) / TOLD, ("said",))["said"]
    return {"ham10000": "HAM10000", "phantom": "a phantom"}.get(reader, "")


def _table(ham10000):
    table = pd.read_csv(ham10000 / "HAM10000_metadata.csv")
    files = {path.stem: path for path in ham10000.rglob("ISIC_*.jpg")}
    table = table.assign(path=table["image_id"].map(files))
    missing = table["path"].isna()
    if missing.any():
        raise FileNotFoundError(
            f"{missing.sum()} photographs of HAM10000 are not under {ham10000}: put "
            f"them there. Received: {table.loc[missing, 'image_id'].iloc[0]}, ..."
        )
    return table.assign(diagnosis=table["dx"].map(DIAGNOSES_OF_DX))


def _isic2016(table, folder, generator):
    lesions = table.iloc[generator.permutation(len(table))]
    lesions = lesions.drop_duplicates("lesion_id")
    lesions = lesions[~lesions["diagnosis"].isin(NOT_BENIGN)]
    is_melanoma = lesions["diagnosis"] == "MEL"
    pools = {"malignant": lesions[is_melanoma], "benign": lesions[~is_melanoma]}
    parts = []
    for split, part in (("train", "Training"), ("test", "Test")):
        taken = []
        for name, n in ISIC_2016[split].items():
            taken.append(pools[name].head(n).assign(malignancy=name))
            pools[name] = pools[name].iloc[n:]
        rows = pd.concat(taken)
        lines = "".join(
            f"{image},{malignancy}\n"
            for image, malignancy in zip(
                rows["image_id"], rows["malignancy"], strict=True
            )
        )
        name = f"ISBI2016_ISIC_Part3_{part}_GroundTruth.csv"
        (folder / name).write_text(lines, encoding="utf-8")
        parts.append(rows)
    taken = pd.concat(parts)
    return taken, f"{len(parts[0])} training and {len(parts[1])} test images"


def _isic2019(table, folder, generator):
    names = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
    labels = pd.DataFrame({"image": table["image_id"]})
    for name in names:
        labels[name] = (table["diagnosis"] == name).astype(float)
    metadata = pd.DataFrame(
        {
            "image": table["image_id"],
            "age_approx": table["age"],
            "anatom_site_general": table["localization"],
            "lesion_id": table["lesion_id"],
            "sex": table["sex"],
        }
    )
    write_csv(folder / "ISIC_2019_Training_GroundTruth.csv", labels)
    write_csv(folder / "ISIC_2019_Training_Metadata.csv", metadata)
    return table, f"{len(table):,} images, of SCC none"


def _isic2020(table, folder, generator):
    benign = table[table["diagnosis"].isin(["NV", "BKL", "DF", "VASC"])]
    share = MELANOMAS_OF_ISIC_2020
    n_melanomas = round(share / (1 - share) * len(benign))
    melanomas = table[table["diagnosis"] == "MEL"]
    melanomas = melanomas.iloc[generator.permutation(len(melanomas))[:n_melanomas]]
    rows = pd.concat([benign, melanomas]).sort_values("image_id")
    malignant = (rows["diagnosis"] == "MEL").to_numpy()
    truth = pd.DataFrame(
        {
            "image_name": rows["image_id"],
            "patient_id": rows["lesion_id"],
            "sex": rows["sex"],
            "age_approx": rows["age"],
            "anatom_site_general_challenge": rows["localization"],
            "diagnosis": rows["diagnosis"].map(WORDS_OF_ISIC_2020).fillna("unknown"),
            "benign_malignant": np.where(malignant, "malignant", "benign"),
            "target": malignant.astype(int),
        }
    )
    write_csv(folder / "ISIC_2020_Training_GroundTruth.csv", truth)
    said = f"{len(rows):,} images, {malignant.sum()} of them melanoma"
    return rows, f"{said}; its lesions as patients"


LAYOUTS = {
    "melanet": ("isic2016", _isic2016),
    "sn_gan_ensemble": ("isic2019", _isic2019),
    "cwgan_gp": ("isic2020", _isic2020),
}

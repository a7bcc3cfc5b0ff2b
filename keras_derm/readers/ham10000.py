"""HAM10000 as Harvard Dataverse and Kaggle give it."""

import pandas as pd

from keras_derm.readers.archive import (
    archive_root,
    find_csv,
    find_masks,
    make_catalog,
    mapped_diagnosis,
    numbers,
    read_csv,
    without_unknown,
)

DIAGNOSES_OF_DX = {
    "akiec": "AK",
    "bcc": "BCC",
    "bkl": "BKL",
    "df": "DF",
    "mel": "MEL",
    "nv": "NV",
    "vasc": "VASC",
}


def read(path, skip_bad=False):
    """Read HAM10000.

    Needs `HAM10000_metadata.csv` (or `HAM10000_metadata`, as Dataverse names it); the
    images may lie in `HAM10000_images_part_1`, `_part_2` or any other folder. Lesion
    masks, `<image id>_segmentation.png`, are taken where they are.

    Args:
        path: Folder of the archive.
        skip_bad: Leave out rows with a fault; `catalog.skipped` lists them.

    Returns:
        A `Catalog`, `source` "ham10000"; `dx` "akiec" (actinic keratosis and Bowen's
        disease) counts as AK.

    Raises:
        CatalogError: With every fault, each with file and row.

    Reference:
        Tschandl, Rosendahl, Kittler (2018), The HAM10000 dataset, Scientific Data 5.
    """
    root = archive_root(path)
    csv = find_csv(root, "HAM10000_metadata.csv", "HAM10000_metadata")
    rows = read_csv(
        csv,
        required=(
            *("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"),
        ),
    ).rename(columns={"image_id": "isic_id"})
    diagnosis, dx_faults = mapped_diagnosis(rows, "dx", DIAGNOSES_OF_DX)
    age, age_faults = numbers(rows, "age")
    masks = find_masks(root)
    table = pd.DataFrame(
        {
            "isic_id": rows["isic_id"],
            "diagnosis": diagnosis,
            "lesion_id": rows["lesion_id"],
            "age_approx": age,
            "sex": without_unknown(rows["sex"]),
            "anatom_site_general": without_unknown(rows["localization"]),
            "mask_path": rows["isic_id"].str.lower().map(masks),
            "copyright_license": "CC-BY-NC",
            "dx_type": rows["dx_type"],
            "_file": rows["_file"],
            "_row": rows["_row"],
        }
    )
    return make_catalog(table, root, "ham10000", skip_bad, [dx_faults, age_faults])

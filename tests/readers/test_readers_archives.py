import shutil
import warnings

import pandas as pd
import pytest

from keras_derm.catalog import CatalogError, split_catalog
from keras_derm.readers import READERS
from keras_derm.readers.labels import diagnosis_of_label

HAM_HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization\n"


@pytest.fixture
def ham(tmp_path, write_image):
    """HAM10000 in the two folders of the true archive."""
    (tmp_path / "HAM10000_metadata.csv").write_text(
        HAM_HEADER
        + "HAM_1,ISIC_0000001,akiec,histo,80.0,male,scalp\n"
        + "HAM_1,ISIC_0000002,akiec,histo,80.0,male,scalp\n"
        + "HAM_2,ISIC_0000003,nv,follow_up,,unknown,unknown\n"
    )
    write_image(tmp_path / "HAM10000_images_part_1" / "ISIC_0000001.jpg")
    write_image(tmp_path / "HAM10000_images_part_2" / "ISIC_0000002.JPG")
    write_image(tmp_path / "HAM10000_images_part_2" / "deeper" / "ISIC_0000003.jpeg")
    write_image(tmp_path / "HAM10000_segmentations" / "ISIC_0000001_segmentation.png")
    return tmp_path


def test_ham10000(ham):
    catalog = READERS["ham10000"](ham)
    table = catalog.table
    assert table["diagnosis"].tolist() == ["AK", "AK", "NV"]
    assert table["benign_malignant"].tolist() == ["indeterminate"] * 2 + ["benign"]
    assert table["lesion_id"].tolist() == ["HAM_1", "HAM_1", "HAM_2"]
    assert table["sex"].isna().tolist() == [False, False, True]
    assert table["age_approx"].isna().tolist() == [False, False, True]
    assert table["plain_rgb"].all()
    assert [mask is not None for mask in catalog.mask_paths] == [True, False, False]
    assert all(map(ham.__class__.is_file, map(ham.__class__, catalog.paths)))


def test_all_faults_of_an_archive_at_once(ham):
    csv = ham / "HAM10000_metadata.csv"
    csv.write_text(
        csv.read_text()
        + "HAM_3,ISIC_0000003,nv,histo,40.0,male,back\n"
        + "\n"
        + "HAM_4,ISIC_0000004,wart,histo,40.0,male,back\n"
        + "HAM_5,ISIC_0000005,mel,histo,old,male,back\n"
        + "HAM_6,../secret,mel,histo,50,male,back\n"
    )
    (ham / "HAM10000_images_part_1" / "ISIC_0000005.jpg").touch()
    with (
        pytest.warns(UserWarning, match=r"1 field\(s\) of 'age' .*'old'.*row 8"),
        pytest.raises(CatalogError) as caught,
    ):
        READERS["ham10000"](ham)
    faults = caught.value.faults
    assert set(zip(faults["row"], faults["column"], strict=False)) == {
        (5, "isic_id"),
        (7, "dx"),
        (7, "path"),
        (8, "path"),
        (9, "path"),
    }
    assert "HAM10000_metadata.csv, row 7, column 'dx'" in str(caught.value)
    with pytest.warns(UserWarning, match="'old'"):
        catalog = READERS["ham10000"](ham, skip_bad=True)
    assert len(catalog) == 3 and len(catalog.skipped) == 5
    assert len(catalog.real().with_columns(tone_group="light").skipped) == 5


def test_missing_csv_column_is_named(ham):
    csv = ham / "HAM10000_metadata.csv"
    csv.write_text(csv.read_text().replace("lesion_id", "lesion"))
    with pytest.raises(CatalogError, match=r"lesion_id.*missing.*Received"):
        READERS["ham10000"](ham)


@pytest.mark.parametrize("name", sorted(set(READERS) - {"phantom", "table"}))
def test_empty_or_absent_folder_is_refused(name, tmp_path):
    with pytest.raises(CatalogError, match="Received"):
        READERS[name](tmp_path)
    with pytest.raises(CatalogError, match="directory that exists"):
        READERS[name](tmp_path / "absent")


def test_isic2016(tmp_path, write_image):
    for part, lines in {
        "Training": "ISIC_0000000,benign\nISIC_0000002,malignant\n",
        "Test": "ISIC_0000003,0.0\nISIC_0000013,1.0\n",
    }.items():
        csv = tmp_path / f"ISBI2016_ISIC_Part3_{part}_GroundTruth.csv"
        csv.write_text(lines)
        for line in lines.splitlines():
            folder = tmp_path / f"ISBI2016_ISIC_Part3_{part}_Data"
            write_image(folder / (line.split(",")[0] + ".jpg"))
    table = READERS["isic2016"](tmp_path).table
    assert table["diagnosis"].tolist() == ["UNK", "MEL", "UNK", "MEL"]
    assert table["benign_malignant"].tolist() == ["benign", "malignant"] * 2
    assert table["split"].tolist() == ["train", "train", "test", "test"]
    csv.write_text("ISIC_0000003,0.0\nISIC_0000013,perhaps\n")
    with pytest.raises(CatalogError, match="Test_GroundTruth.csv, row 2.*perhaps"):
        READERS["isic2016"](tmp_path)


@pytest.mark.real_data
def test_isic2019_true_tables(shared_data, tmp_path, write_image):
    tables = shared_data / "tables"
    for kind in ("GroundTruth", "Metadata"):
        name = f"ISIC_2019_Training_{kind}.csv"
        pd.read_csv(tables / name, dtype=str).iloc[::500].to_csv(
            tmp_path / name, index=False
        )
    truth = pd.read_csv(tmp_path / "ISIC_2019_Training_GroundTruth.csv")
    for image in truth["image"]:
        write_image(tmp_path / "ISIC_2019_Training_Input" / f"{image}.jpg")
    table = READERS["isic2019"](tmp_path).table
    assert table["isic_id"].tolist() == truth["image"].tolist()
    assert (
        table["diagnosis"].tolist()
        == truth.columns[1:][truth.iloc[:, 1:].to_numpy().argmax(axis=1)].tolist()
    )
    metadata = tmp_path / "ISIC_2019_Training_Metadata.csv"
    metadata.write_text("\n".join(metadata.read_text().splitlines()[:-1]))
    with pytest.raises(CatalogError, match="has no row in"):
        READERS["isic2019"](tmp_path)


@pytest.mark.real_data
def test_isic2019_full_table_without_images(shared_data):
    with pytest.raises(CatalogError, match="None of the 25331 images") as caught:
        READERS["isic2019"](shared_data / "tables")
    faults = caught.value.faults
    assert len(faults) == 25331 and set(faults["cause"]) == {"file is missing"}
    assert len(str(caught.value)) < 50_000


@pytest.mark.real_data
def test_isic2020_true_table(shared_data, tmp_path, write_image):
    tables = shared_data / "tables"
    name = "ISIC_2020_Training_{}.csv".format
    duplicates = pd.read_csv(tables / name("Duplicates")).head(20)
    ids = duplicates.to_numpy().ravel()
    truth = pd.read_csv(tables / name("GroundTruth"), dtype=str)
    extra = truth.groupby("diagnosis").head(3).index
    truth = truth[truth["image_name"].isin(ids) | truth.index.isin(extra)]
    truth.to_csv(tmp_path / name("GroundTruth"), index=False)
    shutil.copy(tables / name("Duplicates"), tmp_path)
    for image in truth["image_name"]:
        write_image(tmp_path / "train" / f"{image}.jpg")
    catalog = READERS["isic2020"](tmp_path)
    table = catalog.table.set_index("isic_id")
    assert table["benign_malignant"].tolist() == truth["benign_malignant"].tolist()
    for first, second in duplicates.to_numpy():
        assert table["duplicate_group"][first] == table["duplicate_group"][second] != ""
    labels = truth.set_index("image_name")["diagnosis"]
    assert set(table["diagnosis"][labels == "unknown"]) == {"UNK"}
    assert set(table["diagnosis"][labels == "melanoma"]) == {"MEL"}
    splits = split_catalog(catalog).table.set_index("isic_id")["split"]
    assert all(splits[a] == splits[b] for a, b in duplicates.to_numpy())
    (tmp_path / name("Duplicates")).unlink()
    with pytest.warns(UserWarning, match="Duplicates.csv is not under"):
        READERS["isic2020"](tmp_path)


def test_isic2020_target_must_agree(tmp_path, write_image):
    (tmp_path / "train.csv").write_text(
        "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,"
        "benign_malignant,target\nISIC_1,IP_1,male,45.0,torso,melanoma,malignant,0\n"
    )
    write_image(tmp_path / "ISIC_1.jpg")
    with (
        pytest.warns(UserWarning),
        pytest.raises(CatalogError, match="row 2, column 'target'"),
    ):
        READERS["isic2020"](tmp_path)


@pytest.mark.real_data
def test_fitzpatrick17k_true_table(shared_data, tmp_path, write_image):
    rows = pd.read_csv(shared_data / "tables" / "fitzpatrick17k.csv", dtype=str)
    rows = rows.groupby("label").head(1)
    rows.to_csv(tmp_path / "fitzpatrick17k.csv", index=False)
    for image in rows["md5hash"].iloc[:-1]:
        write_image(tmp_path / "images" / f"{image}.jpg")
    with pytest.raises(CatalogError, match=f"'{rows['md5hash'].iloc[-1]}.jpg'"):
        READERS["fitzpatrick17k"](tmp_path)
    catalog = READERS["fitzpatrick17k"](tmp_path, skip_bad=True)
    table = catalog.table.set_index("label")
    assert len(catalog) == len(rows) - 1 == 113 and len(catalog.skipped) == 1
    assert table["diagnosis"]["superficial spreading melanoma ssm"] == "MEL"
    assert table["diagnosis"]["psoriasis"] == "UNK"
    assert table["benign_malignant"]["psoriasis"] == "benign"
    assert table["benign_malignant"]["kaposi sarcoma"] == "malignant"
    scale = rows.set_index("label")["fitzpatrick_scale"][:-1]
    assert table["skin_tone_label"][scale == "4"].eq("IV").all()
    assert table["skin_tone_label"][scale == "-1"].isna().all()


def test_isic_archive_new_columns(tmp_path, write_image):
    (tmp_path / "metadata.csv").write_text(
        "isic_id,attribution,copyright_license,age_approx,anatom_site_general,"
        "diagnosis_1,diagnosis_2,diagnosis_3,diagnosis_4,diagnosis_5,image_type,"
        "lesion_id,patient_id,sex,fitzpatrick_skin_type\n"
        "ISIC_1,A,CC-0,45,torso,Malignant,,Melanoma Invasive,"
        '"Melanoma Invasive, Associated with a nevus",,dermoscopic,IL_1,IP_1,male,III\n'
        'ISIC_2,A,CC-0,,,Benign,,Nevus,"Nevus, Combined",,dermoscopic,,IP_2,,\n'
        "ISIC_3,A,CC-0,,,Indeterminate,,Solar or actinic keratosis,,,,,,,\n"
        "ISIC_4,A,CC-0,,,Benign,,Nevus sebaceous,,,,,,,\n"
        "ISIC_5,A,CC-0,,,,,,,,,,,,\n"
        'ISIC_6,A,CC-0,,,Malignant,,"Squamous cell carcinoma, Invasive",,,,,,,\n'
    )
    for number in range(1, 7):
        write_image(tmp_path / f"ISIC_{number}.jpg")
    with pytest.warns(UserWarning, match="1 images.*'nevus sebaceous' 1"):
        table = READERS["isic_archive"](tmp_path).table
    assert table["diagnosis"].tolist() == ["MEL", "NV", "AK", "UNK", "UNK", "SCC"]
    assert table["benign_malignant"].tolist()[:4] == [
        *("malignant", "benign", "indeterminate", "benign")
    ]
    assert table["skin_tone_label"][0] == "III"
    assert table["patient_id"].tolist()[:2] == ["IP_1", "IP_2"]


def test_isic_archive_old_columns(tmp_path, write_image):
    (tmp_path / "metadata.csv").write_text(
        "isic_id,diagnosis,benign_malignant\nISIC_1,nevus,benign\n"
        "ISIC_2,seborrheic keratosis,benign\nISIC_3,actinic keratosis,"
        "indeterminate/benign\n"
    )
    for number in range(1, 4):
        write_image(tmp_path / "images" / f"ISIC_{number}.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = READERS["isic_archive"](tmp_path).table
    assert table["diagnosis"].tolist() == ["NV", "BKL", "AK"]
    assert table["benign_malignant"].tolist() == ["benign", "benign", "indeterminate"]


def test_mask_of_another_class_folder_is_not_taken(tmp_path, write_image):
    for name in ("MEL/001.jpg", "NV/001.jpg", "NV/002.jpg"):
        write_image(tmp_path / name)
    for name in ("MEL/001", "masks/002"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_image(tmp_path / f"{name}_segmentation.png")
    masks = READERS["folder"](tmp_path).table.set_index("isic_id")["mask_path"]
    assert masks["MEL__001"] == "MEL/001_segmentation.png"
    assert pd.isna(masks["NV__001"])
    assert masks["NV__002"] == "masks/002_segmentation.png"


@pytest.mark.parametrize(
    "label, diagnosis",
    [
        ("not_melanoma", "UNK"),
        ("No melanoma", "UNK"),
        ("benign melanocytic nevus, melanoma excluded", "UNK"),
        ("Non-melanoma", "UNK"),
        ("Nevus, not otherwise specified", "NV"),
        ("Lentigo NOS", "BKL"),
    ],
)
def test_label_that_denies_a_diagnosis_is_not_it(label, diagnosis):
    assert diagnosis_of_label(label) == diagnosis


def test_folder_of_class_folders(tmp_path, write_image):
    for name in ("MEL/1.jpg", "nevus/1.PNG", "akiec/x/2.jpeg", "benign/3.jpg"):
        write_image(tmp_path / name)
    write_image(tmp_path / "MEL" / "masks" / "1_segmentation.png")
    table = READERS["folder"](tmp_path).table.set_index("path")
    assert table["diagnosis"].to_dict() == {
        "MEL/1.jpg": "MEL",
        "akiec/x/2.jpeg": "AK",
        "benign/3.jpg": "UNK",
        "nevus/1.PNG": "NV",
    }
    assert table["isic_id"]["nevus/1.PNG"] == "nevus__1"
    assert table["benign_malignant"]["benign/3.jpg"] == "benign"
    write_image(tmp_path / "holiday" / "beach.jpg")
    write_image(tmp_path / "loose.jpg")
    with pytest.raises(CatalogError, match="holiday/beach.jpg, column 'folder'"):
        READERS["folder"](tmp_path)
    assert len(READERS["folder"](tmp_path, skip_bad=True)) == 4


@pytest.mark.real_data
def test_ham10000_whole(shared_data):
    catalog = READERS["ham10000"](shared_data / "ham10000")
    assert catalog.table["diagnosis"].value_counts().to_dict() == {
        "NV": 6705,
        "MEL": 1113,
        "BKL": 1099,
        "BCC": 514,
        "AK": 327,
        "VASC": 142,
        "DF": 115,
    }
    assert catalog.table["lesion_id"].nunique() == 7470
    assert catalog.table["mask_path"].notna().all()
    assert catalog.table["plain_rgb"].all()

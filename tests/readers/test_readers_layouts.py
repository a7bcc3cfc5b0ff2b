"""Each reader on a small archive of the layout that is published."""

import os

import h5py
import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import (
    CatalogError,
    group_ids,
    lesion_pairs,
    read_image,
    split_catalog,
)
from keras_derm.readers import READERS, read_data_source

MONET = [
    "MONET_ulceration_crust", "MONET_hair", "MONET_vasculature_vessels",
    "MONET_erythema", "MONET_pigmented",
    "MONET_gel_water_drop_fluid_dermoscopy_liquid",
    "MONET_skin_markings_pen_ink_purple_pen",
]  # fmt: skip
MILK_CLASSES = [
    "AKIEC",
    "BCC",
    "BEN_OTH",
    "BKL",
    "DF",
    "INF",
    "MAL_OTH",
    "MEL",
    "NV",
    "SCCKA",
    "VASC",
]
CLOSE_UP, OVERVIEW = "clinical: close-up", "clinical: overview"


@pytest.fixture
def archive(tmp_path, write_image):
    """Write the files of an archive: text of tables, and names of images."""

    def write(tables, images=()):
        for name, lines in tables.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join(lines) + "\n")
        for name in images:
            write_image(tmp_path / name)
        return tmp_path

    return write


def one_hot(classes, chosen):
    return ",".join("1.0" if name == chosen else "0.0" for name in classes)


def read(name, root, **options):
    return READERS[name](root, **options).table.set_index("isic_id")


def milk_rows(part, lesions):
    """Metadata of lesions, each of two photographs; ids from the lesion's number."""
    yield (
        "lesion_id,image_type,isic_id,attribution,copyright_license,"
        "image_manipulation,age_approx,sex,skin_tone_class,site," + ",".join(MONET)
    )
    for number, tone in lesions:
        for side, kind in enumerate((CLOSE_UP, "dermoscopic")):
            scores = ",".join(f"0.{side}{i}" for i in range(len(MONET)))
            yield (
                f"IL_{number:07d},{kind},ISIC_{number}{side},MILK,CC-BY-NC,altered,"
                f"70.0,male,{tone},head_neck_face,{scores}"
            )


@pytest.fixture
def milk(archive):
    def images(part, numbers):
        folder = f"MILK10k_{part}_Input"
        return [f"{folder}/IL_{n:07d}/ISIC_{n}{s}.jpg" for n in numbers for s in (0, 1)]

    return archive(
        {
            "MILK10k_Training_Metadata.csv": milk_rows("Training", [(1, 1), (2, 5)]),
            "MILK10k_Training_GroundTruth.csv": [
                "lesion_id," + ",".join(MILK_CLASSES),
                "IL_0000001," + one_hot(MILK_CLASSES, "SCCKA"),
                "IL_0000002," + one_hot(MILK_CLASSES, "INF"),
            ],
            "MILK10k_Training_Supplement.csv": [
                "isic_id,diagnosis_full,diagnosis_confirm_type,"
                "invasion_thickness_interval",
                *(f"ISIC_{n},Keratoacanthoma,histopathology," for n in (10, 11)),
                *(f"ISIC_{n},Psoriasis,histopathology," for n in (20, 21)),
            ],
            "MILK10k_Test_Metadata.csv": milk_rows("Test", [(3, 3)]),
        },
        images("Training", (1, 2)) + images("Test", (3,)),
    )


def test_milk10k(milk):
    table = read("milk10k", milk)
    assert table["diagnosis"].tolist() == ["SCC"] * 2 + ["INF"] * 2 + ["UNK"] * 2
    assert table["benign_malignant"].tolist()[:4] == ["malignant"] * 2 + ["benign"] * 2
    assert table["image_type"].tolist() == [CLOSE_UP, "dermoscopic"] * 3
    assert table["lesion_id"].nunique() == 3
    assert table["skin_tone_label"].tolist() == ["1", "1", "5", "5", "3", "3"]
    assert set(table["skin_tone_scale"]) == {"milk10k"}
    assert set(table["skin_tone_rater"]) == {"not known"}
    assert table["tone_group"].tolist()[::2] == ["dark", "light", "medium"]
    assert table["split"].tolist() == ["train"] * 4 + ["test"] * 2
    assert set(table["split_name"]) == {"milk10k"}
    assert table["MONET_hair"].dtype == float and table["MONET_hair"]["ISIC_11"] == 0.11
    assert table["diagnosis_full"]["ISIC_10"] == "Keratoacanthoma"
    assert table["anatom_site_general"]["ISIC_10"] == "head_neck_face"


def test_milk10k_faults_name_the_table_that_has_them(milk):
    truth = milk / "MILK10k_Training_GroundTruth.csv"
    lines = truth.read_text().splitlines()
    truth.write_text("\n".join([*lines[:2], lines[2].replace("0.0", "1.0", 1)]))
    metadata = milk / "MILK10k_Training_Metadata.csv"
    metadata.write_text(metadata.read_text().replace("70.0", "old", 1))
    age = r"'age_approx' count as not known.*no number: 'old' \(MILK10k_T.*csv, row 2"
    with (
        pytest.warns(UserWarning, match=age),
        pytest.raises(CatalogError) as caught,
    ):
        READERS["milk10k"](milk)
    text = str(caught.value)
    assert "GroundTruth.csv, row 3, column 'AKIEC': must have one 1" in text
    with pytest.warns(UserWarning, match=age):
        table = read("milk10k", milk, skip_bad=True)
    assert table.index.tolist() == ["ISIC_10", "ISIC_11", "ISIC_30", "ISIC_31"]
    assert table["age_approx"].isna().tolist()[:2] == [True, False]
    truth.write_text("\n".join(lines[:2]))
    with pytest.raises(CatalogError, match="'lesion_id': has no row in MILK10k_Tr"):
        READERS["milk10k"](milk)


def test_absent_archive_says_which_files_it_looked_for(tmp_path):
    with pytest.raises(
        CatalogError,
        match=r"MILK10k_Training_Metadata.csv or MILK10k_Test_Metadata.csv under",
    ):
        READERS["milk10k"](tmp_path)


def test_copy_of_a_table_is_read_once_and_one_that_differs_is_refused(milk):
    name, copy = "MILK10k_Training_Supplement.csv", milk / "copy"
    copy.mkdir()
    (copy / name).write_text((milk / name).read_text())
    catalog = read_data_source(f"milk10k:{milk}")
    assert len(catalog) == 6 and f"copy/{name} is a copy of" in str(catalog.notes)
    other = (milk / name).read_text().replace("Psoriasis", "Eczema")
    (copy / name).write_text(other)
    with pytest.raises(
        CatalogError,
        match="Several files match .*Supplement.csv'.* different things of 2 isic_id",
    ):
        READERS["milk10k"](milk)


@pytest.mark.real_data
def test_milk10k_true_archive(shared_data):
    catalog = READERS["milk10k"](shared_data / "milk10k")
    table = catalog.table
    assert len(table) == 6290 and table["lesion_id"].nunique() == 3145
    by_lesion = table.drop_duplicates("lesion_id")
    tones = by_lesion["skin_tone_label"].value_counts().sort_index()
    assert tones.tolist() == [4, 63, 304, 1904, 640, 230]
    assert tones.index.tolist() == list("012345")
    assert by_lesion["diagnosis"].value_counts().to_dict() == {
        "BCC": 1514, "NV": 447, "BKL": 325, "SCC": 284, "MEL": 271, "AK": 182,
        "DF": 30, "INF": 30, "VASC": 29, "BEN_OTH": 27, "MAL_OTH": 6,
    }  # fmt: skip
    assert table["image_type"].value_counts().tolist() == [3145, 3145]
    assert table[MONET].notna().all(axis=None)
    assert len(lesion_pairs(catalog)) == 3145
    splits = split_catalog(catalog).table
    assert splits.groupby("lesion_id")["split"].nunique().max() == 1


def test_mskcc(archive):
    root = archive(
        {
            "metadata.csv": [
                "isic_id,attribution,copyright_license,age_approx,anatom_site_general,"
                "diagnosis_1,diagnosis_3,image_type,lesion_id,patient_id,sex,"
                "fitzpatrick_skin_type",
                "ISIC_1,MSKCC,CC-BY,40,torso,Benign,Nevus,dermoscopic,IL_1,IP_1,male,I",
                "ISIC_2,MSKCC,CC-BY,40,torso,,,dermoscopic,,IP_1,male,I",
                "ISIC_3,MSKCC,CC-BY,50,torso,,,clinical: close-up,,IP_2,female,VI",
            ],
            "s2.csv": [
                "tag_id,patient_id,lesion_id,type,anatomic_site",
                "7,IP_1,IL_1,lesion,upper back",
            ],
            "s3.csv": [
                "tag_id,type,anatomic_site,mst_r1,mst_r2,pantone_r1",
                "7,lesion,upper back,2,3,",
                "9,normal-skin,upper back,1,2,",
            ],
            "s4.csv": [
                "tag_id,type,anatomic_site,l_1,l_2,l_3,a_1,a_2,a_3,b_1,b_2,b_3",
                "9,normal-skin,upper back,65,65,64,14,15,14,11,11,10",
            ],
            "s7.csv": ["isic_id,dermoscopic_type,tag_id,type", "ISIC_2,P-C,9,n"],
        },
        [f"images/ISIC_{number}.jpg" for number in (1, 2, 3)],
    )
    table = read("mskcc", root)
    assert table["diagnosis"].tolist() == ["NV", "UNK", "UNK"]
    assert table["skin_tone_label"].tolist() == ["I", "I", "VI"]
    assert set(table["skin_tone_scale"]) == {"fitzpatrick"}
    assert set(table["skin_tone_rater"]) == {"archive"}
    assert table["image_type"].tolist() == ["dermoscopic"] * 2 + [CLOSE_UP]
    assert table["patient_id"].tolist() == ["IP_1", "IP_1", "IP_2"]
    assert table["monk_r1"].tolist()[:2] == [2, 1] and table["monk_r2"]["ISIC_1"] == 3
    assert table["colorimeter_l"]["ISIC_2"] == pytest.approx((65 + 65 + 64) / 3)
    assert table["colorimeter_b"]["ISIC_2"] == pytest.approx((11 + 11 + 10) / 3)
    assert table["site_type"].tolist()[:2] == ["lesion", "normal-skin"]
    assert table.loc["ISIC_3", ["monk_r1", "colorimeter_a"]].isna().all()
    (root / "s4.csv").write_text("tag_id,type,l_1,a_1,b_1\n9,normal-skin,bright,1,1\n")
    with pytest.warns(UserWarning, match=r"'l_1' count as not.*'bright' \(s4.csv, row"):
        assert read("mskcc", root)["colorimeter_l"].isna().all()
    (root / "s4.csv").unlink()
    with pytest.warns(UserWarning, match="s4.csv is not under"):
        assert read("mskcc", root)["colorimeter_l"].isna().all()


def test_ddi(archive):
    root = archive(
        {
            "ddi_metadata.csv": [
                ",DDI_ID,DDI_file,skin_tone,malignant,disease",
                "0,1,000001.png,56,True,melanoma-in-situ",
                "1,2,000002.png,12,False,acne-cystic",
                "2,3,000003.png,34,False,melanocytic-nevi",
            ]
        },
        ["000001.png", "000002.png", "000003.png"],
    )
    with pytest.warns(UserWarning, match="1 images have in 'disease'.*acne-cystic"):
        table = read("ddi", root)
    assert table.index.tolist() == ["000001", "000002", "000003"]
    assert table["diagnosis"].tolist() == ["MEL", "UNK", "NV"]
    assert table["benign_malignant"].tolist() == ["malignant", "benign", "benign"]
    assert table["skin_tone_label"].tolist() == ["56", "12", "34"]
    assert set(table["skin_tone_scale"]) == {"fitzpatrick_pairs"}
    assert table["tone_group"].tolist() == ["dark", "light", "medium"]
    assert set(table["image_type"]) == {CLOSE_UP}
    csv = root / "ddi_metadata.csv"
    csv.write_text(csv.read_text().replace("True", "yes"))
    with (
        pytest.warns(UserWarning),
        pytest.raises(CatalogError, match="row 2, column 'malignant'.*Received: 'yes'"),
    ):
        READERS["ddi"](root)


def test_pad_ufes20(archive):
    columns = (
        "patient_id,lesion_id,smoke,drink,background_father,background_mother,age,"
        "pesticide,gender,skin_cancer_history,cancer_history,has_piped_water,"
        "has_sewage_system,fitspatrick,region,diameter_1,diameter_2,diagnostic,itch,"
        "grew,hurt,changed,bleed,elevation,img_id,biopsed"
    )
    root = archive(
        {
            "metadata.csv": [
                columns,
                "PAT_46,881,False,False,POMERANIA,POMERANIA,55,False,FEMALE,True,True,"
                "True,True,3.0,NECK,6.0,5.0,ACK,True,False,False,UNK,True,True,"
                "PAT_46_881_14.png,True",
                "PAT_9,17,,,,,80,,,,,,,,FACE,,,SEK,False,False,False,False,False,False,"
                "PAT_9_17_80.png,False",
            ]
        },
        [
            "images/imgs_part_1/PAT_46_881_14.png",
            "images/imgs_part_3/PAT_9_17_80.png",
        ],
    )
    table = read("pad_ufes20", root)
    assert table["diagnosis"].tolist() == ["AK", "BKL"]
    assert table["patient_id"].tolist() == ["PAT_46", "PAT_9"]
    assert table["skin_tone_label"].isna().tolist() == [False, True]
    first = table.loc["PAT_46_881_14"]
    assert first["skin_tone_label"] == "III" and first["sex"] == "female"
    assert first["skin_tone_scale"] == "fitzpatrick" and first["image_type"] == CLOSE_UP
    assert first["diameter_2"] == 5 and first["lesion_id"] == "881"
    assert pd.isna(table["skin_tone_scale"]["PAT_9_17_80"])
    csv = root / "metadata.csv"
    csv.write_text(csv.read_text().replace(",3.0,", ",7.0,").replace(",SEK,", ",MM,"))
    with (
        pytest.warns(UserWarning, match=r"'fitspatrick'.*'7.0' \(metadata.csv, row 2"),
        pytest.raises(CatalogError, match="row 3, column 'diagnostic'"),
    ):
        READERS["pad_ufes20"](root)


@pytest.fixture
def scin(archive):
    grades = ",".join(
        f"dermatologist_{name}_{number}"
        for number in (1, 2, 3)
        for name in (
            "gradable_for_fitzpatrick_skin_type",
            "fitzpatrick_skin_type_label",
        )
    )
    yes = "DEFAULT_YES_IMAGE_QUALITY_SUFFICIENT"
    return archive(
        {
            "dataset/scin_cases.csv": [
                "case_id,source,release,year,age_group,sex_at_birth,"
                "fitzpatrick_skin_type,image_1_path,image_2_path,image_3_path,"
                "image_1_shot_type,image_2_shot_type,image_3_shot_type",
                "-11,SCIN,1.0.0,2023,AGE_18_TO_29,FEMALE,FST1,dataset/images/-1.png,"
                "dataset/images/2.png,,CLOSE_UP,AT_DISTANCE,",
                "12,SCIN,1.0.0,2023,AGE_UNKNOWN,MALE,FST5,dataset/images/3.png,,,"
                "AT_AN_ANGLE,,",
                "13,SCIN,1.0.0,2023,AGE_UNKNOWN,,NONE_IDENTIFIED,"
                "dataset/images/4.png,,,,,",
            ],
            "dataset/scin_labels.csv": [
                f"case_id,{grades},monk_skin_tone_label_india,monk_skin_tone_label_us,"
                "weighted_skin_condition_label",
                f"-11,{yes},FST3,{yes},FST4,NO_QUALITY,FST6,3,2,\"{{'Eczema': 0.4, "
                "'Seborrheic keratosis': 0.6}\"",
                "12,NO,,NO,,NO,,,9,\"{'Eczema': 1.0}\"",
                "13,,,,,,,,,{}",
            ],
        },
        [f"dataset/images/{number}.png" for number in (-1, 2, 3, 4)],
    )


def test_scin(scin):
    table = read("scin", scin)
    assert table.index.tolist() == ["-1", "2", "3", "4"]
    assert table["lesion_id"].tolist() == ["-11", "-11", "12", "13"]
    assert table["diagnosis"].tolist() == ["BKL", "BKL", "UNK", "UNK"]
    # The lighter of III and IV: the third could not grade it.
    assert table["skin_tone_label"].tolist()[:3] == ["III", "III", "V"]
    assert table["skin_tone_rater"].tolist()[1:3] == ["dermatologists", "self-report"]
    assert table["self_reported_fitzpatrick"]["-1"] == "I"
    assert table.loc["4", ["skin_tone_label", "skin_tone_scale"]].isna().all()
    assert table["image_type"].tolist()[:3] == [CLOSE_UP, OVERVIEW, CLOSE_UP]
    assert table["monk_skin_tone_label_us"].tolist()[:3] == [2, 2, 9]
    labels = scin / "dataset/scin_labels.csv"
    labels.write_text(labels.read_text().replace("{}", "eczema"))
    with pytest.raises(CatalogError, match="scin_labels.csv, row 4, column 'weighted_"):
        READERS["scin"](scin)


@pytest.fixture
def passion(archive):
    return archive(
        {
            "label.csv": [
                "subject_id,country,age,sex,fitzpatrick,body_loc,impetig,"
                "conditions_PASSION",
                "AA00970054,Malawi,4,m,5,Face,1,Eczema",
                "AA00970055,Guinea,30,f,6,Arm,0,Others",
            ],
            "PASSION_split.csv": [
                "subject_id,Split",
                "AA00970054,TRAIN",
                "AA00970055,TEST",
            ],
        },
        [
            "images/AA00970054_1.jpg",
            "images/AA00970054_2.jpg",
            "images/AA00970055_1.jpg",
        ],
    )


def test_passion(passion):
    table = read("passion", passion)
    assert table["diagnosis"].tolist() == ["INF", "INF", "UNK"]
    assert table["patient_id"].tolist() == ["AA00970054"] * 2 + ["AA00970055"]
    assert table["skin_tone_label"].tolist() == ["V", "V", "VI"]
    assert table["sex"].tolist() == ["male", "male", "female"]
    assert table["split"].tolist() == ["train", "train", "test"]
    assert set(table["split_name"]) == {"passion"}
    assert set(table["image_type"]) == {CLOSE_UP}
    assert table["impetig"].tolist() == ["1", "1", "0"]


def test_passion_photograph_of_nobody_and_subject_without_photograph(
    passion, write_image
):
    (passion / "images/AA00970055_1.jpg").rename(passion / "images/BB_1.jpg")
    with (
        pytest.warns(UserWarning, match="1 subject.*no photograph: AA00970055"),
        pytest.raises(CatalogError, match=r"BB_1.jpg, column 'subject_id': has no row"),
    ):
        READERS["passion"](passion)


def test_isic2017(archive):
    parts = {"Training": "0.0,0.0", "Validation": "1.0,0.0", "Test_v2": "0.0,1.0"}
    tables, images = {}, []
    for number, (part, truth) in enumerate(parts.items()):
        name = f"ISIC_000000{number}"
        tables[f"ISIC-2017_{part}_Part3_GroundTruth.csv"] = [
            "image_id,melanoma,seborrheic_keratosis", f"{name},{truth}",
        ]  # fmt: skip
        tables[f"ISIC-2017_{part}_Data_metadata.csv"] = [
            "image_id,age_approximate,sex", f"{name},unknown,female",
        ]  # fmt: skip
        images += [
            f"ISIC-2017_{part}_Data/{name}.jpg",
            f"ISIC-2017_{part}_Data/{name}_superpixels.png",
            f"ISIC-2017_{part}_Part1_GroundTruth/{name}_segmentation.png",
        ]
    root = archive(tables, images)
    table = read("isic2017", root)
    assert table["diagnosis"].tolist() == ["NV", "MEL", "BKL"]
    assert table["split"].tolist() == ["train", "val", "test"]
    assert set(table["split_name"]) == {"isic2017"}
    assert set(table["image_type"]) == {"dermoscopic"}
    assert table["age_approx"].isna().all() and set(table["sex"]) == {"female"}
    assert table["mask_path"].notna().all()
    assert table["path"].str.endswith(".jpg").all()
    csv = root / "ISIC-2017_Test_v2_Part3_GroundTruth.csv"
    csv.write_text("image_id,melanoma,seborrheic_keratosis\nISIC_0000002,1.0,1.0\n")
    with pytest.raises(CatalogError, match="Test_v2.*row 2.*at most one 1.*'1.0,1.0'"):
        READERS["isic2017"](root)


TASK_3 = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]


@pytest.fixture
def isic2018(archive):
    folder = "ISIC2018_Task3_{}_GroundTruth"
    tables = {
        f"{folder}/{folder}.csv".replace("{}", part): [
            "image," + ",".join(TASK_3),
            *(f"{name},{one_hot(TASK_3, chosen)}" for name, chosen in rows.items()),
        ]
        for part, rows in {
            "Training": {"ISIC_1": "AKIEC", "ISIC_2": "NV"},
            "Validation": {"ISIC_3": "VASC"},
            "Test": {"ISIC_4": "MEL"},
        }.items()
    }
    tables["ISIC2018_Task3_Training_LesionGroupings.csv"] = [
        "image,lesion_id,diagnosis_confirm_type",
        "ISIC_1,HAM_1,histopathology",
        "ISIC_2,HAM_1,follow up",
    ]
    parts = {1: "Training", 2: "Training", 3: "Validation", 4: "Test"}
    images = [f"ISIC2018_Task3_{p}_Input/ISIC_{n}.jpg" for n, p in parts.items()]
    return archive(tables, images)


def test_isic2018_task_3(isic2018):
    table = read("isic2018", isic2018)
    assert table["diagnosis"].tolist() == ["AK", "NV", "VASC", "MEL"]
    assert table["split"].tolist() == ["train", "train", "val", "test"]
    assert table["lesion_id"].tolist()[:2] == ["HAM_1", "HAM_1"]
    assert table["lesion_id"].isna().tolist()[2:] == [True, True]
    assert set(table["image_type"]) == {"dermoscopic"}
    (isic2018 / "ISIC2018_Task3_Training_LesionGroupings.csv").unlink()
    with pytest.warns(UserWarning, match="LesionGroupings.csv is not under"):
        READERS["isic2018"](isic2018)


def test_isic2018_task_1_alone_and_beside_task_3(isic2018, archive, tmp_path):
    images = [
        "ISIC2018_Task1-2_Training_Input/ISIC_0000000.jpg",
        "ISIC2018_Task1-2_Validation_Input/ISIC_0000001.jpg",
        "ISIC2018_Task1_Training_GroundTruth/ISIC_0000000_segmentation.png",
        "ISIC2018_Task2_Training_GroundTruth/ISIC_0000000_attribute_streaks.png",
    ]
    table = read("isic2018", archive({}, images))
    assert table["diagnosis"].tolist()[4:] == ["UNK", "UNK"]
    assert table["split"].tolist()[4:] == ["train", "val"]
    for file in tmp_path.rglob("*Task3*.csv"):
        file.unlink()
    table = read("isic2018", tmp_path)
    assert table.index.tolist() == ["ISIC_0000000", "ISIC_0000001"]
    assert table["mask_path"].notna().tolist() == [True, False]
    assert set(table["split_name"]) == {"isic2018"}


KAGGLE = (
    "isic_id,target,patient_id,age_approx,sex,anatom_site_general,"
    "clin_size_long_diam_mm,image_type,tbp_tile_type,tbp_lv_Bext,tbp_lv_Lext,"
    "attribution,copyright_license,lesion_id,iddx_full"
)


@pytest.fixture
def isic2024(archive):
    return archive(
        {
            "train-metadata.csv": [
                KAGGLE,
                "ISIC_1,0,IP_1,60,male,torso,3.5,TBP tile: close-up,3D: XP,20.1,60.5,"
                "MSK,CC-BY,,Benign",
                "ISIC_2,1,IP_1,60,male,torso,4,TBP tile: close-up,3D: XP,21,61,MSK,"
                "CC-BY,IL_2,Malignant::Malignant melanocytic proliferations "
                "(Melanoma)::Melanoma in situ",
            ]
        }
    )


def test_isic2024_folder_and_test_part(isic2024, archive, write_image):
    for number in (1, 2):
        write_image(isic2024 / f"train-image/image/ISIC_{number}.jpg")
    archive(
        {"test-metadata.csv": [
            "isic_id,patient_id,age_approx,sex,anatom_site_general",
            "ISIC_3,IP_2,50,female,torso",
        ]},
        ["test-image/ISIC_3.jpg"],
    )  # fmt: skip
    table = read("isic2024", isic2024)
    assert table["diagnosis"].tolist() == ["UNK", "MEL", "UNK"]
    assert table["benign_malignant"].tolist()[:2] == ["benign", "malignant"]
    assert pd.isna(table["benign_malignant"]["ISIC_3"])
    assert table["patient_id"].tolist() == ["IP_1", "IP_1", "IP_2"]
    assert set(table["image_type"]) == {"TBP tile: close-up"}
    assert table["split"].tolist() == ["train", "train", "test"]
    assert table["tbp_lv_Lext"].tolist()[:2] == [60.5, 61]


def fill_container(path, root, write_image, numbers=(1, 2)):
    with h5py.File(path, "w") as file:
        for number in numbers:
            image = write_image(root / "made" / f"{number}.jpg", seed=number)
            file[f"ISIC_{number}"] = np.void(image.read_bytes())
            image.unlink()


def test_isic2024_container_is_unpacked_once(isic2024, write_image, capsys):
    fill_container(isic2024 / "train-image.hdf5", isic2024, write_image)
    catalog = READERS["isic2024"](isic2024)
    assert "2 photographs of" in capsys.readouterr().out
    folder = isic2024 / "train-image"
    assert catalog.paths == [str(folder / f"ISIC_{number}.jpg") for number in (1, 2)]
    first, second = (folder / f"ISIC_{number}.jpg" for number in (1, 2))
    second.unlink()  # as if it had been stopped here
    stamp = first.stat().st_mtime_ns
    assert len(READERS["isic2024"](isic2024)) == 2
    assert "1 photographs of" in capsys.readouterr().out
    assert first.stat().st_mtime_ns == stamp
    assert len(READERS["isic2024"](isic2024)) == 2
    assert "photographs of" not in capsys.readouterr().out


def test_isic2024_of_a_folder_without_leave_goes_to_the_cache(
    isic2024, write_image, tmp_path, monkeypatch
):
    fill_container(isic2024 / "train-image.hdf5", isic2024, write_image)
    cache = tmp_path / ".cache"
    monkeypatch.setenv("KERAS_DERM_CACHE", str(cache))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert all(
        path.startswith(str(cache)) for path in READERS["isic2024"](isic2024).paths
    )
    fill_container(isic2024 / "train-image.hdf5", isic2024, write_image, (1,))
    with pytest.raises(CatalogError, match="row 3, column 'path': file is missing"):
        READERS["isic2024"](isic2024)


def test_isic2024_as_the_isic_gives_it(archive):
    root = archive(
        {
            "ISIC_2024_Training_GroundTruth.csv": ["isic_id,target", "ISIC_1,1.0"],
            "ISIC_2024_Training_Supplement.csv": [
                "isic_id,patient_id,iddx_full",
                "ISIC_1,IP_1,Malignant::Basal cell carcinoma",
            ],
        },
        ["ISIC_2024_Training_Input/ISIC_1.jpg"],
    )
    row = read("isic2024", root).loc["ISIC_1"]
    assert row["diagnosis"] == "BCC" and row["benign_malignant"] == "malignant"
    assert row["patient_id"] == "IP_1"


def test_bcn20000(archive):
    columns = (
        "bcn_filename,age_approx,anatom_site_general,diagnosis,lesion_id,capture_date,"
        "sex,split"
    )
    root = archive(
        {
            "bcn_20k_train.csv": [
                columns,
                "BCN_0000000001.jpg,55,anterior torso,MEL,BCN_0003884,2012-05-16,male,"
                "train",
            ],
            "bcn_20k_test.csv": [
                columns,
                "BCN_0000000002.jpg,,,OOD,BCN_0003885,2013-05-16,female,test",
            ],
        },
        [
            "BCN_20k_train/bcn_20k_train/BCN_0000000001.jpg",
            "BCN_20k_test/bcn_20k_test/BCN_0000000002.jpg",
        ],
    )
    table = read("bcn20000", root)
    assert table["diagnosis"].tolist() == ["MEL", "UNK"]
    assert table["lesion_id"].tolist() == ["BCN_0003884", "BCN_0003885"]
    assert table["split"].tolist() == ["train", "test"]
    assert table["capture_date"]["BCN_0000000001"] == "2012-05-16"
    assert set(table["image_type"]) == {"dermoscopic"}
    (root / "bcn_20k_train.csv").unlink()
    assert len(read("bcn20000", root)) == 1


@pytest.fixture
def derm7pt(archive):
    return archive(
        {
            "meta/meta.csv": [
                "case_num,diagnosis,seven_point_score,pigment_network,streaks,"
                "pigmentation,regression_structures,dots_and_globules,"
                "blue_whitish_veil,vascular_structures,"
                "level_of_diagnostic_difficulty,elevation,location,sex,management,"
                "clinic,derm,case_id,notes",
                "1,melanoma (0.76 to 1.5 mm),4,atypical,absent,absent,absent,absent,"
                "present,absent,medium,flat,back,female,excision,NEL/Nel026.jpg,"
                "NEL/Nel025.jpg,,",
                "2,clark nevus,0,typical,absent,absent,absent,regular,absent,absent,"
                "low,flat,back,male,no further examination,GDL/026.jpg,GDL/025.jpg,,",
                "3,lentigo,0,typical,absent,absent,absent,regular,absent,absent,low,"
                "flat,back,male,no further examination,FAL/026.jpg,FAL/025.jpg,,",
            ],
            "meta/train_indexes.csv": ["indexes", "0"],
            "meta/valid_indexes.csv": ["indexes", "2"],
            "meta/test_indexes.csv": ["indexes", "1"],
        },
        [
            *("images/NEL/NEL025.jpg", "images/NEL/NEL026.JPG"),
            *("images/GDL/025.jpg", "images/GDL/026.jpg"),
            *("images/FAL/025.jpg", "images/FAL/026.jpg"),
        ],
    )


def test_derm7pt(derm7pt):
    with pytest.warns(UserWarning, match="'lentigo' 2"):
        catalog = READERS["derm7pt"](derm7pt)
    table = catalog.table
    assert table["diagnosis"].tolist() == ["MEL"] * 2 + ["NV"] * 2 + ["UNK"] * 2
    assert table["image_type"].tolist() == ["dermoscopic", CLOSE_UP] * 3
    assert table["split"].tolist() == ["train"] * 2 + ["test"] * 2 + ["val"] * 2
    assert set(table["split_name"]) == {"derm7pt"}
    assert table["lesion_id"].tolist() == ["1", "1", "2", "2", "3", "3"]
    assert table["path"][2] == "images/GDL/025.jpg"
    assert table["path"][4] == "images/FAL/025.jpg"
    assert table["isic_id"].is_unique and table["seven_point_score"][0] == 4
    pairs = lesion_pairs(catalog)
    assert pairs["lesion_id"].tolist() == ["1", "2", "3"]
    assert pairs["first_row"].tolist() == [0, 2, 4]
    assert pairs["second_row"].tolist() == [1, 3, 5]
    (derm7pt / "meta/test_indexes.csv").write_text("indexes\n3\n")
    with pytest.raises(
        CatalogError, match=r"test_indexes.csv.*0 to 2. Received: \['3'"
    ):
        READERS["derm7pt"](derm7pt)


PH2_COLUMNS = [
    "Image Name", "Histological Diagnosis", "Common Nevus", "Atypical Nevus",
    "Melanoma", "Asymmetry", "Pigment Network", "Dots/Globules", "Streaks",
    "Regression Areas", "Blue-Whitish Veil", "White", "Red", "Light-Brown",
    "Dark-Brown", "Blue-Gray", "Black",
]  # fmt: skip
PH2_ROWS = [
    ["IMD003", None, "X", None, None, 0, "T", "A", "A", "A", "A", *[None] * 6],
    ["IMD020", None, None, "X", None, 1, "AT", "T", "A", "A", "A", "X", *[None] * 5],
    ["IMD058", "Melanoma", None, None, "X", 2, "AT", "AT", "P", "P", "P", *[None] * 6],
]


@pytest.fixture
def ph2(archive, write_image):
    root = archive({})
    for name, *_ in PH2_ROWS:
        folder = root / "PH2 Dataset images" / name
        write_image(folder / f"{name}_Dermoscopic_Image" / f"{name}.bmp")
        write_image(folder / f"{name}_lesion" / f"{name}_lesion.bmp")
        write_image(folder / f"{name}_roi" / f"{name}_R1_Label3.bmp")
    return root


def test_ph2_spreadsheet(ph2):
    lines = [[None] * len(PH2_COLUMNS) for _ in range(12)]
    lines[0][0] = "PH2 dataset"
    pd.DataFrame([*lines, PH2_COLUMNS, *PH2_ROWS]).to_excel(
        ph2 / "PH2_dataset.xlsx", header=False, index=False
    )
    check_ph2(READERS["ph2"](ph2))
    lines = [*lines, PH2_COLUMNS, PH2_ROWS[0], ["IMD020", None, "X", "X", *[None] * 13]]
    pd.DataFrame(lines).to_excel(ph2 / "PH2_dataset.xlsx", header=False, index=False)
    with pytest.raises(CatalogError, match="PH2_dataset.xlsx, row 15.*one 1"):
        READERS["ph2"](ph2)


def test_ph2_text(ph2):
    names = [
        "Name", "Histological Diagnosis", "Clinical Diagnosis", "Asymmetry",
        "Pigment Network", "Dots/Globules", "Streaks", "Regression Areas",
        "Blue-Whitish Veil", "Colors",
    ]  # fmt: skip
    rows = [
        [row[0], row[1] or "", str(kind), *map(str, row[5:11]), "4"]
        for kind, row in enumerate(PH2_ROWS)
    ]
    lines = ["|| " + " || ".join(row) + " ||" for row in (names, *rows)]
    (ph2 / "PH2_dataset.txt").write_text("\n".join([*lines, "", "Legend: ..."]))
    check_ph2(READERS["ph2"](ph2))


def check_ph2(catalog):
    table = catalog.table
    assert table["isic_id"].tolist() == ["IMD003", "IMD020", "IMD058"]
    assert table["diagnosis"].tolist() == ["NV", "NV", "MEL"]
    assert table["atypical_nevus"].tolist() == [False, True, False]
    assert table["path"][0].endswith("IMD003_Dermoscopic_Image/IMD003.bmp")
    assert table["mask_path"][0].endswith("IMD003_lesion/IMD003_lesion.bmp")
    assert set(table["image_type"]) == {"dermoscopic"}
    assert table["Pigment Network"].tolist() == ["T", "AT", "AT"]
    assert not table["plain_rgb"].any()  # TensorFlow gets bitmaps from Pillow


def test_midas(archive, tmp_path):
    columns = [
        "midas_record_id", "midas_file_name", "midas_iscontrol", "midas_distance",
        "midas_location", "midas_path", "midas_pathreport", "midas_gender", "midas_age",
        "midas_fitzpatrick", "midas_melanoma", "clinical_impression_1", "length_(mm)",
    ]  # fmt: skip
    person = ["male", 60, "ii fair skin, blue eyes", "yes", "melanoma", 5.5]
    rows = [
        [1, "s-prd-1.jpeg", "no", "dscope", "back", "malignant- melanoma", "", *person],
        [1, "s-prd-2.jpeg", "no", "6in", "back", "malignant- melanoma", "", *person],
        [1, "s-prd-3.jpg", "yes", "1ft", "arm", "benign-fibrous papule", "", *person],
        [2, "s-prd-4.jpg", "no", "n/a - virtual", "arm", None, "", *person],
        [2, None, "no", "n/a - virtual", "arm", None, "", *person],
    ]
    pd.DataFrame(rows, columns=columns).to_excel(tmp_path / "release_midas.xlsx")
    archive({}, [f"s-prd-{number}.jpg" for number in (1, 2, 3, 4)])
    with pytest.warns(UserWarning, match="1 row.*name no photograph.*line 6"):
        table = read("midas", tmp_path)
    assert table.index.tolist() == [f"s-prd-{number}" for number in (1, 2, 3, 4)]
    assert table["diagnosis"].tolist() == ["MEL", "MEL", "BEN_OTH", "UNK"]
    assert table["image_type"].tolist()[:3] == ["dermoscopic", CLOSE_UP, OVERVIEW]
    assert pd.isna(table["image_type"]["s-prd-4"])
    assert set(table["skin_tone_label"]) == {"II"}
    assert set(table["skin_tone_scale"]) == {"fitzpatrick"}
    assert table["patient_id"].tolist() == ["1", "1", "1", "2"]
    assert table["age_approx"].tolist() == [60] * 4


def test_fitzpatrick17k_is_clinical_and_labelled_by_a_crowd(archive):
    root = archive(
        {
            "fitzpatrick17k.csv": [
                "md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,"
                "nine_partition_label,three_partition_label,qc,url,url_alphanum",
                "aa,3,3,melanoma,malignant melanoma,malignant,,http,httpaa.jpg",
                "bb,-1,-1,psoriasis,inflammatory,non-neoplastic,,http,httpbb.jpg",
            ]
        },
        ["aa.jpg", "images/httpbb.jpg"],
    )
    with pytest.warns(UserWarning, match="psoriasis"):
        table = read("fitzpatrick17k", root)
    assert table["skin_tone_label"].tolist()[0] == "III"
    assert table["skin_tone_rater"].tolist()[0] == "crowd annotators"
    assert table.loc["bb", ["skin_tone_label", "skin_tone_rater"]].isna().all()
    assert table["path"].tolist() == ["aa.jpg", "images/httpbb.jpg"]
    assert set(table["image_type"]) == {CLOSE_UP}


def test_ham10000_table_of_dataverse(archive):
    root = archive(
        {
            "HAM10000_metadata.tab": [
                "lesion_id\timage_id\tdx\tdx_type\tage\tsex\tlocalization\tdataset",
                '"HAM_1"\t"ISIC_0000001"\t"mel"\t"histo"\t80.0\t"male"\t"scalp"\t'
                '"vidir_modern"',
            ]
        },
        ["HAM10000_images_part_1/ISIC_0000001.jpg"],
    )
    row = read("ham10000", root).loc["ISIC_0000001"]
    assert row["diagnosis"] == "MEL" and row["image_type"] == "dermoscopic"
    assert row["dataset"] == "vidir_modern"


@pytest.mark.parametrize("suffix", [".bmp", ".tif", ".webp"])
def test_no_image_format_is_dropped(tmp_path, write_image, suffix):
    write_image(tmp_path / "NV" / f"a{suffix}")
    catalog = READERS["folder"](tmp_path)
    assert catalog.table["path"].tolist() == [f"NV/a{suffix}"]
    assert not catalog.table["plain_rgb"].any()
    assert read_image(catalog.paths[0]).shape == (18, 24, 3)


def test_folder_of_parts(tmp_path, write_image):
    for part in ("train", "test"):
        for kind in ("benign", "malignant"):
            write_image(tmp_path / part / kind / "1.jpg")
    table = READERS["folder"](tmp_path).table
    assert table["benign_malignant"].tolist() == ["benign", "malignant"] * 2
    assert table["split"].tolist() == ["test"] * 2 + ["train"] * 2
    assert table["isic_id"].is_unique


def test_pipe_and_damaged_jpeg_are_faults_and_a_link_is_followed(tmp_path, write_image):
    elsewhere = write_image(tmp_path / "elsewhere/linked.jpg")
    root = tmp_path / "archive"
    whole = write_image(root / "nevus/whole.jpg", size=(200, 150)).read_bytes()
    (root / "nevus/cut.jpg").write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    os.mkfifo(root / "nevus/pipe.jpg")
    (root / "nevus/linked.jpg").symlink_to(elsewhere)
    (root / "nevus/equal.jpg").write_bytes(whole)
    with pytest.raises(CatalogError, match="--skip-bad") as caught:
        READERS["folder"](root)
    causes = caught.value.faults.set_index("isic_id")["cause"]
    assert sorted(causes.index) == ["cut", "pipe"]
    assert "truncated or damaged" in causes["cut"]
    assert "no regular file" in causes["pipe"]
    catalog = READERS["folder"](root, skip_bad=True)
    assert len(catalog.skipped) == 2
    table = catalog.table.set_index("isic_id")
    assert sorted(table.index) == ["equal", "linked", "whole"]
    assert table["content_hash"]["equal"] == table["content_hash"]["whole"]
    joined = read_data_source([f"folder:{root}", f"folder:{root}"], skip_bad=True)
    assert group_ids(joined).tolist()[:3] == group_ids(joined).tolist()[3:]

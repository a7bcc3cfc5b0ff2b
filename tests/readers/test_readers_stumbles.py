"""What people's archives are like in truth: each is read, or told with a way out."""

import os
import shutil
import time
import zipfile

import pandas as pd
import pytest

from keras_derm.catalog import CatalogError
from keras_derm.readers import read_data_source

METADATA = "isic_id,diagnosis,age_approx,sex\n"
ROWS = "ISIC_1,nevus,40,male\nISIC_2,melanoma,85,female\n"


@pytest.fixture
def isic(tmp_path, write_image):
    """Give a metadata.csv of two photographs in the bytes it is saved in."""
    for name in ("ISIC_1", "ISIC_2"):
        write_image(tmp_path / f"images/{name}.jpg")

    def save(content, name="metadata.csv"):
        content = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(content)
        return f"isic_archive:{tmp_path}"

    return save


def refusal(source, **options):
    with pytest.raises(CatalogError) as caught:
        read_data_source(source, **options)
    return str(caught.value)


SAVED = {
    "semicolons": (METADATA + ROWS).replace(",", ";").encode(),
    "tabs": (METADATA + ROWS).replace(",", "\t").encode(),
    "UTF-16": (METADATA + ROWS).encode("utf-16"),
    "UTF-8 with a mark": (METADATA + ROWS).encode("utf-8-sig"),
    "Windows-1252": (METADATA + ROWS).replace("male", "männlich").encode("cp1252"),
    "lines of Windows": (METADATA + ROWS).replace("\n", "\r\n").encode(),
    "lines of old Macs": (METADATA + ROWS).replace("\n", "\r").encode(),
    "empty lines above": b"\n\n" + (METADATA + ROWS).encode(),
    "commas at the end": (METADATA + ROWS).replace("\n", ",\n").encode(),
    "an index": b","
    + METADATA.encode()
    + b"0,ISIC_1,nevus,40,m\n1,ISIC_2,melanoma,85,f",
    "decimal commas": (METADATA + ROWS)
    .replace(",", ";")
    .replace("40", "40,0")
    .encode(),
}


@pytest.mark.parametrize("how", SAVED)
def test_table_is_read_however_it_was_saved(isic, how):
    table = read_data_source(isic(SAVED[how])).table
    assert table["isic_id"].tolist() == ["ISIC_1", "ISIC_2"]
    assert table["diagnosis"].tolist() == ["NV", "MEL"]
    assert table["age_approx"].tolist() == [40, 85]


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "metadata.csv is not a readable csv: it is empty. Received: 0 bytes"),
        (METADATA, "metadata.csv has no row"),
        (b"\x89PNG\r\n\x1a\n\0\0", "zero bytes, which no csv does: save it as csv"),
        (b"isic_id,\x81\x8d\nISIC_1,nevus\n", "is not text in UTF-8, UTF-16 or Win"),
        (METADATA + 'ISIC_1,"nevus,40,m\n', "not a readable csv: save it .* UTF-8"),
        (METADATA + "ISIC_1,a, b,nevus,40,m\n", "line 2 has 6 fields.*double quotes"),
        (METADATA + ROWS + "ISIC_2,nevus,4,m,x\n", "more fields than the.*: line 4"),
        ("isic_id,sex,sex\nISIC_1,m,f\n", r"a column more than once.*\['sex'\]"),
    ],
)
def test_table_that_cannot_be_read_says_how_to_save_it(isic, content, said):
    message = refusal(isic(content))
    assert "Received: " in message
    with pytest.raises(CatalogError, match=said):
        raise CatalogError(message.replace("\n", " "))


def test_pipe_called_like_a_table_is_refused_and_not_waited_for(isic, tmp_path):
    source = isic("")
    (tmp_path / "metadata.csv").unlink()
    os.mkfifo(tmp_path / "metadata.csv")
    message = refusal(source)
    assert "metadata.csv is no regular file" in message
    assert "save the table as a file. Received: 'metadata.csv'" in message


LAST_ROW, STRING_9 = b'<row r="3">', b'<row r="3"><c r="A3" t="s"><v>9</v></c></row>'


@pytest.fixture
def spreadsheet(isic, tmp_path):
    """Give a metadata.xlsx of which a part is changed, as a data source."""

    def save(part, change):
        rows = [line.split(",") for line in (METADATA + ROWS).splitlines()]
        pd.DataFrame(rows[1:], columns=rows[0]).to_excel(
            tmp_path / "t", index=False, engine="openpyxl"
        )
        with zipfile.ZipFile(tmp_path / "t") as sound:
            parts = {name: sound.read(name) for name in sound.namelist()}
        path = tmp_path / "metadata.xlsx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            for name, content in parts.items():
                file.writestr(name, change(content) if part in name else content)
        return f"table:{path},root=images"

    return save


def test_spreadsheet_that_unpacks_to_what_fills_the_memory_is_refused(
    spreadsheet, tmp_path
):
    table = read_data_source(spreadsheet("sheet1", lambda sheet: sheet)).table
    assert table["diagnosis"].tolist() == ["NV", "MEL"]
    message = refusal(spreadsheet("sheet1", lambda sheet: sheet + bytes(310_000_000)))
    assert (tmp_path / "metadata.xlsx").stat().st_size < 3_000_000
    assert "metadata.xlsx unpacks to 310," in message
    assert "save it as csv" in message and message.endswith(" bytes")


def test_spreadsheet_that_names_a_column_twice_is_refused(isic, tmp_path):
    rows = [line.split(",") for line in (METADATA + ROWS).splitlines()]
    rows = [[*row, row[-1]] for row in rows]
    pd.DataFrame(rows).to_excel(tmp_path / "metadata.xlsx", index=False, header=False)
    message = refusal(f"table:{tmp_path / 'metadata.xlsx'},root=images")
    assert "metadata.xlsx: the header names a column more than once" in message


def test_spreadsheet_with_a_cell_far_away_is_refused(spreadsheet):
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    message = refusal(
        spreadsheet("sheet1", lambda sheet: sheet.replace(b"</sheetData>", far))
    )
    assert "metadata.xlsx: the table has more than 10,000,000 cells: delete" in message
    assert message.endswith("Received: 16,384 columns in row 1,048,576")


@pytest.mark.parametrize(
    "part, change",
    [
        ("sheet1", lambda sheet: sheet[: len(sheet) // 2]),
        ("sheet1", lambda sheet: sheet.replace(LAST_ROW, STRING_9 + LAST_ROW)),
        ("styles", lambda styles: b"<"),
        ("workbook.xml", lambda book: b"<x/>"),
    ],
)
def test_damaged_spreadsheet_says_how_to_save_it(spreadsheet, part, change):
    message = refusal(spreadsheet(part, change))
    assert "metadata.xlsx is not a readable spreadsheet (" in message
    assert "save it as csv" in message and "Received: 'metadata.xlsx'" in message


@pytest.mark.parametrize(
    "name",
    [
        "ISIC_1.jpg",
        "ISIC_1.JPEG",
        " ISIC_1 ",
        "isic_1",
        "images/ISIC_1.jpg",
        "images\\ISIC_1.jpg",
        "D:\\download\\images\\ISIC_1.jpg",
    ],
)
def test_photograph_is_found_however_the_table_names_it(isic, name):
    catalog = read_data_source(isic(METADATA + ROWS.replace("ISIC_1", name)))
    assert [path.rsplit("/", 1)[1] for path in catalog.paths] == [
        "ISIC_1.jpg",
        "ISIC_2.jpg",
    ]
    assert catalog.table["isic_id"][0].upper() == "ISIC_1"


def test_backslashes_in_the_names_of_files_are_folders(tmp_path, write_image):
    for name in ("MEL\\a.jpg", "nevi\\b.jpg", "nevi\\deeper\\c.jpg"):
        write_image(tmp_path / "all" / name)
    table = read_data_source(f"folder:{tmp_path}/all").table.set_index("isic_id")
    assert table["diagnosis"].to_dict() == {"a": "MEL", "b": "NV", "c": "NV"}


def test_ids_that_differ_in_case_alone_are_one_photograph(isic):
    message = refusal(isic(METADATA + ROWS + "isic_2,melanoma,85,female\n"))
    assert "row 4, column 'isic_id': double id" in message and "'isic_2'" in message
    assert "upper and lower case alone" in message


@pytest.mark.parametrize("age", ["-5", "inf", "-inf", "1e9", "121"])
def test_age_that_nobody_has_is_refused(isic, age):
    message = refusal(isic(METADATA + ROWS.replace("85", age)))
    assert "metadata.csv, row 3, column 'age_approx': must be years" in message


def test_side_field_that_cannot_be_read_is_not_known_and_told(isic):
    rows = ROWS.replace("85", "85+").replace("male\n", "male,VII\n", 1)
    source = isic(METADATA.strip() + ",fitzpatrick_skin_type\n" + rows)
    with pytest.warns(UserWarning) as said:
        catalog = read_data_source(source)
    assert catalog.table["age_approx"].isna().tolist() == [False, True]
    assert catalog.table["skin_tone_label"].isna().all()
    told = " ".join(str(one.message) for one in said)
    assert "'age_approx' count as not known" in told and "'85+' (metadata.csv" in told
    assert "'fitzpatrick_skin_type' count as not known" in told and "'VII'" in told
    assert set(catalog.notes) >= {str(one.message) for one in said}


@pytest.mark.parametrize(
    "folder", ["ham10000-segmentation-and-classification/images", "masked man/photos"]
)
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_words_in_a_path_hide_no_photograph(
    isic, tmp_path, folder, suffix, write_image
):
    source = isic(METADATA + ROWS)
    shutil.rmtree(tmp_path / "images")
    for name in ("ISIC_1", "ISIC_2"):
        write_image(tmp_path / folder / (name + suffix))
        write_image(tmp_path / "lesion_masks" / f"{name}.png")
        write_image(tmp_path / "truth" / f"{name}_segmentation.png")
    catalog = read_data_source(source)
    assert {path.split("/")[0] for path in catalog.table["path"]} == {
        folder.split("/")[0]
    }


def test_images_in_a_folder_of_masks_are_not_called_missing(
    isic, tmp_path, write_image
):
    source = isic(METADATA + ROWS)
    shutil.rmtree(tmp_path / "images")
    for name in ("ISIC_1", "ISIC_2"):
        write_image(tmp_path / f"HAM10000 segmentation/{name}.png")
    message = refusal(source)
    assert "2 file(s) of these names lie in ['HAM10000 segmentation']" in message
    assert "rename the folder" in message


def test_rows_files_and_columns_that_are_left_out_are_told(isic, tmp_path, write_image):
    write_image(tmp_path / "images/ISIC_3.jpg")
    (tmp_path / "images/ISIC_4.heic").write_bytes(b"heic")
    source = isic(METADATA.strip() + ",camera,mel_class\n" + ROWS.replace("\n", ",,\n"))
    with pytest.warns(UserWarning, match=r"1 file\(s\).*not read.*\(1 \.heic\)"):
        notes = " ".join(read_data_source(source).notes)
    assert "2 column(s) of the tables are not read: camera, mel_class" in notes
    assert "1 image(s) under" in notes and "named by no row" in notes
    assert "images/ISIC_3.jpg" in notes and "1 .heic" in notes


def test_archive_named_by_a_way_up_and_down_has_all_its_images(isic, tmp_path):
    (tmp_path / "beside").mkdir()
    source = isic(METADATA + ROWS) + "/beside/.."
    assert "named by no row" not in " ".join(read_data_source(source).notes)


def test_downloads_in_one_folder_are_joined(isic, tmp_path, write_image):
    isic(METADATA + ROWS)
    (tmp_path / "second").mkdir()
    write_image(tmp_path / "second/ISIC_9.jpg")
    rows = "isic_id,diagnosis,sex,age_approx\nISIC_9,nevus,male,30\n"
    source = isic(rows + "ISIC_2,melanoma,female,85\n", "second/metadata.csv")
    catalog = read_data_source(source)
    assert catalog.table["isic_id"].tolist() == ["ISIC_1", "ISIC_2", "ISIC_9"]
    assert catalog.table["age_approx"].tolist() == [40, 85, 30]
    assert "2 files are read as one table" in " ".join(catalog.notes)
    isic(rows + "ISIC_2,nevus,female,85\n", "second/metadata.csv")
    assert "different things of 1 isic_id: keep one" in refusal(source)


@pytest.mark.parametrize(
    "folder, diagnosis",
    [
        ("Melanocytic nevi", "NV"),
        ("Moles", "NV"),
        ("Actinic keratoses and intraepithelial carcinoma _ Bowen's disease", "AK"),
        ("actinic_keratoses", "AK"),
        ("Basal cell carcinomas", "BCC"),
        ("Benign keratosis-like lesions", "BKL"),
        ("Seborrheic keratoses", "BKL"),
        ("solar lentigines", "BKL"),
        ("Dermatofibromas", "DF"),
        ("Vascular lesions", "VASC"),
        ("Melanomas", "MEL"),
        ("melanoma in a nevus", "MEL"),
        ("squamous_cell_carcinoma", "SCC"),
    ],
)
def test_class_folder_may_have_a_long_or_plural_name(
    tmp_path, write_image, folder, diagnosis
):
    write_image(tmp_path / folder / "a.jpg")
    table = read_data_source(f"folder:{tmp_path}").table
    assert table["diagnosis"].tolist() == [diagnosis]


@pytest.mark.parametrize(
    "folder",
    [
        "Melanoma Skin Cancer Nevi and Moles",
        "Actinic Keratosis Basal Cell Carcinoma and other Malignant Lesions",
        "melanoma_nevus",
        "BCC, melanoma".replace("BCC", "basal cell carcinoma"),
    ],
)
def test_class_folder_of_two_diagnoses_is_refused(tmp_path, write_image, folder):
    write_image(tmp_path / folder / "a.jpg")
    write_image(tmp_path / "NV/b.jpg")
    message = refusal(f"folder:{tmp_path}")
    assert "folder names several diagnoses: make one folder of each" in message
    assert "name it by one of MEL, NV" in message


def test_photographs_without_class_folders_are_told_all_the_same(tmp_path, write_image):
    for name in ("a.jpg", "b.jpg"):
        write_image(tmp_path / name)
    message = refusal(f"folder:{tmp_path}")
    assert "lies in no class folder: make one for each diagnosis" in message
    for name in ("Train/wart/a.jpg", "Test/wart/c.jpg"):
        write_image(tmp_path / "parts" / name)
    message = refusal(f"folder:{tmp_path}/parts")
    assert "folder is no diagnosis" in message and "'wart'" in message


def test_many_missing_images_give_one_line_a_kind_at_once(isic, tmp_path):
    rows = "".join(f"ISIC_{n},nevus,40,m\n" for n in range(1, 30_001))
    start = time.monotonic()
    message = refusal(isic(METADATA + rows))
    assert "29,998 x column 'path': file is missing" in message
    assert message.count("ISIC_") == 3 and message.count("\n") < 8
    assert "of 30000 images" not in message and "looked into" in message
    assert time.monotonic() - start < 30


def test_part_of_a_challenge_that_is_empty_or_double_is_not_passed_over(
    tmp_path, write_image
):
    name = "ISBI2016_ISIC_Part3_{}_GroundTruth.csv".format
    for number in range(1, 5):
        write_image(tmp_path / f"images/ISIC_{number}.jpg")
    (tmp_path / name("Training")).write_text("ISIC_1,benign\nISIC_2,malignant\n")
    (tmp_path / name("Test")).write_text("")
    assert f"{name('Test')} is not a readable csv: it is empty" in refusal(
        f"isic2016:{tmp_path}"
    )
    (tmp_path / name("Test")).write_text("ISIC_3,0.0\nISIC_4,1.0\n")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / name("Test")).write_text("ISIC_3,0.0\nISIC_4,1.0\n")
    catalog = read_data_source(f"isic2016:{tmp_path}")
    assert catalog.table["split"].tolist() == ["train", "train", "test", "test"]
    assert "is a copy of" in " ".join(catalog.notes)


def test_listed_duplicates_with_a_comma_at_the_end_keep_their_columns(
    tmp_path, write_image
):
    header = "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,"
    rows = "".join(
        f"ISIC_{n},IP_{n},male,40.0,torso,nevus,benign,0\n" for n in (1, 2, 3)
    )
    (tmp_path / "ISIC_2020_Training_GroundTruth.csv").write_text(
        f"{header}diagnosis,benign_malignant,target\n{rows}"
    )
    (tmp_path / "ISIC_2020_Training_Duplicates.csv").write_text(
        "image_name_1,image_name_2\nISIC_1.jpg,ISIC_3,\n"
    )
    for number in (1, 2, 3):
        write_image(tmp_path / f"ISIC_{number}.jpg")
    table = read_data_source(f"isic2020:{tmp_path}").table
    assert table["duplicate_group"].fillna("").tolist() == ["ISIC_1", "", "ISIC_1"]


def test_long_cells_and_control_characters_are_cut_and_escaped(isic):
    rows = ROWS.replace("nevus", "nevus", 1) + "\x1b[2Jx\x07,nevus,40,m\n"
    message = refusal(isic(METADATA + rows + f"{'y' * 1_000_000},nevus,40,m\n"))
    assert len(message) < 5_000
    assert "1,000,00" in message and "\\x1b[2J" in message
    assert all(c.isprintable() or c == "\n" for c in message)

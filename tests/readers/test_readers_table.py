"""Anyone's own table."""

import pandas as pd
import pytest

from keras_derm.catalog import CatalogError
from keras_derm.readers import read_data_source


@pytest.fixture
def clinic(tmp_path, write_image):
    (tmp_path / "clinic.csv").write_text(
        "Image,finding,Years,fitzpatrick_skin_type,doctor\n"
        "a.jpeg,Naevus,40,3,x\nb.jpeg,basal cell carcinoma,,vi,y\n"
    )
    for name in ("photos/a.jpg", "photos/deep/b.jpg", "other/a.jpg"):
        write_image(tmp_path / name)
    return tmp_path


def test_columns_and_words_of_a_clinic(clinic):
    catalog = read_data_source(
        f"table:{clinic}/clinic.csv,isic_id=Image,diagnosis=finding,age_approx=Years,"
        "root=photos,word.naevus=NV,all.image_type=dermoscopic"
    )
    table = catalog.table
    assert table["isic_id"].tolist() == ["a", "b"]
    assert catalog.paths == [f"{clinic}/photos/a.jpg", f"{clinic}/photos/deep/b.jpg"]
    assert table["diagnosis"].tolist() == ["NV", "BCC"]
    assert table["age_approx"][0] == 40 and pd.isna(table["age_approx"][1])
    assert table["skin_tone_label"].tolist() == ["III", "VI"]
    assert set(table["skin_tone_scale"]) == {"fitzpatrick"}
    assert set(table["image_type"]) == {"dermoscopic"}
    assert table["doctor"].tolist() == ["x", "y"] and set(table["source"]) == {"clinic"}


def test_table_in_our_own_names_needs_no_mapping(clinic):
    (clinic / "own.tsv").write_text(
        "path\tdiagnosis\tlesion_id\timage_type\tskin_tone_label\tskin_tone_scale\n"
        "photos/a.jpg\takiec\tL1\tdermoscopic\t7\tmonk\n"
        "other/a.jpg\tINF\tL1\tclinical: close-up\t7\tmonk\n"
    )
    table = read_data_source(f"table:{clinic}/own.tsv").table
    assert table["diagnosis"].tolist() == ["AK", "INF"]
    assert table["path"].tolist() == ["photos/a.jpg", "other/a.jpg"]
    assert table["isic_id"].tolist() == ["photos__a", "other__a"]
    assert table["tone_group"].tolist() == ["dark", "dark"]


def test_faults_name_row_and_word_and_the_way_out(clinic):
    source = f"table:{clinic}/clinic.csv,isic_id=Image,diagnosis=finding,root=photos"
    csv = clinic / "clinic.csv"
    csv.write_text(csv.read_text().replace("Naevus", "eczema"))
    with pytest.raises(
        CatalogError,
        match=r"clinic.csv, row 2, column 'diagnosis'.*word.THEIRS.*'eczema'",
    ):
        read_data_source(source)
    table = read_data_source(source + ",word.eczema=INF").table
    assert table["diagnosis"].tolist() == ["INF", "BCC"]


@pytest.mark.parametrize(
    "options, message",
    [
        (",isic_id=Bild,diagnosis=finding", "'doctor'.*Received: Bild"),
        (",isic_id=Image", r"needs `diagnosis`.*Received: \['Image'"),
        (",diagnosis=finding", "needs `diagnosis`, and `isic_id` or `path`"),
        (",colour=doctor", "Received: 'colour=doctor'"),
        (",word.naevus=mole", "one of MEL, .*Received: 'word.naevus=mole'"),
        (",root=nowhere,isic_id=Image,diagnosis=finding", "directory that exists"),
    ],
)
def test_what_a_table_does_not_have_is_told(clinic, options, message):
    with pytest.raises(CatalogError, match=message):
        read_data_source(f"table:{clinic}/clinic.csv{options}")


def test_table_that_is_not_there(tmp_path):
    with pytest.raises(CatalogError, match="file that exists. Received: .*absent.csv"):
        read_data_source(f"table:{tmp_path}/absent.csv")

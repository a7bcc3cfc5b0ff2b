from fake_run import table, undo, words

from keras_derm.catalog import Catalog
from keras_derm.report.sections import preparation


def test_images_are_counted_in_each_part(run):
    counts = table(preparation.section(run), "Images in each part")
    assert counts.loc["total"].tolist() == [4, 2, 2]
    assert counts.loc["MEL"].tolist() == [2, 1, 1]


def test_diagnoses_are_drawn_as_bars(run):
    (bars,) = [b for b in preparation.section(run).blocks if b.form == "figure"]
    (axes,) = bars.figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["MEL", "NV"]
    assert [part.get_label() for part in axes.containers] == ["train", "val", "test"]
    assert [bar.get_width() for bar in axes.containers[0]] == [2, 2]


def test_section_says_whether_patients_are_kept_apart(run):
    assert "in one part only" in preparation.section(run).lead
    table = run.catalog.table
    leaking = table.assign(patient_id="P0", split_name="published")
    Catalog(leaking).save(run / "catalog.csv")
    lead = preparation.section(run).lead
    assert lead == "1 patients or lesions have images in more than one part."
    Catalog(table.assign(patient_id=None)).save(run / "catalog.csv")
    assert "names no patients and no lesions" in preparation.section(run).lead


def test_figure_is_shown_where_there_is_one(run, draw):
    assert "Photographs before preparation" not in words(preparation.section(run))
    draw("preparation")
    assert "Photographs before preparation" in words(preparation.section(run))


def test_no_section_before_the_preparation(run):
    undo(run, "prepare_dataset")
    assert preparation.section(run) is None

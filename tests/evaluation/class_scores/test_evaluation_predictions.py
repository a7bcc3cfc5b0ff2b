import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import Catalog, get_task
from keras_derm.evaluation import (
    PredictionsError,
    evaluate,
    inputs_from_catalog,
    predictions_from_csv,
    predictions_to_csv,
    thresholds_beside,
)
from keras_derm.evaluation.class_scores import prediction_columns
from keras_derm.evaluation.class_scores.predictions import task_thresholds
from keras_derm.jobs import prediction_rows

CLASSES = ("MEL", "NV")
GOOD = "isic_id,NV,MEL\nc,0.9,0.1\na,0.2,0.8\nb,0.5,0.5\n"


@pytest.fixture
def catalog(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.jpg").write_bytes(b"image")
    table = pd.DataFrame(
        {
            "isic_id": list("abc"),
            "path": ["a.jpg", "b.jpg", "c.jpg"],
            "diagnosis": ["MEL", "NV", "NV"],
            "lesion_id": ["1", "2", "2"],
            "tone_group": ["light", "dark", None],
        }
    )
    return Catalog(table, root=tmp_path)


def read(text, catalog, tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    return predictions_from_csv(path, catalog, CLASSES)


def test_rows_follow_the_catalog_and_columns_the_classes(catalog, tmp_path):
    expected = [[0.8, 0.2], [0.5, 0.5], [0.1, 0.9]]
    assert read(GOOD, catalog, tmp_path).tolist() == expected
    assert read(GOOD + "\n", catalog, tmp_path).tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "x,0.5,0.5\n", r"not in the catalog: line 5 \(x\)"),
        (GOOD + "a,0.5,0.5\n", r"more than once: line 3 \(a\), line 5 \(a\)"),
        (GOOD.replace("b,0.5,0.5\n", ""), "without a prediction: b"),
        (GOOD.replace("0.8", ""), r"not a number: line 3 \(a, MEL=''\)"),
        (GOOD.replace("0.8", "NaN"), r"not a number: line 3 \(a, MEL='NaN'\)"),
        (GOOD.replace("0.8", "0.9"), r"sum to 1: line 3 \(a: 1.1\)"),
        (
            GOOD.replace("0.9,0.1", "1.5,-0.5"),
            r"\[0, 1\]: line 2 \(c, MEL='-0.5'\), line 2 \(c, NV='1.5'\)",
        ),
        (GOOD.replace("NV", "melanoma"), "unknown classes"),
        (GOOD.replace("NV", "melanoma"), "`NV` is missing"),
        (GOOD.replace("a,", "a,0,"), "more fields than the header"),
        (GOOD.replace("NV,MEL", "MEL,MEL"), "names a column more than once"),
        (GOOD.replace("0.8", "inf"), r"\[0, 1\]: line 3 \(a, MEL='inf'\)"),
        (GOOD.replace("isic_id", "photo"), "`isic_id` is missing"),
        ("", "it is empty"),
        ("isic_id,NV,MEL\n", "without a prediction: a, b, c"),
    ],
)
def test_each_fault_is_named_with_its_row(text, message, catalog, tmp_path):
    with pytest.raises(PredictionsError, match=message):
        read(text, catalog, tmp_path)


def test_all_faults_come_in_one_message(catalog, tmp_path):
    with pytest.raises(PredictionsError) as error:
        read("isic_id,MEL,NV\na,0.9,0.9\nx,,1\n", catalog, tmp_path)
    assert len(str(error.value).splitlines()) == 5


def test_a_missing_column_does_not_hide_the_other_faults(catalog, tmp_path):
    with pytest.raises(PredictionsError) as error:
        read("isic_id,MEL,melanoma\na,oops,0.9\na,0.1,0.9\nx,2,1\n", catalog, tmp_path)
    message = str(error.value)
    for said in (
        "predictions.csv",
        "`NV` is missing",
        "unknown classes ['melanoma']",
        "more than once: line 2 (a), line 3 (a)",
        "not in the catalog: line 4 (x)",
        "without a prediction: b, c",
        "not a number: line 2 (a, MEL='oops')",
        "[0, 1]: line 4 (x, MEL='2')",
    ):
        assert said in message


def test_files_of_spreadsheets_are_read_and_others_refused(catalog, tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_bytes(GOOD.encode("utf-8-sig"))
    assert predictions_from_csv(path, catalog, CLASSES).shape == (3, 2)
    path.write_bytes(b"\xff\xd8\xff\xe0 a photograph \x00\xf0")
    with pytest.raises(PredictionsError, match="zero bytes, which no csv"):
        predictions_from_csv(path, catalog, CLASSES)
    with pytest.raises(FileNotFoundError):
        predictions_from_csv(tmp_path / "absent.csv", catalog, CLASSES)


def test_synthetic_images_are_never_judged(catalog, tmp_path):
    mixed = catalog.with_columns(synthetic=[False, True, False])
    with pytest.raises(ValueError, match="synthetic"):
        read(GOOD, mixed, tmp_path)
    with pytest.raises(ValueError, match="synthetic"):
        inputs_from_catalog(mixed, get_task("diagnosis8"))


def test_a_catalog_gives_what_evaluate_needs(catalog, tmp_path):
    inputs = inputs_from_catalog(catalog, get_task("diagnosis8").present_in(catalog))
    assert inputs["y_true"].tolist() == [0, 1, 1]
    assert list(inputs["mix"]["diagnosis"]) == ["MEL", "NV", "NV"]
    y_prob = read(GOOD, catalog, tmp_path)
    found = evaluate(y_prob=y_prob, n_replicates=20, **inputs)
    assert found.strata[0]["n_groups"] == 2
    shown = {(one["stratum"], one["value"]): one["n"] for one in found.strata}
    assert shown[("tone_group", "unknown")] == shown[("tone_group", "dark")] == 1
    # Image b is NV; its two probabilities are equal, so the first class, MEL, wins.
    assert np.isclose(found.overall["accuracy"]["value"], 2 / 3)


def test_what_is_written_is_read_again(catalog, tmp_path):
    y_prob = np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]])
    path = tmp_path / "predictions.csv"
    predictions_to_csv(path, catalog, y_prob, CLASSES)
    np.testing.assert_array_equal(predictions_from_csv(path, catalog, CLASSES), y_prob)


def test_thresholds_are_of_the_files_beside(catalog, tmp_path):
    task = get_task("diagnosis8").present_in(catalog)
    files = {"gan": [tmp_path / "gan_test.csv"]}
    assert thresholds_beside(files, catalog, task) is None
    y_prob = np.array([[0.7, 0.3], [0.2, 0.8], [0.4, 0.6]])
    predictions_to_csv(tmp_path / "gan_val.csv", catalog, y_prob, CLASSES)
    # Image a alone is MEL: its probability finds all there are.
    assert thresholds_beside(files, catalog, task) == {"gan": [{0.9: 0.7, 0.95: 0.7}]}
    assert task_thresholds(task, np.array([1, 1, 1]), y_prob) == {}


def test_a_task_without_its_positive_class_cannot_be_judged(catalog):
    nevi = catalog.where(diagnosis="NV")
    with pytest.raises(ValueError, match="class that is to be found.*Received: .*NV"):
        inputs_from_catalog(nevi, get_task("diagnosis8").present_in(nevi))


EXPECTED = [[0.8, 0.2], [0.5, 0.5], [0.1, 0.9]]
FORMS = {
    "ids of files": GOOD.replace("\na", "\nphotos/a.JPG").replace("\nb", "\n b "),
    "ISIC 2018 and 2019": GOOD.replace("isic_id", "image"),
    "ISIC 2020": GOOD.replace("isic_id", "image_name"),
    "a column of zeros": "isic_id,NV,MEL,UNK\nc,0.9,0.1,0\na,0.2,0.8,0\nb,0.5,0.5,0\n",
    "semicolons": GOOD.replace(",", ";"),
    "decimal commas": GOOD.replace(",", ";").replace(".", ","),
    "an index": ",isic_id,nv,mel\n0,c,0.9,0.1\n1,a,0.2,0.8\n2,b,0.5,0.5\n",
    "one of two classes": "isic_id,MEL\nc,0.1\na,0.8\nb,0.5\n",
    "UTF-16": GOOD,
}


@pytest.mark.parametrize("form", FORMS)
def test_predictions_are_read_in_the_forms_that_people_have(form, catalog, tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(FORMS[form], encoding="utf-16" if form == "UTF-16" else "utf-8")
    found = predictions_from_csv(path, catalog, CLASSES)
    np.testing.assert_allclose(found, EXPECTED, atol=1e-9)


def test_classes_of_another_model_are_mapped_or_left_out_where_asked(catalog, tmp_path):
    path = tmp_path / "seven.csv"
    path.write_text(
        "image,MEL,NV,AKIEC,nevus\n"
        "a,0.4,0.1,0.2,0.3\nb,0.25,0.25,0.25,0.25\nc,0.1,0.3,0,0.6\n"
    )
    with pytest.raises(PredictionsError) as error:
        predictions_from_csv(path, catalog, CLASSES)
    message = str(error.value)
    assert "unknown classes ['AKIEC', 'nevus']" in message
    assert "--class_names.AKIEC MEL" in message and "--renormalise" in message
    found = predictions_from_csv(
        path, catalog, CLASSES, {"nevus": "NV"}, renormalise=True
    )
    expected = np.array([[0.4, 0.4], [0.25, 0.5], [0.1, 0.9]])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected)
    named = {"AKIEC": "MEL", "nevus": "NV"}
    found = predictions_from_csv(path, catalog, CLASSES, named)
    np.testing.assert_allclose(found, [[0.6, 0.4], [0.5, 0.5], [0.1, 0.9]])
    with pytest.raises(PredictionsError, match="'mole' is no column"):
        predictions_from_csv(path, catalog, CLASSES, {"mole": "NV"})


def test_model_that_can_say_unknown_is_not_judged_as_if_it_could_not(catalog, tmp_path):
    text = "isic_id,NV,MEL,UNK\nc,0.8,0.1,0.1\na,0.2,0.8,0\nb,0.5,0.5,0\n"
    with pytest.raises(PredictionsError, match=r"unknown classes \['UNK'\]"):
        read(text, catalog, tmp_path)


def test_images_of_the_data_that_are_not_judged_may_be_predicted_too(catalog, tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text(GOOD)
    judged = catalog.where(isic_id=["a", "b"])
    with pytest.raises(PredictionsError, match=r"not in the catalog: line 2 \(c\)"):
        predictions_from_csv(path, judged, CLASSES)
    found = predictions_from_csv(path, judged, CLASSES, others=catalog)
    assert found.tolist() == EXPECTED[:2]


def test_columns_of_predict_are_known():
    written = {*prediction_rows.BEFORE, *prediction_rows.AFTER}
    assert written == {"image", *prediction_columns.TOLD_BESIDE}

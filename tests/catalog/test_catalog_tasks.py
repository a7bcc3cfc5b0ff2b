import numpy as np
import pytest

from keras_derm.catalog import CatalogError, get_task, of_diagnosis
from keras_derm.catalog.tasks import check_any_task


def test_targets_follow_the_classes(make_catalog):
    catalog = make_catalog(3, diagnosis=["SCC", "MEL", "NV"])
    task = get_task("diagnosis8")
    targets = task.targets(catalog)
    assert targets.dtype == np.int64
    assert [task.classes[i] for i in targets] == ["SCC", "MEL", "NV"]
    assert get_task("melanoma").targets(catalog).tolist() == [0, 1, 0]
    assert get_task("melanocytic").targets(catalog).tolist() == [0, 1, 1]


def test_positive_class_is_melanoma(make_catalog):
    for name, positive in (("diagnosis8", "MEL"), ("melanoma", "melanoma")):
        task = get_task(name)
        assert task.classes[task.positive_class] == positive
    present = get_task("diagnosis8").present_in(make_catalog(diagnosis="NV"))
    assert present.classes == ("NV",) and present.positive_class is None


def test_only_present_classes(make_catalog):
    catalog = make_catalog(3, diagnosis=["DF", "NV", "DF"])
    task = get_task("diagnosis8").present_in(catalog)
    assert task.classes == ("NV", "DF")
    assert task.targets(catalog).tolist() == [1, 0, 1]


def test_unknown_but_benign_is_no_melanoma(make_catalog):
    catalog = make_catalog(
        3,
        diagnosis=["UNK", "UNK", "MEL"],
        benign_malignant=["benign", None, "malignant"],
    )
    task = get_task("melanoma")
    assert task.covers(catalog).tolist() == [True, False, True]
    with pytest.raises(CatalogError, match=r"1 of 3 images.*task.covers"):
        task.targets(catalog)
    assert task.targets(catalog.where(task.covers(catalog))).tolist() == [0, 1]


def test_unknown_task_is_refused():
    with pytest.raises(CatalogError, match="Received: 'melanom'"):
        get_task("melanom")


def test_benign_malignant_follows_the_archive_then_the_diagnosis(make_catalog):
    catalog = make_catalog(
        6,
        diagnosis=["UNK", "NV", "NV", "AK", "MAL_OTH", "UNK"],
        benign_malignant=["malignant", "malignant", None, None, None, "indeterminate"],
    )
    task = get_task("benign_malignant")
    assert task.covers(catalog).tolist() == [True, True, True, False, True, False]
    covered = catalog.where(task.covers(catalog))
    assert task.targets(covered).tolist() == [1, 1, 0, 1]
    assert task.classes[task.positive_class] == "malignant"


def test_rows_of_a_diagnosis_or_of_a_group(make_catalog):
    catalog = make_catalog(
        3,
        diagnosis=["NV", "MEL", "BCC"],
        benign_malignant=["malignant", None, "malignant"],
    )
    rows = {
        name: of_diagnosis(catalog, name).tolist()
        for name in ("NV", "melanocytic", "not_melanoma", "benign", "malignant")
    }
    assert rows == {
        "NV": [True, False, False],
        "melanocytic": [True, True, False],
        "not_melanoma": [True, False, True],
        "benign": [False, False, False],
        "malignant": [True, True, True],
    }
    with pytest.raises(CatalogError, match="not_melanocytic.*Received: 'naevus'"):
        of_diagnosis(catalog, "naevus")


def test_images_of_one_class_are_refused_with_the_tasks_they_would_do_for(make_catalog):
    catalog = make_catalog(
        diagnosis=["UNK", "UNK", "UNK", "UNK"],
        benign_malignant=["benign", "malignant", "benign", "malignant"],
    )
    with pytest.raises(CatalogError, match="--task benign_malignant. Received: 4 UNK"):
        get_task("diagnosis8").learnable_from(catalog)
    found = get_task("benign_malignant").learnable_from(catalog, to_be_judged=True)
    assert found.classes == ("benign", "malignant")
    check_any_task(catalog)
    nevi = catalog.with_columns(diagnosis="NV", benign_malignant="benign")
    with pytest.raises(CatalogError, match="Add images of another class.*4 NV"):
        check_any_task(nevi)
    mixed = catalog.with_columns(
        diagnosis=["NV", "BCC", "NV", "BKL"], benign_malignant=None
    )
    assert get_task("diagnosis8").learnable_from(mixed).classes == ("NV", "BCC", "BKL")
    with pytest.raises(CatalogError, match="must be of MEL too.*--task melanocytic or"):
        get_task("diagnosis8").learnable_from(mixed, to_be_judged=True)

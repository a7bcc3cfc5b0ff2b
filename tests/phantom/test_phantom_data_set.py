"""Data sets on disk: bytes, reuse, resuming, options, layout."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier

from keras_derm.catalog import DIAGNOSES8
from keras_derm.phantom import photograph, population, read, render
from keras_derm.readers import READERS

ROOT = Path(__file__).resolve().parents[2]


def contents(directory):
    return {
        str(file.relative_to(directory)): file.read_bytes()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    directory = tmp_path_factory.mktemp("phantom") / "set"
    return render(12, 7, 64, directory=directory, workers=1, progress=False)


def test_catalog_holds_every_truth(small):
    table = small.table
    assert len(small) == 12
    assert not table["synthetic"].any()
    for column in ("mask_path", "hair_mask_path", "ruler_mask_path", "hair_free_path"):
        for root, path in zip(table["root"], table[column], strict=True):
            assert (Path(root) / path).is_file()
    for column in (
        "diagnosis", "benign_malignant", "patient_id", "lesion_id", "age_approx", "sex",
        "anatom_site_general", "skin_tone_label", "melanin_fraction",
        "blood_fraction", "true_ita", "image_type",
    ):  # fmt: skip
        assert table[column].notna().all()


def test_same_bytes_in_parallel_and_any_subset_alone(small, tmp_path):
    whole = contents(Path(small.table["root"][0]))
    parallel = tmp_path / "parallel"
    render(12, 7, 64, directory=parallel, workers=2, progress=False)
    assert contents(parallel) == whole
    alone = tmp_path / "alone"
    few = render(12, 7, 64, directory=alone, indices=[9, 2], workers=1, progress=False)
    assert list(few.table["isic_id"]) == list(small.table["isic_id"].iloc[[9, 2]])
    for name, content in contents(alone).items():
        if name != "phantom.json":
            assert whole[name] == content
    longer = render(14, 7, 64, directory=alone, workers=1, progress=False)
    assert contents(alone)[small.table["path"][0]] == whole[small.table["path"][0]]
    assert len(longer) == 14


def test_parallel_rendering_works_from_a_script_without_a_main_guard(tmp_path):
    code = (
        "from keras_derm.phantom import render\n"
        f"render(4, 7, 64, directory={str(tmp_path / 'set')!r}, workers=2)\n"
    )
    subprocess.run([sys.executable, "-"], input=code, text=True, check=True, cwd=ROOT)
    assert len(list((tmp_path / "set" / "images").glob("*.png"))) == 4


def test_error_of_another_process_is_told(tmp_path):
    directory = tmp_path / "set"
    render(4, 7, 64, directory=directory, workers=1, progress=False)
    for path in (directory / "images").iterdir():
        path.unlink()
    (directory / "images").rmdir()
    (directory / "images").write_text("in the way")
    with pytest.raises(OSError, match="images"):
        render(4, 7, 64, directory=directory, workers=2, progress=False)


def test_other_seed_gives_other_images(small, tmp_path):
    other = render(1, 8, 64, directory=tmp_path / "o", workers=1, progress=False)
    assert Path(other.paths[0]).read_bytes() != Path(small.paths[0]).read_bytes()


def test_stopped_rendering_goes_on_and_a_finished_one_is_reused(small, tmp_path):
    directory = tmp_path / "set"
    catalog = render(6, 7, 64, directory=directory, workers=1, progress=False)
    before = contents(directory)
    Path(catalog.paths[3]).unlink()  # as after a kill: the image is written last
    kept = Path(catalog.paths[0]).stat().st_mtime_ns
    render(6, 7, 64, directory=directory, workers=1, progress=False)
    assert contents(directory) == before
    assert Path(catalog.paths[0]).stat().st_mtime_ns == kept


def test_read_renders_into_the_cache_once(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_DERM_CACHE", str(tmp_path))
    first = read("n=3, seed=2, size=64, tones=balanced, hair=0")
    times = [Path(path).stat().st_mtime_ns for path in first.paths]
    again = read("n=3,seed=2,size=64,tones=balanced,hair=0")
    assert [Path(path).stat().st_mtime_ns for path in again.paths] == times
    assert first.paths[0].startswith(str(tmp_path))


def test_pairs_are_of_the_same_lesion_in_two_lights(tmp_path):
    pairs = read("n=3,seed=2,size=64,pairs=true", root=tmp_path / "pairs").table
    assert (
        pairs["image_type"].tolist() == ["dermoscopic"] * 3 + ["clinical: close-up"] * 3
    )
    first, second = pairs[:3].reset_index(), pairs[3:].reset_index()
    for column in ("lesion_id", "patient_id", "diagnosis", "true_ita"):
        assert first[column].tolist() == second[column].tolist()
    assert (first["isic_id"] + "_close_up").tolist() == second["isic_id"].tolist()
    alone = read("n=3,seed=2,size=64,dermatoscope=false", root=tmp_path / "alone")
    for path, other in zip(alone.paths, second["path"], strict=True):
        place = Path(second["root"][0]) / other
        assert place.read_bytes() == Path(path).read_bytes()


def test_isic_archive_reader_reads_the_layout(small):
    found = READERS["isic_archive"](small.table["root"][0]).table.set_index("isic_id")
    wanted = small.table.set_index("isic_id")
    assert set(found.index) == set(wanted.index)
    found = found.loc[wanted.index]
    for column in ("diagnosis", "path", "mask_path", "patient_id", "lesion_id",
                   "age_approx", "sex", "skin_tone_label",
                   "image_type"):  # fmt: skip
        assert list(found[column]) == list(wanted[column]), column


@pytest.mark.parametrize(
    "options, message",
    [
        ("n=0,seed=1", "n must be an integer from 1 to 1000000"),
        ("n=5,seed=-1", "seed must be an integer from 0"),
        ("n=5,seed=1,size=32", "size must be an integer from 64 to 1024"),
        ("n=5,seed=1,hair=4", "hair must be a number from 0 to 3"),
        ("n=5,seed=1,dermatoscope=maybe", "dermatoscope must be true or false"),
        ("n=5,seed=1,pairs=perhaps", "pairs must be true or false"),
        ("n=5,seed=1,pairs=true,dermatoscope=false", "leave dermatoscope out"),
        ("n=five,seed=1", "n must be an integer from 1"),
        ("n=5", "needs n and seed"),
        ("n=5,seed=1,colour=2", "takes each of"),
        ("n=5,n=6,seed=1", "takes each of"),
        ("n=5,seed=1,tones=even", "tone_frequencies must be one of"),
    ],
)
def test_bad_options_get_an_error_that_names_the_range(options, message, tmp_path):
    with pytest.raises(ValueError, match=f"(?s){message}.*Received"):
        read(options, root=tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_directory_of_other_settings_is_refused(small, tmp_path):
    with pytest.raises(ValueError, match="other settings.*Received"):
        render(12, 8, 64, directory=small.table["root"][0], progress=False)
    with pytest.raises(ValueError, match="other settings.*Received"):
        render(
            12, 7, 64, directory=small.table["root"][0], dermatoscope=False,
            progress=False,
        )  # fmt: skip
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(ValueError, match="empty or absent.*Received"):
        render(2, 7, 64, directory=tmp_path, progress=False)


def test_mean_colour_does_not_tell_the_diagnosis():
    """A depth-2 tree on mean colour stays near chance (1/8) on eight diagnoses."""
    table = population(400, 21, "balanced", "balanced")
    table = table[table["view"] == 0].groupby("diagnosis").head(24)
    colours = []
    for index, row in zip(table.index, table.to_dict("records"), strict=True):
        shot = photograph(row, index, 21, 64, hair=1, artefact=1)
        colours.append(
            np.concatenate(
                [
                    shot.image.mean(axis=(0, 1)),
                    shot.image[shot.lesion_mask].mean(axis=0),
                ]
            )
        )
    assert set(table["diagnosis"]) == set(DIAGNOSES8)
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    scores = cross_val_score(
        tree, np.array(colours), table["diagnosis"], cv=4, scoring="balanced_accuracy"
    )
    assert scores.mean() < 0.32


def test_app_writes_a_data_set(tmp_path):
    output = tmp_path / "made"
    subprocess.run(
        [sys.executable, str(ROOT / "apps" / "make_phantom.py"), str(output),
         "--n", "2", "--seed", "3", "--size", "64", "--workers", "1"],
        check=True, capture_output=True, cwd=ROOT,
    )  # fmt: skip
    assert (output / "metadata.csv").is_file()
    assert len(list((output / "images").glob("*.png"))) == 2
    mask = cv2.imread(str(next((output / "masks").glob("*0_segmentation.png"))), 0)
    assert set(np.unique(mask)) <= {0, 255}

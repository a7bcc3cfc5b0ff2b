"""A reader study of a run: made, answered by simulated readers, scored, reported."""

import json
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
from simulated_answers import write_answers

from keras_derm import jobs
from keras_derm.catalog import Catalog
from keras_derm.files import write_json
from keras_derm.generative import write_synthetic
from keras_derm.jobs.command_line import command_line
from keras_derm.jobs.score_reader_study import score_reader_study
from keras_derm.layers import preparation
from keras_derm.pipeline import prepare
from keras_derm.reader_study import Study
from keras_derm.report import sections
from keras_derm.runs import RunDirectory
from keras_derm.runs.records import Record
from keras_derm.settings import (
    AuditSkinToneSettings,
    PrepareDatasetSettings,
    SynthesizeSettings,
    TrainGeneratorSettings,
)

FEW = {"n_replicates": 10}
ALL = ["origin", "plausibility", "diagnosis", "tone", "preparation"]


@pytest.fixture(scope="module")
def made_run(tmp_path_factory):
    """A run with 32 photographs and as many synthetic images; nothing was trained."""
    folder = tmp_path_factory.mktemp("study")
    generator, run = np.random.default_rng(0), RunDirectory(folder / "run")
    write_synthetic(
        generator.integers(0, 256, (32, 40, 52, 3), np.uint8),
        np.zeros((32, 2), int),
        0,
        "camera",
        folder / "archive",
    )
    paths = sorted((folder / "archive").glob("*.png"))
    table = pd.DataFrame({"isic_id": [f"ISIC_{i}" for i in range(32)]})
    table["path"] = [path.name for path in paths]
    table["diagnosis"] = np.resize(["MEL", "NV"], 32)
    table["split"] = np.resize(["train", "val", "test", "test"], 32)
    catalog = Catalog(table.assign(plain_rgb=True), folder / "archive")
    catalog.save(run.catalog_file)
    settings = PrepareDatasetSettings(image_size=32)
    prepare(catalog, preparation(settings.preset, 32), run.prepared_real)
    conditions = np.stack([np.arange(32) % 2, np.zeros(32, int)], axis=1)
    images = generator.integers(0, 256, (32, 32, 32, 3), np.uint8)
    write_synthetic(images[:20], conditions[:20], 0, "sngan", run.synthetic)
    out = write_synthetic(
        images[20:], conditions[20:], 0, "sngan", run.screened_out, first=20
    )
    out = out.with_columns(screening_reason="colours unlike real images of MEL: 2 > 1")
    out.save(run.screened_out / "catalog.csv")
    for each in (
        AuditSkinToneSettings("ham10000:/data/HAM10000"),
        settings,
        TrainGeneratorSettings(image_size=32),
        SynthesizeSettings(),
    ):
        Record(each).write(run.record(each.record), 1.0)
    return run.path


@pytest.fixture
def run(made_run, tmp_path):
    return RunDirectory(shutil.copytree(made_run, tmp_path / "run"))


def make(run, **options):
    options = {"n_pictures": 24, "n_pairs": 6, "n_readers": 3, "picture_size": 128} | (
        options
    )
    jobs.run_stage("make_reader_study", run.path, **options)
    return json.loads((run.reader_study / "key.json").read_text())


def answer(run, key):
    folder = run.reader_study / "answers"
    folder.mkdir(exist_ok=True)
    return [str(p) for p in write_answers(Study.from_key(key), key["shown"], folder)]


def test_a_study_is_made_answered_scored_and_reported(run, capsys):
    key = make(run, parts=ALL)
    shown = pd.DataFrame(key["shown"])
    counts = shown["kind"].value_counts().to_dict()
    assert counts["real"] == 12 and counts["synthetic, screened out"] == 2
    assert counts["synthetic, kept"] == 10
    real = run.catalog.table.set_index("isic_id")["split"]
    assert real[shown.loc[shown["kind"] == "real", "isic_id"]].ne("train").all()
    page = (run.reader_study / "study.html").read_text()
    assert "ISIC_" not in page and "SYN_" not in page and "sngan" not in page

    score_reader_study(answer(run, key), **FEW)
    scores = pd.read_csv(run.reader_study / "scores.csv")
    assert {"all", "generator", "diagnosis", "tone_group"} == set(scores["axis"])
    labels = Catalog.load(run.reader_study / "skin_tone_labels.csv").table
    assert set(labels["skin_tone_scale"]) == {"monk"} and len(labels) > 6
    section = sections.reader_study.section(run)
    assert section.lead.startswith("3 readers, blinded, told photographs from")
    captions = [block.caption for block in section.blocks if hasattr(block, "rows")]
    assert captions == [
        "What readers said of all pictures",
        "By generator",
        "By diagnosis",
        "By tone group",
        "What readers reject against what screening rejects",
        "Agreement",
        "Each reader",
    ]
    assert "photographs with a label (monk" in capsys.readouterr().out


def test_labels_of_a_study_are_read_as_a_table(run):
    score_reader_study(answer(run, make(run, parts=["tone"], n_pictures=12)), **FEW)
    labels = run.reader_study / "skin_tone_labels.csv"
    from keras_derm.readers import read_data_source

    root = run.catalog.table["root"].iloc[0]
    catalog = read_data_source(f"table:{labels},root={root}")
    assert catalog.table["skin_tone_label"].notna().all()
    assert set(catalog.table["tone_source"]) == {"label"}


def test_a_study_of_photographs_alone_needs_no_generator(run):
    for stage in ("synthesize", "train_generator"):
        run.record(stage).unlink()
    key = make(run, parts=["diagnosis"])
    assert {row["kind"] for row in key["shown"]} == {"real"}
    with pytest.raises(FileNotFoundError, match="no finished stage 'synthesize'"):
        make(run)


def test_a_run_without_synthetic_images_is_told_what_to_do(run):
    shutil.rmtree(run.synthetic)
    with pytest.raises(ValueError, match="make some.*photographs alone"):
        make(run)
    assert not run.reader_study.exists()


def test_a_run_that_kept_nothing_screened_out_is_shown_without(run, capsys):
    shutil.rmtree(run.screened_out)
    kinds = {row["kind"] for row in make(run)["shown"]}
    assert kinds == {"real", "synthetic, kept"}
    assert "no image that screening rejected is in the run" in capsys.readouterr().out


def test_careless_readers_are_left_out_where_that_is_asked_for(run, capsys):
    key = make(run, parts=["origin"])
    study = Study.from_key(key)
    careless = list(study.series)[0]
    folder = run.reader_study / "answers"
    folder.mkdir()
    paths = write_answers(
        study, key["shown"], folder, attentive=set(study.series) - {careless}
    )
    score_reader_study([str(p) for p in paths], least_checks_passed=0.6, **FEW)
    told = capsys.readouterr().out
    assert re.search(f"reader {careless} is left out: passed [01] of 3 checks", told)
    assert careless not in set(pd.read_csv(run.reader_study / "readers.csv")["reader"])


def test_answers_at_fault_leave_the_scores_as_they_were(run, tmp_path):
    key = make(run, parts=["origin"])
    paths = answer(run, key)
    score_reader_study(paths, **FEW)
    before = (run.reader_study / "scores.csv").read_bytes()
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    with pytest.raises(ValueError, match="bad.json: damaged"):
        score_reader_study([*paths, str(bad)], run=str(run.path))
    assert (run.reader_study / "scores.csv").read_bytes() == before
    with pytest.raises(ValueError, match="say --run RUN"):
        score_reader_study([str(bad)])


def test_no_answers_and_a_plan(monkeypatch, capsys):
    with pytest.raises(ValueError, match="name the files of answers"):
        score_reader_study()
    arguments = ["--plan", "--half_width", "0.07", "--auc", "0.8"]
    monkeypatch.setattr(sys, "argv", ["score_reader_study", *arguments])
    with pytest.raises(SystemExit) as status:
        command_line("score_reader_study")
    said = capsys.readouterr().out
    assert (
        status.value.code == 0 and "half width of the 95 % interval of AUC 0.8" in said
    )
    assert "The fewest answers: " in said


def test_section_of_one_reader_is_careful(run):
    score_reader_study(answer(run, make(run, parts=["origin"], n_readers=1)), **FEW)
    said = [
        getattr(block, "text", "")
        for block in sections.reader_study.section(run).blocks
    ]
    assert any("One reader alone" in text for text in said)


def test_no_section_before_a_study_is_scored(run):
    assert sections.reader_study.section(run) is None
    write_json(run.reader_study / "key.json", {})
    assert sections.reader_study.section(run) is None

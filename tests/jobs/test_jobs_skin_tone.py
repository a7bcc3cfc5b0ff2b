"""Skin tone from end to end: a network is trained, validated, and used by an audit."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from keras_derm.jobs import audit_skin_tone
from keras_derm.jobs.table import run_stage
from keras_derm.readers import read_data_source
from keras_derm.skin_tone import ToneNetwork
from keras_derm.training import averaged_weights

DATA = "phantom:n=180,seed=5,size=64"
LABELS = ["I", "II", "III", "IV", "V", "VI"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = tmp_path_factory.mktemp("tone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(averaged_weights, "N_BATCHES", 2)
        run_stage(
            "train_skin_tone",
            run,
            data=DATA,
            depth="early",
            image_size=32,
            epochs=2,
            refit=True,
            fractions=(0.5, 0.25, 0.25),
            n_replicates=20,
        )
    return run


@pytest.fixture(scope="module")
def audited(trained, tmp_path_factory):
    """An audit of some of the phantom, whose labels are hidden."""
    folder = tmp_path_factory.mktemp("unlabelled")
    catalog = read_data_source(DATA)
    table = catalog.table.assign(path=catalog.paths)[:40]
    kept = ["isic_id", "path", "diagnosis", "lesion_id", "image_type"]
    table["path"] = [str(path) for path in table["path"]]
    root = catalog.table["root"][0]
    table["path"] = table["path"].str.removeprefix(f"{root}/")
    table[kept].to_csv(folder / "clinic.csv", index=False)
    run = folder / "run"
    run_stage(
        "audit_skin_tone",
        run,
        data=f"table:{folder / 'clinic.csv'},root={root}",
        tone_estimators=[str(trained / "skin_tone/skin_tone_dermoscopic.tflite")],
    )
    return run


def validate(network, run):
    run_stage(
        "validate_skin_tone",
        run,
        data=DATA,
        networks=[str(network)],
        n_replicates=20,
    )


def described(run, part=""):
    path = run / "skin_tone" / part / "skin_tone_dermoscopic.json"
    return json.loads(path.read_text())


def test_the_network_is_small_and_says_what_it_is_worth(trained):
    told = described(trained)
    assert told["size_bytes"] < 6e6
    assert told["calibration"]["scale"] == "fitzpatrick"
    assert told["labels"] == LABELS
    assert "that it had not seen" in told["worth"]
    assert (
        "Kappa has quadratic weights"
        in (trained / "skin_tone/skin_tone_dermoscopic.md").read_text()
    )


def test_the_refitted_network_learned_from_all_and_has_the_first_ones_figures(trained):
    first, last = described(trained, "held_out"), described(trained)
    assert last["scores"] == first["scores"]
    assert first["n_train"] < last["n_train"] == 180
    catalog = read_data_source(DATA)
    folder = trained / "skin_tone"
    name = "skin_tone_dermoscopic.tflite"
    assert ToneNetwork.load(folder / name).learned_from(catalog).all()
    seen = ToneNetwork.load(folder / "held_out" / name).learned_from(catalog)
    assert seen.sum() == pytest.approx(0.75 * 180, abs=9)


def test_people_without_a_label_are_estimated_or_unknown(audited):
    table = pd.read_csv(audited / "catalog.csv")
    known = table["tone_group"].notna()
    assert (table.loc[known, "tone_source"] == "network skin_tone_dermoscopic").all()
    assert table["tone"].between(-3, 8).all()
    sources = pd.read_csv(audited / "audit/tone_sources.csv", index_col=0)
    assert sources.to_numpy().sum() == 40


def test_the_page_of_the_audit_says_how_good_the_estimator_is(audited):
    page = (audited / "audit.html").read_text()
    assert "rank correlation with the label" in page
    assert "This is no table of people" in page
    assert "apparent tone" not in page.lower()


def test_an_estimator_that_is_not_proven_names_no_group(
    trained, audited, tmp_path, monkeypatch, capsys
):
    network = ToneNetwork.load(trained / "skin_tone/skin_tone_dermoscopic.tflite")
    right = {"metric": "group right", "value": 0.9, "low": 0.7, "high": 0.95}
    doubtful = replace(network, description=network.description | {"scores": [right]})
    monkeypatch.setattr(audit_skin_tone, "shipped_networks", lambda: [doubtful])
    data = json.loads((audited / "stages/audit_skin_tone.json").read_text())
    run_stage("audit_skin_tone", tmp_path, data=data["settings"]["data"])
    table = pd.read_csv(tmp_path / "catalog.csv")
    assert table["tone_group"].isna().all()
    assert table["tone"].notna().all()
    assert "names no group" in capsys.readouterr().out
    assert "here it names none" in (tmp_path / "audit.html").read_text()
    proven = replace(network, description={"scores": [right | {"low": 0.85}]})
    assert proven.is_proven
    assert not doubtful.is_proven


def test_labels_alone_are_used_where_that_is_asked_for(audited, tmp_path):
    data = json.loads((audited / "stages/audit_skin_tone.json").read_text())
    run_stage(
        "audit_skin_tone", tmp_path, data=data["settings"]["data"], tone_by="label"
    )
    assert pd.read_csv(tmp_path / "catalog.csv")["tone_group"].isna().all()


def test_validation_leaves_out_what_the_network_learned_from(trained, tmp_path, capsys):
    network = trained / "skin_tone/held_out/skin_tone_dermoscopic.tflite"
    validate(network, tmp_path)
    scores = pd.read_csv(tmp_path / "validation/scores.csv")
    overall = scores[scores["within"] == "all"].set_index(["estimator", "metric"])
    n_judged = int(
        (~ToneNetwork.load(network).learned_from(read_data_source(DATA))).sum()
    )
    assert (
        f"{n_judged} of 180 labelled photographs are judged" in capsys.readouterr().out
    )
    assert (overall.drop("ICC", level="metric")["n"] == n_judged).all()
    assert {"ITA", "published ITA", "calibrated ITA"} <= set(scores["estimator"])
    masked = "network skin_tone_dermoscopic, lesion masked"
    assert {masked, masked.split(",")[0]} <= set(scores["estimator"])
    page = (tmp_path / "skin_tone.html").read_text()
    assert "How good are estimates of skin tone?" in page


def test_a_network_that_learned_from_all_is_left_out_with_its_card(
    trained, tmp_path, capsys
):
    network = trained / "skin_tone/skin_tone_dermoscopic.tflite"
    validate(network, tmp_path)
    said = capsys.readouterr().out
    assert "is not judged here: it learned from all but 0 of these" in said
    assert "180 of 180 labelled photographs are judged" in said
    scores = pd.read_csv(tmp_path / "validation/scores.csv")
    assert not scores["estimator"].str.contains("network").any()


def test_an_archive_without_labels_is_refused_at_once(tmp_path, audited):
    data = json.loads((audited / "stages/audit_skin_tone.json").read_text())
    source = data["settings"]["data"]
    with pytest.raises(ValueError, match="no photograph has a person's label"):
        run_stage("validate_skin_tone", tmp_path / "a", data=source)
    with pytest.raises(ValueError, match="needs 100 photographs.*Received: none"):
        run_stage("train_skin_tone", tmp_path / "b", data=source)


def test_too_few_to_calibrate_is_told_before_anything_is_trained(tmp_path):
    with pytest.raises(ValueError, match="change `fractions`.*Received"):
        run_stage("train_skin_tone", tmp_path, data=DATA, fractions=(0.9, 0.05, 0.05))
    assert not list(tmp_path.rglob("*.keras"))


def test_tables_are_audited_without_their_images(tmp_path):
    (tmp_path / "clinic.csv").write_text(
        "isic_id,diagnosis,fitzpatrick_skin_type\na,NV,II\nb,MEL,VI\nc,NV,\n"
    )
    run = tmp_path / "run"
    source = f"table:{tmp_path / 'clinic.csv'}"
    run_stage("audit_skin_tone", run, data=source, table_only=True)
    people = pd.read_csv(run / "audit/tone_by_diagnosis.csv", index_col=0)
    assert people.loc["total"].tolist() == [1, 0, 1, 1, 3]
    assert "no photograph was looked at" in (run / "audit.html").read_text()
    with pytest.raises(ValueError, match="no catalog csv"):
        run_stage("prepare_dataset", run)


def test_a_folder_has_no_table_to_audit(tmp_path):
    with pytest.raises(ValueError, match="folder has no table"):
        run_stage(
            "audit_skin_tone", tmp_path, data=f"folder:{tmp_path}", table_only=True
        )

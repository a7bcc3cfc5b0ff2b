"""Input that is refused costs nothing of what a run holds."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from keras_derm import jobs
from keras_derm.files import write_json
from keras_derm.jobs.command_line import main
from keras_derm.runs import RunDirectory
from keras_derm.runs.records import Record
from keras_derm.settings import AuditSkinToneSettings, ExportTfliteSettings

APPS = Path(__file__).parents[2] / "apps"
DATA = "phantom:n=64,seed=3,size=64"
MEMBERS = '[{"backbone": "CustomCNN", "image_size": 32, "epochs": 1}]'
HOLDER = """
import sys, time
from keras_derm.runs import RunDirectory

with RunDirectory(sys.argv[1]).locked():
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def run(evaluated_run, tmp_path):
    """The evaluated run, as if it had been exported and images made."""
    path = shutil.copytree(evaluated_run, tmp_path / "run")
    run = RunDirectory(path)
    (path / "screening.csv").write_text("accepted\n")
    run.export.mkdir()
    (run.export / "ensemble_int8.tflite").write_bytes(b"model")
    write_json(run.export / "cost.json", {"refusal": ""})
    judged = Record.read(run.record("evaluate"))
    exported = Record(ExportTfliteSettings(), {"evaluate": judged.digest})
    exported.write(run.record("export_tflite"), 1.0)
    return run


def contents(run):
    """Every file of a run but the lock, with its time and bytes."""
    return {
        str(path.relative_to(run.path)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in run.path.rglob("*")
        if path.is_file() and not path.name.startswith("lock")
    }


def refusal(monkeypatch, capsys, *arguments):
    """What the command says as it refuses."""
    monkeypatch.setattr(sys, "argv", ["keras-derm", *map(str, arguments)])
    with pytest.raises(SystemExit) as status:
        main()
    assert status.value.code == 1
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "app, options, said",
    [
        ("audit_skin_tone", ["--data", "ham10000:/nonexistent"], "/nonexistent"),
        ("export_tflite", ["--seed", "-1"], "`seed` must be .*Received: -1"),
        ("export_tflite", ["--arm", "third"], "`arm` must be .*Received: 'third'"),
        ("evaluate", ["--n_replicates", "-1"], "`n_replicates` must be .*: -1"),
        ("evaluate", ["--reference", "third"], "`reference` must be .*: 'third'"),
        ("synthesize", ["--target_per_diagnosis", "-3"], "Received: -3"),
        ("prepare_dataset", ["--images_per_shard", "0"], "Received: 0"),
        ("train_classifier", ["--batch_size", "0"], "Received: 0"),
    ],
)
def test_refused_option_leaves_the_run_as_it_was(
    run, monkeypatch, capsys, app, options, said
):
    before = contents(run)
    assert run.done(app)
    message = refusal(monkeypatch, capsys, app, "--run", run.path, *options)
    assert re.search(said, message)
    assert "Received: " in message
    assert contents(run) == before
    assert run.done(app)


@pytest.mark.parametrize(
    "text, said",
    [
        ("name,part\na,train\n", r"needs an id column.*Received: \['name', 'part'\]"),
        ("isic_id,split\nISIC_0000001,surprise\n", "Received: row 2: 'surprise'"),
        ("isic_id,split\nnobody,train\n", r"lists none.*Received: \['nobody'\]"),
        (None, "no such file. Received: "),
    ],
)
def test_wrong_split_file_leaves_the_prepared_images(
    run, tmp_path, monkeypatch, capsys, text, said
):
    before, csv = contents(run), tmp_path / "split.csv"
    if text is not None:
        csv.write_text(text)
    options = ("--run", run.path, "--image_size", "32", "--split_file", csv)
    message = refusal(monkeypatch, capsys, "prepare_dataset", *options)
    assert re.search(said, message)
    assert contents(run) == before
    assert run.done("prepare_dataset")


@pytest.mark.parametrize(
    "text, said",
    [
        (
            "scales: {published: {train_classifier: {batch_size: 16x}}}",
            "`batch_size` must be .*Received: '16x'",
        ),
        ("scales: {published: {train_classifier: {members: 5}}}", "Received: 5"),
        ("{only: [surprise], scales: {published: {}}}", r"Received: \['surprise'\]"),
    ],
)
def test_wrong_type_in_a_recipe_leaves_the_run_as_it_was(
    run, tmp_path, monkeypatch, capsys, text, said
):
    before, recipe = contents(run), tmp_path / "recipe.yaml"
    recipe.write_text(text)
    options = ("--run", run.path, "--data", DATA, "--recipe", recipe)
    assert re.search(said, refusal(monkeypatch, capsys, "run_recipe", *options))
    assert contents(run) == before


def test_finished_stages_are_not_done_again_after_a_refusal(run, capsys):
    with pytest.raises((ValueError, FileNotFoundError), match="Received"):
        jobs.run_stage("audit_skin_tone", run.path, data="ham10000:/nonexistent")
    assert run.settings(AuditSkinToneSettings).data == DATA
    capsys.readouterr()
    jobs.run_stage("audit_skin_tone", run.path, data=DATA)
    jobs.run_stage("evaluate", run.path, n_replicates=50)
    assert capsys.readouterr().out.count("already done") == 2


def test_second_training_of_a_run_is_refused_with_the_name_of_the_first(run):
    before = contents(run)
    command = [sys.executable, "-c", HOLDER, run.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "locked\n"
        second = [sys.executable, APPS / "train_classifier.py", "--run", run.path]
        found = subprocess.run(
            [*second, "--members", MEMBERS], capture_output=True, text=True
        )
        first.kill()
    assert found.returncode == 1
    assert f"process {first.pid} on {os.uname().nodename}" in found.stderr
    assert "Received: " in found.stderr and "Traceback" not in found.stderr
    assert contents(run) == before


def test_archive_from_which_the_task_cannot_be_learned_trains_no_generator(
    tmp_path, monkeypatch, capsys, write_image
):
    for name in ("benign", "malignant"):
        for i in range(3):
            write_image(tmp_path / f"all/{name}/{name}_{i}.png", (64, 64), seed=i)
    options = ("--recipe", "sn_gan_ensemble", "--scale", "quick")
    run = ("--run", tmp_path / "run", "--data", f"folder:{tmp_path}/all")
    message = refusal(monkeypatch, capsys, "run_recipe", *run, *options)
    assert "They would do for --task benign_malignant. Received: 6 UNK" in message
    assert not (tmp_path / "run/generator").exists()
    assert not RunDirectory(tmp_path / "run").done("prepare_dataset")


def test_generator_and_classifier_alone_refuse_images_of_one_class(
    run, monkeypatch, capsys
):
    catalog = run.catalog.with_columns(diagnosis="NV", benign_malignant="benign")
    catalog.save(run.catalog_file)
    for app in ("train_generator", "train_classifier"):
        before = contents(run)
        message = refusal(monkeypatch, capsys, app, "--run", run.path)
        assert "must be of two of these or more" in message
        assert contents(run) == before


def message_of(monkeypatch, capsys, *arguments):
    """As `refusal`, without colours of the terminal and in one line."""
    return " ".join(refusal(monkeypatch, capsys, *arguments).split())


@pytest.mark.parametrize(
    "app, options",
    [
        ("make_phantom", ["OUT", "--n", "0"]),
        ("make_phantom", ["OUT", "--seed", "99999999999999999999"]),
        ("make_phantom", ["OUT", "--tone_frequencies", "sideways"]),
        ("make_phantom", ["/proc/nowhere/phantom", "--n", "2"]),
        ("prepare_dataset", ["--run", "RUN", "--seed", str(2**63)]),
        ("report", ["--run", "FILE"]),
        ("audit_skin_tone", ["--run", "FILE/run", "--data", "phantom:n=9,seed=1"]),
        ("audit_skin_tone", ["--run", "RUN", "--data", "phantom:n=9,seed=-1"]),
        ("predict", ["RUN/arms/baseline/ensemble.keras", "OUT/*.jpg"]),
    ],
)
def test_every_app_ends_with_one_message_and_the_way_out(
    run, tmp_path, monkeypatch, capsys, app, options
):
    (tmp_path / "file").write_text("no folder")
    places = {"OUT": "out", "RUN": "run", "FILE": "file"}
    for name, place in places.items():
        options = [one.replace(name, str(tmp_path / place)) for one in options]
    message = message_of(monkeypatch, capsys, app, *options)
    assert message.startswith("error: ") and "Received: " in message
    assert "Errno" not in message and "Traceback" not in message


@pytest.mark.parametrize(
    "file, content, app",
    [
        ("metrics.json", "null", "report"),
        ("metrics.json", "{", "report"),
        ("metrics.json", {"arms": None}, "report"),
        ("metrics.json", {"arms": {"baseline": None, "augmented": None}}, "report"),
        ("metrics.json", {"chosen_arm": None}, "export_tflite"),
        ("metrics.csv", "", "report"),
        ("metrics.csv", "a,b\n1,2\n", "report"),
        ("arms/baseline/ensemble.json", "[]", "report"),
        ("environment.json", {"packages": None}, "report"),
        ("catalog.csv", "", "report"),
        ("catalog.csv", b"\0\1\2", "train_classifier"),
        ("prepared/real/index.json", "null", "train_classifier"),
        ("stages/evaluate.json", "null", "report"),
        ("stages/audit_skin_tone.json", {"settings": None}, "evaluate"),
        ("audit/tone_by_diagnosis.csv", "diagnosis\n", "report"),
    ],
)
def test_damaged_file_of_a_run_is_named_with_the_way_out(
    run, monkeypatch, capsys, file, content, app
):
    for name in ("screening.csv", "stages/export_tflite.json"):  # no whole stages
        (run / name).unlink()
    path = run / file
    if isinstance(content, dict):
        write_json(path, json.loads(path.read_text()) | content)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    options = {"train_classifier": ["--arm", "third", "--members", MEMBERS]}
    message = message_of(
        monkeypatch, capsys, app, "--run", run.path, *options.get(app, [])
    )
    assert Path(file).name in message and "Received: " in message
    assert re.search("remove|again|begin|anew|save it", message)

"""The papers beside our figures: what is corrected, and stand-ins of archives."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from keras_derm.catalog import Catalog
from keras_derm.readers import read_data_source

TESTS = Path(__file__).parent
FOLDERS = [str(TESTS.parent / "benchmarks"), str(TESTS / "report")]


@pytest.fixture(scope="module", autouse=True)
def on_the_path():
    """The benchmarks are scripts: they find each other in their own folder."""
    sys.path[:0] = FOLDERS
    yield
    sys.path[: len(FOLDERS)] = []


@pytest.fixture
def run(tmp_path):
    """A finished run, with confusion matrices and the AUC of each epoch."""
    from fake_run import write_run

    made = write_run(tmp_path, ["baseline", "augmented"])
    metrics = json.loads((made / "metrics.json").read_text())
    for i, arm in enumerate(metrics["arms"].values()):
        arm |= {"classes": ["NV", "BCC"], "confusion_matrix": [[40, 2], [3 - i, 5 + i]]}
        (stratum,) = arm["strata"]
        stratum["metrics"]["npv"] = {"value": 0.9, "low": None, "high": None}
    (made / "metrics.json").write_text(json.dumps(metrics))
    (made / "synthesis.json").write_text('{"seconds_an_image": 0.0421}')
    for path in made.path.glob("arms/*/*/history.csv"):
        pd.read_csv(path).assign(val_auc=[0.7, 0.8]).to_csv(path, index=False)
    return made


@pytest.mark.parametrize(
    "name", ["sn_gan_ensemble", "lora_diffusion", "cwgan_gp", "melanet"]
)
def test_paper_is_printed_from_a_finished_run(name, run, capsys):
    from paper_figures import PAPERS
    from papers import show

    paper = SimpleNamespace(**vars(PAPERS[name]) | {"pictures": lambda run: {}})
    show(paper, run)
    said = capsys.readouterr().out
    assert "ham10000:/data/HAM10000 (HAM10000)" in said
    assert "4 train, 2 val, 2 test" in said
    table = pd.read_csv(run / "paper.csv").set_index("what")
    ours = {
        "sn_gan_ensemble": {
            "baseline: correct BCC": "5 of 8",
            "augmented: correct BCC": "6 of 8",
            "augmented: balanced accuracy": "0.820 (0.770 to 0.870)",
            "baseline: validation accuracy": "0.40 to 0.40, ResNet50",
        },
        "lora_diffusion": {
            "VI by the published rule: melanocytic, others": "1, 0",
            "II by people's labels (fitzpatrick): melanocytic, others": "4, 0",
            "melanocytic: original": "8 (2 dark)",
            "all": "8 + 0 = 8",
            "baseline: accuracy, train": "not run",
            "a made image: seconds": "0.042",
            "parameters": "not run",
            "augmented: epoch that is kept": "2",
        },
        "cwgan_gp": {
            "augmented: recall at 0.5": "0.820 (0.770 to 0.870)",
            "augmented: recall at the threshold for 90 % on val": (
                "0.820 (0.770 to 0.870)"
            ),
            "made images": "0",
            "melanomas that the GAN learned from": "2, of train alone",
        },
        "melanet": {
            "MelaNet: sensitivity TP / (TP + FN)": "0.820 (0.770 to 0.870)",
            'VGG-GAP: "sensitivity", which is the NPV': "NPV 0.900",
            "MelaNet: F-score of the made training images": "not run",
            "images of Augment-10x": "44",
        },
    }[name]
    assert table.loc[list(ours), "ours"].to_dict() == ours


def write_prepared(folder, ids, brightness):
    """Write plain images of 8 pixels, as `PreparedImages` reads them."""
    folder.mkdir(parents=True)
    images = np.empty((len(ids), 8, 8, 3), np.uint8)
    images[:] = np.reshape(brightness, (-1, 1, 1, 1))
    np.save(folder / "images.npy", images)
    (folder / "index.json").write_text(json.dumps({"ids": list(ids)}))


@pytest.fixture
def bright_is_melanoma(run):
    """The run, whose augmented arm calls bright images MEL and the others NV.

    Melanomas of the catalog are bright but for one of the four training images; of two
    images that were made one is.
    """
    table = run.catalog.table
    brightness = np.where(table["diagnosis"] == "MEL", 200, 50)
    brightness[0] = 50
    write_prepared(run.prepared_real, table["isic_id"], brightness)
    made = table.iloc[:2].assign(
        isic_id=["made_0", "made_1"],
        diagnosis="MEL",
        patient_id=None,
        synthetic=True,
        generator="sngan",
        seed=0,
        split="train",
    )
    run.synthetic.mkdir()
    Catalog(made, run.path).save(run.synthetic / "catalog.csv")
    write_prepared(run.prepared_synthetic, made["isic_id"], [200, 50])
    inputs = keras.Input((8, 8, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    dense = keras.layers.Dense(2, activation="softmax")
    model = keras.Model(inputs, dense(mean))
    towards_melanoma = np.full(3, 0.1 / 3)
    kernel = np.transpose([towards_melanoma, -towards_melanoma])
    dense.set_weights([kernel, np.array([-12.0, 12.0])])
    model.save(run.arm("augmented") / "ensemble.keras")
    return run


def test_what_an_arm_learned_from_is_told_apart(bright_is_melanoma):
    """Table 5 has figures of training images: real and made ones are never one."""
    from paper_figures import lora_diffusion

    rows = {row.what: row for row in lora_diffusion.rows(bright_is_melanoma)}
    assert rows["augmented: accuracy, train"].ours == "real 0.750, added 0.500"
    assert rows["augmented: accuracy, train"].printed == "0.94"
    assert rows["augmented: recall, train"].ours.startswith("real 0.750")
    assert rows["baseline: AUC, train"].ours == "not run"  # it has no model


def test_history_is_that_of_the_member_that_stands_first(run):
    from paper_figures.rows import history

    path = run.arm("baseline") / "resnet50_224/history.csv"
    pd.read_csv(path).assign(accuracy=0.9).to_csv(path, index=False)
    assert set(history(run, "baseline")["accuracy"]) == {0.9}


def test_printed_tables_agree_with_what_the_paper_says_of_them():
    """Sums of Table 1 and shares of the text: a figure copied wrongly breaks them."""
    from paper_figures import lora_diffusion as paper

    known = [counts for counts in paper.TABLE_1.values() if counts]
    assert tuple(map(sum, zip(*known, strict=True))) == (3165, 14563)
    dark = [sum(paper.TABLE_1[name]) for name in ("V", "VI")]
    assert sum(dark) == 1407
    assert sum(made for _, made in paper.TABLE_2.values()) == 808
    for _, *printed in paper.TABLE_3.values():
        assert sorted(printed) in (printed, printed[::-1])  # each finder is better
    f_score = {column: values for column, values in enumerate(paper.TABLE_5["F-score"])}
    for column, printed in f_score.items():
        precision, recall = (paper.TABLE_5[n][column] for n in ("precision", "recall"))
        harmonic = 2 * precision * recall / (precision + recall)
        assert harmonic == pytest.approx(printed, abs=0.006)


def test_tones_by_the_published_rule_are_drawn(run):
    from paper_figures import lora_diffusion

    path = run / lora_diffusion._tones(run)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_every_arm_is_shown_on_what_one_misses(bright_is_melanoma, monkeypatch):
    """Fig. 7 and 8 of melanet: columns are arms, rows malignant test images."""
    from paper_figures import melanet

    run, drawn = bright_is_melanoma, {}
    rows = run.catalog.split("test")
    said = (rows, np.array([1, 0]), np.array([[0.2, 0.8], [0.6, 0.4]]))
    monkeypatch.setattr(melanet, "predicted", lambda *_: said)
    monkeypatch.setattr(
        melanet.explain,
        "attention_maps",
        lambda model, images, of_class, method: np.full(images.shape[:3], of_class / 2),
    )
    columns = melanet.figures.attention_columns

    def kept(images, maps, captions):
        drawn.update(images=images, maps=maps, captions=captions)
        return columns(images, maps, captions)

    monkeypatch.setattr(melanet.figures, "attention_columns", kept)
    shutil.copy(
        run.arm("augmented") / "ensemble.keras", run.arm("baseline") / "ensemble.keras"
    )
    found = melanet._attention(run, "found")
    assert (run / found).is_file() and drawn["captions"] == ["found, 80%"]
    assert list(drawn["maps"]) == ["VGG-GAP", "MelaNet"]
    assert (drawn["images"] == 200).all()  # the one melanoma of the test set
    assert melanet._attention(run, "missed") is None


def test_what_differs_from_published_is_told(run):
    from papers import differences

    cells = [list(column.cells) for column in differences("melanet", run).columns]
    told = dict(zip(*cells, strict=True))
    assert "preset: melanet, here sn_gan_ensemble" in told["prepare_dataset"]
    assert "epochs: 500, here None" in told["train_generator"].split("\n")
    changed = told["train_classifier.baseline"].split("\n")
    assert "members.1.epochs: 300, here 25" in changed
    assert "optimization.optimizer: adadelta, here adamw" in changed
    assert not any(line.startswith("members.1.file") for line in changed)
    assert told["train_classifier.copies_5x"] == "not run"


def test_sensitivity_behind_the_printed_npv():
    from paper_figures import melanet

    found = [melanet.corrected(npv, fn) for _, _, npv, fn in melanet.ARMS.values()]
    sensitivity, specificity = np.transpose(found)
    np.testing.assert_allclose(sensitivity, [20 / 75, 24 / 75, 28 / 75, 53 / 75])
    np.testing.assert_allclose(specificity[-1], 0.806, atol=5e-4)
    for (_, _, npv, fn), right in zip(
        melanet.ARMS.values(), specificity * 304, strict=True
    ):
        assert abs(right / (right + fn) - npv) < 5e-4  # the printed figure follows


def test_f_scores_are_those_of_the_paper_for_its_counts():
    """77 of 727 benign images called malignant, all 10 made ones called so (3.1)."""
    from paper_figures import melanet

    benign, made = np.repeat([1, 0], [77, 650]), np.ones(10, int)
    found = melanet.f_scores(benign, made)
    assert round(found["benign"]["sensitivity"], 2) == 0.89
    assert round(found["benign"]["F-score"], 2) == 0.94
    assert round(found["made"]["sensitivity"], 2) == 1.0
    assert round(found["made"]["F-score"], 2) == 0.21


@pytest.fixture
def ham10000(tmp_path, write_image):
    """40 melanomas, 80 nevi, 6 of each other diagnosis; every lesion twice."""
    counts = {"mel": 40, "nv": 80} | dict.fromkeys(
        ("bkl", "df", "vasc", "bcc", "akiec"), 6
    )
    dx = np.repeat(list(counts), list(counts.values()))
    folder = tmp_path / "ham"
    names = [f"ISIC_{i:07d}" for i in range(len(dx))]
    for name in names:
        write_image(folder / f"images/{name}.jpg")
    pd.DataFrame(
        {
            "lesion_id": [f"HAM_{i // 2}" for i in range(len(dx))],
            "image_id": names,
            "dx": dx,
            "dx_type": "histo",
            "age": 50.0,
            "sex": "male",
            "localization": "back",
        }
    ).to_csv(folder / "HAM10000_metadata.csv", index=False)
    return folder


def test_ham10000_stands_in_for_isic_2016(ham10000, tmp_path, monkeypatch):
    from paper_figures import stand_ins

    counts = {"train": {"benign": 20, "malignant": 8}}
    counts |= {"test": {"benign": 10, "malignant": 4}}
    monkeypatch.setattr(stand_ins, "ISIC_2016", counts)
    source = stand_ins.lay_out("melanet", ham10000, tmp_path / "archive")
    table = read_data_source(source).table
    found = table.groupby(["split", "benign_malignant"]).size().to_dict()
    assert found == {
        (split, name): n for split, part in counts.items() for name, n in part.items()
    }
    lesions = pd.read_csv(ham10000 / "HAM10000_metadata.csv", index_col="image_id")
    assert not lesions.loc[table["isic_id"], "lesion_id"].duplicated().any()
    assert "HAM10000 as isic2016: 28 training" in stand_ins.told(source)
    assert stand_ins.lay_out("melanet", ham10000, tmp_path / "archive") == source


def test_ham10000_stands_in_for_isic_2019_and_2020(ham10000, tmp_path, monkeypatch):
    from paper_figures import stand_ins

    source = stand_ins.lay_out("sn_gan_ensemble", ham10000, tmp_path / "2019")
    counts = read_data_source(source).table["diagnosis"].value_counts().to_dict()
    assert counts == {"NV": 80, "MEL": 40} | dict.fromkeys(
        ("BKL", "DF", "VASC", "BCC", "AK"), 6
    )
    monkeypatch.setattr(stand_ins, "MELANOMAS_OF_ISIC_2020", 0.1)
    source = stand_ins.lay_out("cwgan_gp", ham10000, tmp_path / "2020")
    with pytest.warns(UserWarning, match="duplicate photographs"):
        table = read_data_source(source).table
    malignant = table["benign_malignant"] == "malignant"
    assert (len(table) - malignant.sum(), malignant.sum()) == (98, 11)
    assert set(table.loc[malignant, "diagnosis"]) == {"MEL"}
    assert stand_ins.lay_out("lora_diffusion", ham10000, "none").startswith("ham10000:")

"""A thousand inputs as no one should send them: each is read, or refused in words."""

import collections
import contextlib
import json
import random
import shutil
import signal
import time
import warnings
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from keras_derm.catalog import Catalog
from keras_derm.evaluation import predictions_from_csv
from keras_derm.export import QuantizedEnsemble
from keras_derm.photographs import IMAGE_SUFFIXES
from keras_derm.readers import read_data_source
from keras_derm.settings import Recipe
from keras_derm.skin_tone import ToneNetwork

SEED, MOST_SECONDS = 20261129, 30
N = {"archives": 450, "predictions": 250, "recipes": 200, "models": 100}
REFUSALS = (ValueError, OSError, RuntimeError, ImportError)
"""What a command tells in one message; all else would be a traceback."""

SHIPPED = Path(__file__).parents[1] / "saved_models"
NASTY = (
    *("", "\0", "\x1b[2J", '"', "'", "\n", "\r\n", ";", "\t", ",", ",,", "\ufeff", "é"),
    *("../", "..\\", "/etc/passwd", "C:\\", "NaN", "inf", "-inf", "1e400", "-5", "85+"),
    *("9" * 30, "=1+1", "null", "None", "[]", "{}", "%s", "{0}", "x" * 100_000, "🩺"),
    *("&a", "*a", "<<", "!!python/object:x.Y", "- " * 30, ": ", "#", "[" * 60, "~"),
)
VALUES = (None, True, -1, 0, 3.5, 2**70, float("nan"), "", "x" * 5_000, [], {}, [None])


def mutated_text(text, draw):
    """Text after one to four blows, as bytes of one of several encodings."""
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(text) + 1)
        end = min(len(text), at + draw.choice((1, 1, 3, 10, 100)))
        blow = draw.randrange(7)
        if blow == 0:
            text = text[:at] + text[end:]
        elif blow == 1:
            text = text[:at] + draw.choice(NASTY) + text[at:]
        elif blow == 2:
            text = text[:at] + draw.choice(NASTY) + text[end:]
        elif blow == 3:
            text = text[:at] + text[at:end] * draw.randint(2, 5) + text[end:]
        elif blow == 4:
            lines = text.split("\n")
            draw.shuffle(lines)
            text = "\n".join(lines)
        elif blow == 5:
            old, new = draw.sample([",", ";", "\t", "\n", "0", "1", "_", " ", "e"], 2)
            text = text.replace(old, new)
        elif draw.random() < 0.3:
            text = text[:at]
    codec = draw.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"))
    data = text.encode(codec, "replace")
    if draw.random() < 0.1:
        data = bytes(draw.randrange(256) if draw.random() < 0.05 else b for b in data)
    return data


def mutated_json(content, draw):
    """JSON with one to three values replaced or dropped, at any depth."""
    content = json.loads(json.dumps(content))
    for _ in range(draw.randint(1, 3)):
        place = content
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw.choice(keys)
            if isinstance(place[key], dict | list) and draw.random() < 0.7:
                place = place[key]
                continue
            if draw.random() < 0.2:
                del place[key]
            else:
                place[key] = draw.choice(VALUES)
            break
    return json.dumps(content)


@contextlib.contextmanager
def limited_to(seconds):
    """Raise what no refusal is after so many seconds."""

    def stop(number, frame):
        raise AssertionError(f"took over {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(work, told):
    """How an input ended; the test fails where that is no refusal in words."""
    start = time.monotonic()
    try:
        with limited_to(MOST_SECONDS):
            work()
        ended = "read"
    except REFUSALS as error:
        message = str(error)
        assert "Received" in message or "does not fit" in message, (told, message)
        assert len(message) < 20_000, (told, len(message))
        ended = f"refused ({type(error).__name__})"
    return ended, time.monotonic() - start


def report(kind, ends):
    """Print the totals of one kind of input."""
    counts = collections.Counter(ended for ended, _ in ends)
    slowest = max(seconds for _, seconds in ends)
    told = ", ".join(f"{n} {ended}" for ended, n in counts.most_common())
    print(f"\n{kind}: {len(ends)} inputs: {told}; the slowest {slowest:.1f} s")
    assert len(ends) == N[kind]


def photographs(folder, names):
    noise = np.random.default_rng(0).integers(0, 255, (20, 24, 3), dtype=np.uint8)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).save(folder / name)


ARCHIVES = {
    "isic_archive": (
        "metadata.csv",
        "isic_id,diagnosis,age_approx,sex,fitzpatrick_skin_type,image_type\n"
        "ISIC_1,nevus,40,male,II,dermoscopic\nISIC_2,melanoma,85,female,,dermoscopic\n"
        "ISIC_3,basal cell carcinoma,,,V,clinical: close-up\n",
    ),
    "ham10000": (
        "HAM10000_metadata.csv",
        "lesion_id,image_id,dx,dx_type,age,sex,localization\nHAM_1,ISIC_1,nv,histo,40,"
        "male,back\nHAM_1,ISIC_2,nv,histo,40,male,back\nHAM_2,ISIC_3,mel,histo,,,\n",
    ),
    "isic2016": (
        "ISBI2016_ISIC_Part3_Training_GroundTruth.csv",
        "ISIC_1,benign\nISIC_2,malignant\nISIC_3,benign\n",
    ),
    "isic2018": (
        "ISIC2018_Task3_Training_GroundTruth.csv",
        "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nISIC_1,1,0,0,0,0,0,0\n"
        "ISIC_2,0,1,0,0,0,0,0\nISIC_3,0,0,0,1,0,0,0\n",
    ),
    "isic2020": (
        "ISIC_2020_Training_GroundTruth.csv",
        "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,"
        "benign_malignant,target\nISIC_1,IP_1,male,45.0,head/neck,unknown,benign,0\n"
        "ISIC_2,IP_2,female,30.0,torso,melanoma,malignant,1\n"
        "ISIC_3,IP_2,female,30.0,torso,nevus,benign,0\n",
    ),
    "table": (
        "own.csv",
        "isic_id,path,diagnosis,lesion_id,skin_tone_label,skin_tone_scale\n"
        "ISIC_1,images/ISIC_1.jpg,NV,L1,3,monk\nISIC_2,images/ISIC_2.jpg,MEL,L2,,\n"
        "ISIC_3,images/ISIC_3.jpg,BCC,L3,IV,fitzpatrick\n",
    ),
}


@pytest.mark.slow
def test_archives_are_read_or_refused_and_no_image_is_lost_without_a_word(tmp_path):
    draw, ends = random.Random(SEED), []
    photographs(tmp_path, [f"images/ISIC_{n}.jpg" for n in (1, 2, 3)])
    for number in range(N["archives"]):
        reader = draw.choice(list(ARCHIVES))
        name, text = ARCHIVES[reader]
        file = tmp_path / name
        file.write_bytes(mutated_text(text, draw))
        source = f"{reader}:{file if reader == 'table' else tmp_path}"
        skip_bad = draw.random() < 0.5

        def work(source=source, skip_bad=skip_bad):
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                catalog = read_data_source(source, skip_bad=skip_bad)
            n_there = sum(p.suffix in IMAGE_SUFFIXES for p in tmp_path.rglob("*"))
            told = [*catalog.notes, *warned, *catalog.skipped["cause"]]
            assert len(catalog) == n_there or told, "an image is lost in silence"

        ends.append(outcome(work, (number, file.read_bytes()[:500])))
        file.unlink()
    report("archives", ends)


@pytest.mark.slow
def test_predictions_are_read_or_refused(tmp_path):
    draw, ends = random.Random(SEED + 1), []
    photographs(tmp_path, [f"{name}.jpg" for name in "abc"])
    table = {"isic_id": list("abc"), "diagnosis": ["MEL", "NV", "NV"]}
    table["path"] = [f"{name}.jpg" for name in "abc"]
    catalog = Catalog(pd.DataFrame(table), root=tmp_path)
    texts = (
        "isic_id,MEL,NV\na,0.2,0.8\nb,0.5,0.5\nc,0.9,0.1\n",
        "image,MEL,NV,AKIEC,UNK\na.jpg,0.2,0.8,0,0\nb.jpg,.5,.5,0,0\nc.jpg,1,0,0,0\n",
        "image;diagnosis;MEL;NV;ita;error\n/x/a.jpg;MEL;0,2;0,8;41,5;\n"
        "/x/b.jpg;NV;0,5;0,5;;\n/x/c.jpg;NV;0,9;0,1;;\n",
    )
    for number in range(N["predictions"]):
        file = tmp_path / "predictions.csv"
        file.write_bytes(mutated_text(draw.choice(texts), draw))

        renormalise = draw.random() < 0.3

        def work(file=file, renormalise=renormalise):
            y_prob = predictions_from_csv(
                file, catalog, ("MEL", "NV"), renormalise=renormalise
            )
            assert y_prob.shape == (3, 2) and np.isfinite(y_prob).all()
            np.testing.assert_allclose(y_prob.sum(axis=1), 1, atol=0.011)

        ends.append(outcome(work, (number, file.read_bytes()[:500])))
    report("predictions", ends)


@pytest.mark.slow
def test_recipes_are_read_or_refused(tmp_path):
    draw, ends = random.Random(SEED + 2), []
    folder = resources.files("keras_derm.recipes")
    texts = [p.read_text() for p in folder.iterdir() if p.name.endswith(".yaml")]
    for number in range(N["recipes"]):
        file = tmp_path / "recipe.yaml"
        text = draw.choice(texts)
        if draw.random() < 0.5:
            content = mutated_json(yaml.safe_load(text), draw)
            file.write_text(content.replace("NaN", ".nan"))
        else:
            file.write_bytes(mutated_text(text, draw))
        scale = draw.choice(("published", "laptop", "quick"))
        told = (number, file.read_bytes()[:500])
        ends.append(outcome(lambda s=scale, f=file: Recipe.load(str(f), s), told))
    report("recipes", ends)


@pytest.mark.slow
def test_models_are_read_or_refused(tmp_path):
    from keras_derm.jobs.model_facts import ModelFacts

    draw, ends = random.Random(SEED + 3), []
    shipped = {
        "ham10000_mobilenetv2": open_ensemble,
        "skin_tone_dermoscopic": open_tone,
    }
    for number in range(N["models"]):
        name = draw.choice(list(shipped))
        model = tmp_path / f"{name}.tflite"
        shutil.copy(SHIPPED / f"{name}.tflite", model)
        content = json.loads((SHIPPED / f"{name}.json").read_text())
        text = mutated_json(content, draw)
        if draw.random() < 0.2:
            text = mutated_text(text, draw).decode("utf-8", "replace")
        model.with_suffix(".json").write_text(text)
        if draw.random() < 0.1:
            model.write_bytes(mutated_text("TFL3" * 50, draw))

        def work(model=model, load=shipped[name]):
            load(model, ModelFacts)

        ends.append(outcome(work, (number, name, text[:300])))
    report("models", ends)


def open_ensemble(path, facts):
    """What predict.py makes of an exported ensemble before it looks at photographs."""
    ensemble = QuantizedEnsemble(path)
    told = facts(ensemble.description, path)
    image = np.zeros((1, *ensemble.image_size, 3), np.uint8)
    y_prob = ensemble.predict(image)
    if told.sets is not None:
        told.sets.predict(y_prob, ["all"])
    if told.limits is not None:
        told.limits.warnings(np.full((40, 40, 3), 128, np.uint8))


def open_tone(path, facts):
    """What the audit makes of a network of skin tone."""
    network = ToneNetwork.load(path)
    assert isinstance(network.worth, str) and network.is_proven in (True, False)

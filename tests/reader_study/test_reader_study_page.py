"""The page of a study in a browser, answered by a script; and what it gives away."""

import base64
import io
import json
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scripted_reader import SIZES, ScriptedReader, browser

from keras_derm.reader_study import (
    CHECK,
    KEPT,
    PREPARED,
    REAL,
    encode_alike,
    make_study,
    questions_of,
    read_answers,
    write_page,
)

PARTS = ("origin", "plausibility", "diagnosis", "tone", "preparation")
OPTIONS = {"origin": 4, "plausibility": 4, "faults": [0, 3], "diagnosis": 1}
OPTIONS |= {"tone": 2, "preservation": 1, "lost_signs": [2]}
SAID = {"origin": "5", "plausibility": "5", "diagnosis": "NV", "tone": "3"}


def rows(kind, n, prefix):
    names = [f"{prefix}{i:03d}" for i in range(n)]
    table = pd.DataFrame({"isic_id": names, "kind": kind, "diagnosis": "NV"})
    return table.assign(tone_group=None, generator=None)


def make(path, n=24, parts=PARTS, n_pairs=2, n_readers=2, side=48):
    """A study of smooth synthetic images and noisy photographs, and its pictures."""
    drawn = pd.concat([rows(REAL, n // 2, "R"), rows(KEPT, n // 2, "S")])
    pairs = rows(PREPARED, n_pairs, "P") if "preparation" in parts else None
    questions = questions_of(parts, ("MEL", "NV"), "monk")
    checks = [{"origin": "2"}]
    study = make_study(
        drawn,
        [question.to_dict() for question in questions],
        checks,
        n_readers,
        0.1,
        seed=0,
        pairs=pairs,
    )
    generator = np.random.default_rng(0)
    pictures = {}
    for item in study.items.values():
        for name in item.pictures:
            spread = {REAL: 60, KEPT: 0}.get(item.kind, 20)
            noise = generator.normal(150, spread, (side, side, 3))
            pictures[name] = np.clip(noise, 0, 255).astype(np.uint8)
    files = dict(zip(pictures, encode_alike(pictures.values(), 64), strict=True))
    write_page(study, files, path, "Reader study")
    return study


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Path of a page of a few pictures of every kind, and its study."""
    path = tmp_path_factory.mktemp("study") / "study.html"
    return path, make(path)


def content_of(path):
    text = path.read_text(encoding="utf-8")
    found = re.search(
        r'<script type="application/json" id="study">(.*?)</script>', text
    )
    return json.loads(found.group(1))


def files_of(path):
    return {
        name: base64.b64decode(data)
        for name, data in content_of(path)["pictures"].items()
    }


def segments(file):
    """Markers and contents of a JPEG up to its pixels, comments aside."""
    found, at = [], 2
    while file[at + 1] != 0xDA:
        size = int.from_bytes(file[at + 2 : at + 4], "big")
        if file[at + 1] != 0xFE:
            found.append(file[at : at + 2 + size])
        at += 2 + size
    return found


def test_page_needs_no_network_and_has_no_truth(small):
    path, study = small
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|url\(|@import|<link|src=", text)
    assert "default-src 'none'" in text
    shown = json.dumps({**content_of(path), "pictures": None, "questions": None})
    for word in (REAL, KEPT, PREPARED, CHECK, "isic", "R00", "S00", "before", "expect"):
        assert word not in shown, word
    assert not [item for item in study.items if item in text]


def test_pictures_differ_by_their_pixels_alone(small):
    path, _ = small
    files = list(files_of(path).values())
    assert len({len(file) for file in files}) == 1
    first, *others = map(segments, files)
    assert all(one == first for one in others)
    assert not any(file[1] == 0xE1 for file in first)  # no EXIF
    images = [Image.open(io.BytesIO(file)) for file in files]
    assert {(image.size, image.mode) for image in images} == {((64, 64), "RGB")}
    assert np.ptp([np.asarray(image).std() for image in images]) > 30


def test_neither_ids_nor_their_order_tell_what_is_real(tmp_path):
    path = tmp_path / "study.html"
    study = make(path, n=200, parts=("origin",), n_readers=1)
    kind = {item.pictures[0]: item.kind for item in study.items.values()}
    listed = [kind[name] for name in content_of(path)["pictures"] if name in kind]
    half = Counter(listed[:100])
    assert abs(half[REAL] - half[KEPT]) < 40  # four deviations of a fair shuffle
    again = make(tmp_path / "again.html", n=200, parts=("origin",), n_readers=1)
    assert again.to_key() == study.to_key()


def test_files_that_differ_in_length_are_refused(small, tmp_path):
    path, study = small
    files = files_of(path)
    files[next(iter(files))] += b"\0"
    with pytest.raises(ValueError, match="must have one length"):
        write_page(study, files, tmp_path / "x.html", "t")


def test_a_picture_that_is_no_square_rgb_image_is_refused():
    with pytest.raises(ValueError, match=r"Received: uint8 \(4, 6, 3\)"):
        encode_alike([np.zeros((4, 6, 3), np.uint8)], 64)


def test_files_are_filled_beyond_the_length_of_one_comment():
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (400, 400, 3)).astype(np.uint8)
    flat, noisy = encode_alike([np.full_like(noise, 9), noise], 400)
    assert len(flat) == len(noisy) > 200_000
    assert np.ptp(np.asarray(Image.open(io.BytesIO(flat)))) == 0


def reader_of(page, study, touch=False, options=OPTIONS):
    code = next(iter(study.series))
    return ScriptedReader(page, code, lambda pictures, name: options[name], touch)


@pytest.mark.browser
def test_keys_answer_a_whole_study(small, tmp_path):
    path, study = small
    with browser(tmp_path / "profile") as page:
        reader = reader_of(page, study)
        reader.open(path)
        reader.answer()
        assert "pictures are answered" in page.locator("#end-told").inner_text()
        saved = reader.save(tmp_path)
        text = page.locator("#text").input_value()
        assert reader.errors == []
    assert saved.read_text(encoding="utf-8") == text
    assert saved.name == f"answers_{study.name}_{reader.code}.json"
    answers = read_answers([saved], study)
    singles = answers[~answers["kind"].isin([PREPARED, CHECK])]
    for name, value in SAID.items():
        assert set(singles.loc[singles["question"] == name, "value"]) == {value}
    assert "faults" not in set(answers["question"])  # nothing is wrong at 5
    lacking = answers.loc[answers["question"] == "preservation", "value"]
    assert set(lacking) <= {"original lacks", "prepared lacks"}
    assert answers["step"].nunique() == len(study.series[reader.code])
    assert (answers["showing"] == "repeat").any() and (answers["ms"] > 0).all()


@pytest.mark.browser
@pytest.mark.slow  # make browser-test runs them
def test_a_correction_takes_back_what_is_no_longer_asked(small, tmp_path):
    path, study = small
    code = next(iter(study.series))
    with browser(tmp_path / "profile") as page:
        reader = reader_of(page, study, options=OPTIONS | {"plausibility": 1})
        reader.open(path)
        reader.answer(1)
        page.keyboard.press("Backspace")
        assert reader.place == 1
        page.get_by_label("fully: nothing is wrong").check()
        page.locator("#next").click()
        reader.answer(1)
        saved = reader.save(tmp_path)
    first, second = json.loads(saved.read_text())["answers"]
    assert first["step"] == study.series[code][0][0]
    assert first["values"]["plausibility"] == "5" and "faults" not in first["values"]
    assert second["values"]["faults"] == ["border", "hair"]


@pytest.mark.browser
@pytest.mark.slow
def test_next_asks_for_what_is_not_answered(small, tmp_path):
    path, study = small
    with browser(tmp_path / "profile") as page:
        reader = reader_of(page, study)
        page.goto(path.as_uri())
        page.get_by_role("button", name="Begin").click()
        assert "choose your code" in page.locator("#warning").inner_text()
        reader.open(path)
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        assert reader.place == 1
        told = page.get_by_role("status").inner_text()
        assert (
            told == "Please answer first: How plausible is it as an image of a lesion?"
        )


@pytest.mark.browser
@pytest.mark.slow
def test_readers_of_one_computer_do_not_mix(small, tmp_path):
    path, study = small
    first, second = study.series
    with browser(tmp_path / "profile") as page:
        for code, n in ((first, 3), (second, 1)):
            reader = ScriptedReader(page, code, lambda _, name: OPTIONS[name])
            reader.open(path)
            reader.answer(n)
            page.reload()
        labels = page.locator("#readers label").all_inner_texts()
    n_steps = [len(steps) for steps in study.series.values()]
    assert labels == [
        f"{first}: 3 of {n_steps[0]} answered",
        f"{second}: 1 of {n_steps[1]} answered",
    ]


@pytest.mark.browser
@pytest.mark.slow
def test_where_nothing_is_kept_a_saved_file_goes_on(small, tmp_path):
    path, study = small
    forbid = "Object.defineProperty(window, 'localStorage', {get() { throw Error(); }})"
    with browser(tmp_path / "profile") as page:
        page.add_init_script(forbid)
        reader = reader_of(page, study)
        reader.open(path)
        assert "keeps nothing" in page.get_by_role("alert").inner_text()
        reader.answer(4)
        saved = reader.save(tmp_path)
        page.goto("about:blank")
        page.goto(path.as_uri())
        damaged = tmp_path / "damaged.json"
        damaged.write_text(saved.read_text().replace('"NV"', '"MEL"'))
        page.locator("#load").set_input_files(damaged)
        page.get_by_text("or it is damaged").wait_for()
        page.locator("#load").set_input_files(saved)
        page.locator("#reading").wait_for()
        assert reader.place == 5
        reader.answer()
        assert len(read_answers([reader.save(tmp_path)], study)) > 100


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width, touch", [(1440, False), (390, True)])
def test_200_images_are_answered_with_a_break(tmp_path, width, touch):
    """The browser is closed in the middle, nothing being saved, and opened again."""
    path = tmp_path / "study.html"
    study = make(path, n=200, parts=("origin", "diagnosis"), n_readers=1)
    kinds = {item.pictures[0]: item.kind for item in study.items.values()}
    known = {
        f"data:image/jpeg;base64,{base64.b64encode(file).decode()}": kinds[name]
        for name, file in files_of(path).items()
    }

    def answer_of(pictures, name):
        return (
            1
            if name == "diagnosis"
            else {REAL: 0, KEPT: 5, CHECK: 1}[known[pictures[0]]]
        )

    (code,) = study.series
    n_steps = len(study.series[code])
    assert n_steps == 221  # 200 pictures, 20 again, one check
    for n_answered in (90, None):
        with browser(tmp_path / "profile", width, touch) as page:
            reader = ScriptedReader(page, code, answer_of, touch)
            reader.open(path)
            assert reader.place == (1 if n_answered else 91)
            reader.answer(n_answered)
            if n_answered is None:
                saved = reader.save(tmp_path)
            assert reader.errors == []
    answers = read_answers([saved], study)
    origin = answers[answers["question"] == "origin"].set_index("kind")["value"]
    assert len(origin) == n_steps
    assert set(origin[REAL]) == {"1"} and set(origin[KEPT]) == {"6"}


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", SIZES)
def test_page_is_accessible_and_nothing_is_cut_off(small, tmp_path, width):
    from axe_playwright_python.sync_playwright import Axe

    path, study = small
    outside = (
        "[...document.querySelectorAll('body *')].filter(each => {"
        "const box = each.getBoundingClientRect();"
        "return box.width > 1 && box.right > document.documentElement.clientWidth + 0.5"
        "}).map(each => each.outerHTML.slice(0, 80))"
    )
    with browser(
        tmp_path / "profile", width, touch=width < 500, bypass_csp=True
    ) as page:
        page.goto(path.as_uri())
        reader = reader_of(page, study, options=OPTIONS | {"plausibility": 1})
        screens = [
            lambda: None,
            lambda: reader.open(path),
            lambda: page.keyboard.press("1"),
            lambda: reader.answer(len(study.series[reader.code]) - 1),
            lambda: reader.answer(),
        ]
        for show in screens:
            show()
            found = Axe().run(page).response
            assert len(found["passes"]) > 15
            serious = [
                (each["id"], each["nodes"][0]["html"])
                for each in found["violations"]
                if each["impact"] in ("serious", "critical", "moderate")
            ]
            assert serious == []
            assert page.evaluate(outside) == []
            assert page.evaluate("document.documentElement.scrollWidth") == width

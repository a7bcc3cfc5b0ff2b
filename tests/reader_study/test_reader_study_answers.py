import json

import pytest
from simulated_answers import write_answers

from keras_derm.reader_study import AnswersError, answers_file, read_answers, signature


@pytest.fixture
def files(study_and_shown, tmp_path):
    study, shown = study_and_shown
    return study, write_answers(study, shown, tmp_path)


def changed(path, sign=True, **values):
    """Change a file of answers, with a new check sum or the old one."""
    content = json.loads(path.read_text()) | values
    if sign:
        content["crc32"] = signature(content)
    path.write_text(json.dumps(content))
    return path


def fault(paths, study):
    with pytest.raises(AnswersError) as raised:
        read_answers(paths, study)
    return str(raised.value)


def test_all_answers_are_read(files):
    study, paths = files
    answers = read_answers(paths, study)
    assert set(answers["reader"]) == set(study.series)
    assert answers.groupby("reader")["step"].nunique().eq(158).all()
    assert answers["kind"].nunique() == 5
    assert answers.loc[answers["showing"] == "repeat", "step"].nunique() == 4 * 24


def test_a_study_that_was_broken_off_is_read(files):
    study, paths = files
    answers = json.loads(paths[0].read_text())["answers"][:30]
    changed(paths[0], answers=answers, complete=False)
    found = read_answers(paths, study)
    assert found.groupby("reader")["step"].nunique().min() == 30


def test_a_pair_says_which_one_lacks_signs(make_small_study, tmp_path):
    study, _ = make_small_study(parts=("preparation",))
    (code, *_), steps = study.series, next(iter(study.series.values()))
    pairs = [(s, study.items[item]) for s, item in steps if study.items[item].isic_id]
    answers = [
        {"step": step, "ms": 5, "values": {"preservation": "first", "lost_signs": []}}
        for step, _ in pairs
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(answers_file(study, code, answers)))
    found = read_answers([path], study).query("question == 'preservation'")
    before = {step: item.before for step, item in pairs}
    for row in found.to_dict("records"):
        lacks = "original lacks" if before[row["step"]] == 0 else "prepared lacks"
        assert row["value"] == lacks


def test_every_file_at_fault_is_named_with_its_fault(files, make_small_study, tmp_path):
    study, paths = files
    other, shown = make_small_study(seed=7)
    (tmp_path / "other").mkdir()
    mixed = write_answers(other, shown, tmp_path / "other")[0]
    paths[0].write_text(paths[0].read_text()[:-50])
    changed(paths[1], sign=False, reader=list(study.series)[0])
    no_answers = tmp_path / "notes.json"
    no_answers.write_text('{"a": 1}')
    told = fault([*paths[:3], mixed, no_answers, tmp_path / "none.json"], study)
    lines = told.splitlines()
    assert lines[0].startswith(f"{paths[0]}: damaged: it is no JSON")
    assert lines[1].startswith(f"{paths[1]}: damaged or changed by hand")
    assert lines[2] == (
        f"{mixed}: answers of another study, {other.name}, where {study.name} is scored"
    )
    assert lines[3] == f"{no_answers}: it is no file of answers of a reader study"
    assert lines[4] == f"{tmp_path / 'none.json'}: there is no such file"
    assert lines[5] == "Received: 6 files"


def test_two_files_of_one_reader_are_named(files, tmp_path):
    study, paths = files
    earlier = tmp_path / "earlier.json"
    earlier.write_text(paths[1].read_text())
    changed(earlier, answers=json.loads(paths[1].read_text())["answers"][:40])
    told = fault([*paths, earlier], study)
    reader = list(study.series)[1]
    assert f"several files of reader {reader}: {paths[1]} (158 answers), " in told
    assert f"{earlier} (40 answers)" in told


@pytest.mark.parametrize(
    "values, said",
    [
        ({"version": 9}, "version 9 of the format"),
        ({"reader": "QQQ"}, "reader 'QQQ' is none of the study's"),
        ({"series": "0" * 16}, "another page of this study"),
        ({"answers": [{"step": "f00", "ms": 1, "values": {}}]}, "is to no picture"),
        ({"answers": [{"ms": 1}]}, "answer 1 has no step, values or ms"),
        ({"answers": {}}, "damaged: it has no list"),
    ],
)
def test_what_does_not_fit_is_said(files, values, said):
    study, paths = files
    assert said in fault([changed(paths[0], **values)], study)


@pytest.mark.parametrize(
    "values, said",
    [
        ({"origin": "7"}, "origin: no such option: '7'"),
        ({"faults": ["nose"]}, "faults: no such option: ['nose']"),
        ({"mood": "good"}, "is to no question: 'mood'"),
    ],
)
def test_an_answer_that_cannot_be_is_named(files, values, said):
    study, paths = files
    answers = json.loads(paths[0].read_text())["answers"]
    answers[4]["values"] = values
    assert f"answer 5{'' if 'is to' in said else ','} {said}" in fault(
        [changed(paths[0], answers=answers)], study
    )


def test_no_file_is_no_answer(study_and_shown):
    assert "there is no file of answers" in fault([], study_and_shown[0])

"""Files of answers: what the page saves, read with every fault named."""

import json
import zlib
from pathlib import Path

import pandas as pd

from keras_derm.reader_study.questions import (
    ORIGINAL_LACKS,
    PREPARED_LACKS,
    PRESERVATION,
    is_of_pairs,
)
from keras_derm.reader_study.series import CHECK, FIRST, PREPARED, REPEAT

FORMAT = "keras_derm reader study answers"
VERSION = 1
SIGNED = ("study", "series", "reader", "answers")
"""What the check sum of a file is of."""

COLUMNS = (
    "reader",
    "step",
    "item",
    "isic_id",
    "kind",
    "showing",
    "question",
    "value",
    "expected",
    "ms",
)


class AnswersError(ValueError):
    """Files of answers that cannot be scored; the message names each with its fault.

    Example:
        >>> with pytest.raises(AnswersError, match="a.json: answers of another study"):
        ...     read_answers(["a.json"], study)
    """


def read_answers(paths, study):
    """Read the files of answers of a study.

    Args:
        paths: Files that readers saved, one a reader. A study need not be finished.
        study: `Study`.

    Returns:
        `pandas.DataFrame`, one row an answer: `reader`, `step`, `item`, `isic_id`,
        `kind` (see `series`), `showing` ("first" or "repeat"), `question`, `value` (of
        a question with several answers a tuple; of a pair `ORIGINAL_LACKS` and
        `PREPARED_LACKS` in place of which of the two), `expected` (of checks), `ms`
        spent on the picture.

    Raises:
        AnswersError: A file is damaged, of another study, of an unknown reader, or
            there are two of one reader; all such files are named.
    """
    faults, read = [], {}
    for path in map(Path, paths):
        try:
            content = _sound(path, study)
        except AnswersError as error:
            faults.append(f"{path}: {error}")
            continue
        read.setdefault(content["reader"], []).append((path, content))
    for reader, files in read.items():
        if len(files) > 1:
            faults.append(_told_double(reader, files))
    if not read and not faults:
        faults.append("there is no file of answers")
    if faults:
        raise AnswersError("\n".join(faults) + f"\nReceived: {len(paths)} files")
    rows = [row for files in read.values() for row in _rows(files[0][1], study)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def signature(content):
    """Check sum of a file of answers, as the page makes it.

    Args:
        content: Dict with `study`, `series`, `reader` and `answers`.

    Returns:
        Eight hexadecimal digits: CRC-32 of the JSON of these, without blanks.
    """
    signed = {name: content[name] for name in SIGNED}
    text = json.dumps(signed, separators=(",", ":"), ensure_ascii=False)
    return f"{zlib.crc32(text.encode()):08x}"


def answers_file(study, reader, answers, complete=True):
    """Content of a file of answers, as the page writes it.

    Args:
        study: `Study`.
        reader: Code of the reader.
        answers: List of dicts: `step`, `ms` and `values`, a dict from question to
            answer.
        complete: Whether all steps are answered.

    Returns:
        Dict to be written as JSON.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "study": study.name,
        "series": study.checksum(reader),
        "reader": reader,
        "complete": complete,
        "answers": answers,
    }
    return {**content, "crc32": signature(content)}


def _sound(path, study):
    """Content of a file that fits the study."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise AnswersError("there is no such file") from error
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise AnswersError(
            f"damaged: it is no JSON ({error}); ask the reader to save it once more"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise AnswersError("it is no file of answers of a reader study")
    if content.get("version") != VERSION:
        raise AnswersError(
            f"version {content.get('version')!r} of the format, where {VERSION} is read"
        )
    missing = [name for name in (*SIGNED, "crc32") if name not in content]
    if missing or not isinstance(content["answers"], list):
        raise AnswersError(f"damaged: it has no {', '.join(missing) or 'list'}")
    if signature(content) != content["crc32"]:
        raise AnswersError(
            "damaged or changed by hand: its check sum is not that of its content; ask "
            "the reader to save it once more"
        )
    if content["study"] != study.name:
        raise AnswersError(
            f"answers of another study, {content['study']}, where {study.name} is "
            "scored"
        )
    reader = content["reader"]
    if reader not in study.series:
        known = ", ".join(study.series)
        raise AnswersError(f"reader {reader!r} is none of the study's, {known}")
    if content["series"] != study.checksum(reader):
        raise AnswersError(
            "answers to another page of this study, made with other questions or orders"
        )
    _check_answers(content["answers"], study, reader)
    return content


def _check_answers(answers, study, reader):
    """Raise where an answer is to nothing that was asked, or cannot be."""
    items = dict(study.series[reader])
    questions = {question["name"]: question for question in study.questions}
    seen, faults = set(), []
    for number, answer in enumerate(answers, start=1):
        where = f"answer {number}"
        try:
            step, values = answer["step"], answer["values"].items()
            int(answer["ms"])
        except (TypeError, KeyError, AttributeError, ValueError):
            faults.append(f"{where} has no step, values or ms")
            continue
        if step not in items or step in seen:
            told = "is given twice" if step in seen else "is to no picture"
            faults.append(f"{where} {told}: {step!r}")
        seen.add(step)
        for name, value in values:
            if name not in questions:
                faults.append(f"{where} is to no question: {name!r}")
            elif not _can_be(value, questions[name]):
                faults.append(f"{where}, {name}: no such option: {value!r}")
    if faults:
        raise AnswersError("; ".join(faults[:5]))


def _can_be(value, question):
    options = {option["value"] for option in question["options"]}
    if question["several"]:
        return isinstance(value, list) and set(value) <= options
    return isinstance(value, str) and value in options


def _told_double(reader, files):
    held = ", ".join(
        f"{path} ({len(content['answers'])} answers)" for path, content in files
    )
    return (
        f"several files of reader {reader}: {held}: give one, as a rule that with most "
        "answers; if two people took the same code, only one can stay"
    )


def _rows(content, study):
    items, seen = dict(study.series[content["reader"]]), set()
    given = {answer["step"]: answer for answer in content["answers"]}
    asked = {question["name"]: question for question in study.questions}
    # In the order of the series: of two showings of an item the earlier is the first.
    for step, name in items.items():
        if step not in given:
            continue
        item = study.items[name]
        showing = REPEAT if name in seen else FIRST
        seen.add(name)
        for question, value in given[step]["values"].items():
            if item.kind != CHECK and is_of_pairs(question) != (item.kind == PREPARED):
                continue
            yield {
                "reader": content["reader"],
                "step": step,
                "item": name,
                "isic_id": item.isic_id,
                "kind": item.kind,
                "showing": showing,
                "question": question,
                "value": tuple(value)
                if asked[question]["several"]
                else _unblinded(value, question, item),
                "expected": item.expected.get(question),
                "ms": int(given[step]["ms"]),
            }


def _unblinded(value, question, item):
    """Of a pair, which picture lacks signs: the original or the prepared one."""
    if question != PRESERVATION or value not in ("first", "second"):
        return value
    lacking = 0 if value == "first" else 1
    return ORIGINAL_LACKS if lacking == item.before else PREPARED_LACKS

"""Files of answers of readers whose skill is known."""

import json

import numpy as np

from keras_derm.reader_study import CHECK, REAL, SimulatedReaders, answers_file


def write_answers(study, shown, folder, readers=None, attentive=None, seed=0):
    """Write one file a reader, and return their paths.

    Args:
        study: `Study`.
        shown: List of dicts, `item` and what it is, as in key.json.
        folder: Where the files go.
        readers: `SimulatedReaders` who say what is real.
        attentive: Codes of readers who pass the checks; all by default.
        seed: Seed of the answers.
    """
    generator = np.random.default_rng(seed)
    about = {row["item"]: row for row in shown}
    items = list(about)
    is_synthetic = np.array([about[item]["kind"] != REAL for item in items])
    readers = readers or SimulatedReaders(1.0)
    ratings = readers.ratings(len(study.series), is_synthetic, generator)
    paths = []
    for code, row in zip(study.series, ratings, strict=True):
        certainty = dict(zip(items, row, strict=True))
        passes = attentive is None or code in attentive
        answers = [
            {
                "step": step,
                "ms": int(generator.integers(2000, 9000)),
                "values": _values(study, item, about, certainty, generator, passes),
            }
            for step, item in study.series[code]
        ]
        paths.append(folder / f"{code}.json")
        paths[-1].write_text(json.dumps(answers_file(study, code, answers)))
    return paths


def _values(study, name, about, certainty, generator, passes):
    item = study.items[name]
    is_pair, values = len(item.pictures) == 2, {}
    for question in study.questions:
        asked, needed = question["name"], question["when"]
        if (asked in ("preservation", "lost_signs")) != is_pair:
            continue
        if needed and values.get(needed[0]) not in needed[1]:
            continue
        options = [option["value"] for option in question["options"]]
        if item.kind == CHECK:
            wrong = [] if question["several"] else options[0]
            values[asked] = item.expected.get(asked, wrong) if passes else wrong
        elif asked == "origin":
            values[asked] = str(certainty[name])
        elif asked == "plausibility":
            level = 6 - certainty[name] + generator.integers(-1, 2)
            values[asked] = str(int(np.clip(level, 1, 5)))
        elif asked == "diagnosis" and generator.random() < 0.7:
            values[asked] = about[name]["diagnosis"]
        elif question["several"]:
            values[asked] = [one for one in options if generator.random() < 0.3]
        else:
            values[asked] = options[generator.integers(len(options))]
    return values

"""Which pictures each reader sees, and in which order: balanced, seeded, blinded."""

import hashlib
import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from keras_derm.catalog import group_ids
from keras_derm.files import short_digest

REAL = "real"
KEPT = "synthetic, kept"
SCREENED_OUT = "synthetic, screened out"
PREPARED = "before and after preparation"
CHECK = "check of attention"
"""What a picture is."""

FIRST, REPEAT = "first", "repeat"
"""Whether a reader sees a picture for the first or the second time."""

BLOCK = 20
"""In each so many pictures real and synthetic ones are balanced, tiredness too."""

EARLY, LATE = 0.4, 0.6
"""A repeat is of the first two fifths of a series and stands in its last two."""

LETTERS = "BCDFGHJKMNPQRTVWXZ"
"""Of the codes of readers: no vowels, which make words, and none that look alike."""


@dataclass(frozen=True)
class Item:
    """One step of a study: a picture, or a pair, with what is asked of it.

    Args:
        kind: `REAL`, `KEPT`, `SCREENED_OUT`, `PREPARED` or `CHECK`.
        pictures: Ids of its pictures: one, or two beside each other.
        expected: Of a check, the answer to each question.
        isic_id: Of the photograph or synthetic image; None of a check.
        before: Of a pair, which of the two is not prepared: 0 or 1.

    Example:
        >>> Item(REAL, ("3fa2c1d0",), isic_id="ISIC_0024306")
    """

    kind: str
    pictures: tuple[str, ...]
    expected: dict = field(default_factory=dict)
    isic_id: str | None = None
    before: int | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """A study: its items, and the series of each reader.

    Args:
        name: Its id, which pages and answers carry.
        items: Dict from id to `Item`.
        series: Dict from the code of a reader to tuples `(id of a step, id of its
            item)` in order; an item that is repeated has two steps.
        questions: Tuple of dicts, see `Question.to_dict`.

    Example:
        >>> Study.from_key(read_json(run / "reader_study/key.json")).checksum("KTB")
        '6b1f0c2ad9e75a31'
    """

    name: str
    items: dict[str, Item]
    series: dict[str, tuple[tuple[str, str], ...]]
    questions: tuple[dict, ...]

    def checksum(self, reader):
        """Digest of what a reader is shown and asked; answers to another do not fit."""
        content = [self.name, reader, self.series[reader], self.questions]
        return short_digest(json.dumps(content).encode())

    def to_key(self):
        """As JSON: the truth that the page does not have."""
        return {
            "study": self.name,
            "items": {name: vars(item) for name, item in self.items.items()},
            "series": self.series,
            "questions": self.questions,
        }

    @classmethod
    def from_key(cls, key):
        """The study of a key that `to_key` gave."""
        items = {
            name: Item(**{**item, "pictures": tuple(item["pictures"])})
            for name, item in key["items"].items()
        }
        series = {
            reader: tuple(tuple(step) for step in steps)
            for reader, steps in key["series"].items()
        }
        return cls(key["study"], items, series, tuple(key["questions"]))


def draw_balanced(real, synthetic, n_pictures, screened_out_share, seed):
    """Choose the pictures: of each diagnosis as many real as synthetic ones.

    Of each diagnosis, tone groups and generators are drawn in turn, so that the rare
    are there, and of a lesion or patient one photograph alone.

    Args:
        real: `Catalog` of photographs.
        synthetic: `pandas.DataFrame` of synthetic images: `isic_id`, `diagnosis`,
            `tone_group`, `generator`, and `kind`, which is `KEPT` or `SCREENED_OUT`.
            Empty for a study of photographs alone.
        n_pictures: Pictures in all.
        screened_out_share: Share of the synthetic images that screening rejected.
        seed: Seed of the draw.

    Returns:
        `pandas.DataFrame` with `isic_id`, `kind`, `diagnosis`, `tone_group` and
        `generator`; fewer rows where there are not enough.

    Raises:
        ValueError: No diagnosis has both a real and a synthetic image.
    """
    generator = np.random.default_rng(seed)
    photographs = _one_of_each_group(real, generator).assign(kind=REAL)
    if not len(synthetic):
        counts = photographs["diagnosis"].value_counts()
        wanted = _evenly(counts, n_pictures)
        return _in_turn(photographs, wanted, generator)
    counts = pd.DataFrame(
        {
            "real": photographs["diagnosis"].value_counts(),
            "made": synthetic["diagnosis"].value_counts(),
        }
    )
    both = counts.min(axis=1, skipna=False).dropna()
    if both.empty:
        raise ValueError(
            "real and synthetic images of one diagnosis are compared, but no diagnosis "
            "has both: synthesize others, or take photographs of other splits "
            "(--splits). Received: real "
            f"{counts['real'].dropna().astype(int).to_dict()}, synthetic "
            f"{counts['made'].dropna().astype(int).to_dict()}"
        )
    wanted = _evenly(both.astype(int), n_pictures // 2)
    parts = [_in_turn(photographs, wanted, generator)]
    rejected = synthetic[synthetic["kind"] == SCREENED_OUT]
    kept = synthetic[synthetic["kind"] == KEPT]
    there = rejected["diagnosis"].value_counts().reindex(wanted.index, fill_value=0)
    n_rejected = _evenly(
        np.minimum(there, wanted), round(screened_out_share * wanted.sum())
    )
    parts.append(_in_turn(rejected, n_rejected, generator))
    left = wanted.sub(parts[-1]["diagnosis"].value_counts(), fill_value=0).astype(int)
    parts.append(_in_turn(kept, left, generator))
    # Where too few were kept, others that were screened out take their place.
    left = left.sub(parts[-1]["diagnosis"].value_counts(), fill_value=0).astype(int)
    rest = rejected[~rejected["isic_id"].isin(parts[1]["isic_id"])]
    parts.append(_in_turn(rest, left, generator))
    return pd.concat(parts, ignore_index=True)


def draw_pairs(real, taken, n_pairs, seed):
    """Choose photographs to be shown before and after preparation.

    Args:
        real: `Catalog` of photographs.
        taken: Ids of those shown already, which are used only if there are no others.
        n_pairs: Pairs wanted.
        seed: Seed of the draw.

    Returns:
        `pandas.DataFrame` as that of `draw_balanced`.
    """
    generator = np.random.default_rng([seed, 1])
    photographs = _one_of_each_group(real, generator).assign(kind=PREPARED)
    fresh = photographs[~photographs["isic_id"].isin(taken)]
    pool = fresh if len(fresh) >= n_pairs else photographs
    wanted = _evenly(pool["diagnosis"].value_counts(), n_pairs)
    return _in_turn(pool, wanted, generator)


def make_study(
    drawn, questions, checks, n_readers, repeat_share, seed, secret=b"", pairs=None
):
    """Give every picture a random id, and every reader an order.

    Args:
        drawn: Table of `draw_balanced`.
        questions: Tuple of dicts, see `Question.to_dict`.
        checks: List of dicts from question to the answer that a check demands.
        n_readers: Readers, each with a series of all pictures in an order of its own.
        repeat_share: Share of the pictures that each reader sees twice.
        seed: Seed of ids and orders.
        secret: Bytes that the reader cannot know, such as the pictures: the ids cannot
            be made again from the seed alone.
        pairs: Table of `draw_pairs`, or None.

    Returns:
        `Study`.
    """
    pairs = drawn.iloc[:0] if pairs is None else pairs
    names = [*drawn["isic_id"], *pairs["isic_id"]]
    content = json.dumps([seed, names, list(questions)]).encode() + secret
    digest = hashlib.sha256(content).digest()
    generator = np.random.default_rng(np.frombuffer(digest, np.uint32))
    tokens = _tokens(generator)
    singles = {
        next(tokens): Item(row["kind"], (next(tokens),), isic_id=row["isic_id"])
        for row in drawn.to_dict("records")
    }
    twins = {
        next(tokens): Item(
            PREPARED,
            (next(tokens), next(tokens)),
            isic_id=row["isic_id"],
            before=int(generator.integers(2)),
        )
        for row in pairs.to_dict("records")
    }
    asked = {
        next(tokens): Item(CHECK, (next(tokens),), expected=expected)
        for expected in checks
    }
    series = {}
    for _ in range(n_readers):
        items = _order(singles, asked, repeat_share, generator)
        items += [list(twins)[i] for i in generator.permutation(len(twins))]
        steps = tuple((next(tokens), item) for item in items)
        series[_code(generator, series)] = steps
    items = {**singles, **twins, **asked}
    shuffled = {name: items[name] for name in sorted(items)}
    return Study(next(tokens), shuffled, series, tuple(questions))


def _one_of_each_group(catalog, generator):
    """Table of a catalog in random order, one photograph of each lesion or patient."""
    table = catalog.table.assign(group=group_ids(catalog))
    table = table.iloc[generator.permutation(len(table))]
    return table.drop_duplicates("group")


def _evenly(available, total):
    """As many of each as of the others, as far as there are: a Series of counts."""
    wanted = pd.Series(0, index=available.index)
    while wanted.sum() < min(total, available.sum()):
        open_cells = available.index[wanted < available]
        share = max((total - wanted.sum()) // len(open_cells), 1)
        for cell in open_cells[: total - wanted.sum()]:
            wanted[cell] = min(wanted[cell] + share, available[cell])
    return wanted


def _in_turn(table, wanted, generator):
    """Of each diagnosis the rows wanted, tone groups and generators in turn."""
    columns = ["isic_id", "kind", "diagnosis", "tone_group", "generator"]
    table = table.iloc[generator.permutation(len(table))][columns]
    cells = ["diagnosis", "tone_group", "generator"]
    turn = table.fillna({"tone_group": "", "generator": ""}).groupby(cells).cumcount()
    table = table.iloc[np.argsort(turn.to_numpy(), kind="stable")]
    position = table.groupby("diagnosis").cumcount()
    most = table["diagnosis"].map(wanted).fillna(0).astype(int)
    return table[position < most].reset_index(drop=True)


def _order(singles, checks, repeat_share, generator):
    """Ids of the items of one reader: balanced in blocks, with repeats and checks."""
    kinds = {
        REAL: [name for name, item in singles.items() if item.kind == REAL],
        "made": [name for name, item in singles.items() if item.kind != REAL],
    }
    order = _balanced_blocks(list(kinds.values()), generator)
    n = len(order)
    n_repeats = min(round(repeat_share * n), int(EARLY * n))
    again = generator.permutation(order[: int(EARLY * n)])[:n_repeats]
    for name in again:
        place = generator.integers(int(LATE * n), len(order) + 1)
        order.insert(int(place), str(name))
    spacing = len(order) / (len(checks) + 1)
    for number, name in enumerate(generator.permutation(list(checks)), start=1):
        jitter = generator.uniform(-0.25, 0.25)
        order.insert(round((number + jitter) * spacing) + number - 1, str(name))
    return order


def _balanced_blocks(groups, generator):
    """All names of several groups, each spread evenly over blocks, these shuffled."""
    n_blocks = max(round(sum(map(len, groups)) / BLOCK), 1)
    blocks = [[] for _ in range(n_blocks)]
    for group in groups:
        shuffled = [group[i] for i in generator.permutation(len(group))]
        for block, part in zip(
            blocks, np.array_split(np.arange(len(group)), n_blocks), strict=True
        ):
            block += [shuffled[i] for i in part]
    return [block[i] for block in blocks for i in generator.permutation(len(block))]


def _tokens(generator):
    """Random names without end, no two alike."""
    given = set()
    while True:
        name = generator.bytes(6).hex()
        if name not in given:
            given.add(name)
            yield name


def _code(generator, taken):
    """Three random letters that no other reader has."""
    while True:
        code = "".join(generator.choice(list(LETTERS), 3))
        if code not in taken:
            return code

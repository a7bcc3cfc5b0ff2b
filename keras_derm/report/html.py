"""One self-contained HTML report: no network, no script, nothing beside the file."""

import base64
import dataclasses
import datetime
import io
import re
import warnings
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
from PIL import Image

from keras_derm.files import write_text

CALLOUTS = ("caution", "finding", "limit", "note")
DOTS_PER_INCH = (192, 144, 110, 80)
JPEG_QUALITY = 85
MOST_DRAWN_COLORS = 20_000  # a drawing has fewer; 256 would band a photograph
LONG_CELL = 26  # characters that a table cell keeps on one line
PHONE = 358  # CSS pixels that a phone of 390 has between the margins
# The narrowest that a figure is shown, as a share of its size on paper: at 0.6 its
# 11-point text is still about 9 px high. Narrower screens scroll it.
NARROWEST = 0.6


@dataclasses.dataclass
class Text:
    """Paragraphs, parted by blank lines; lines that begin with "- " make a list.

    Example:
        >>> Text("Two things matter.\n\n- Light\n- Skin").parts
        ['Two things matter.', ['Light', 'Skin']]
    """

    text: str
    form = "text"

    @property
    def parts(self):
        """The paragraphs as `str`, each list as a `list` of `str`."""
        parts = []
        for paragraph in re.split(r"\n\s*\n", self.text.strip()):
            words, in_list = [], False
            for line in map(str.strip, paragraph.splitlines()):
                if line.startswith("- "):
                    if words:
                        parts.append(" ".join(words))
                        words = []
                    if not (parts and isinstance(parts[-1], list)):
                        parts.append([])
                    parts[-1].append(line[2:])
                    in_list = True
                elif in_list:
                    parts[-1][-1] += f" {line}"
                else:
                    words.append(line)
            if words:
                parts.append(" ".join(words))
        return parts


@dataclasses.dataclass
class Callout:
    """A sentence that must not be overlooked.

    Args:
        kind: `"finding"`, `"caution"`, `"limit"` or `"note"`; printed as a word,
            never told by colour alone.
        text: As in `Text`.

    Example:
        >>> Callout("caution", "Types V and VI cannot be judged.")
    """

    kind: str
    text: str
    form = "callout"

    def __post_init__(self):
        if self.kind not in CALLOUTS:
            raise ValueError(
                f"`kind` must be one of {list(CALLOUTS)}. Received: {self.kind!r}"
            )

    @property
    def label(self):
        """The word that stands before the text."""
        return self.kind.capitalize()

    @property
    def parts(self):
        """The text's paragraphs and lists, as in `Text`."""
        return Text(self.text).parts


@dataclasses.dataclass
class Table:
    """A table; the index is shown unless it only counts the rows.

    Args:
        frame: `pandas.DataFrame`. Whole numbers get thousands separators, other
            numbers `digits` decimals, missing values an en dash, truth values yes
            or no.
        caption: One line above the table.
        note: Small print below it: units, n, how the intervals were made.
        digits: Decimals of numbers that are not whole.

    Example:
        >>> Table(counts, "Images by diagnosis and sex", note="One row a diagnosis.")
    """

    frame: pd.DataFrame
    caption: str
    note: str = ""
    digits: int = 3
    form = "table"

    @property
    def has_index(self):
        """Whether the index names the rows."""
        return not isinstance(self.frame.index, pd.RangeIndex)

    @property
    def header(self):
        """Cells of the head row."""
        names = [_flat(name) for name in self.frame.columns]
        if not self.has_index:
            return names
        return [" / ".join(str(name or "") for name in self.frame.index.names), *names]

    @property
    def numeric(self):
        """For each column whether its cells are numbers, to be set flush right."""
        columns = [
            pd.api.types.is_numeric_dtype(dtype)
            and not pd.api.types.is_bool_dtype(dtype)
            for dtype in self.frame.dtypes
        ]
        return [False, *columns] if self.has_index else columns

    @property
    def rows(self):
        """Formatted cells of each row, the index first where it is shown."""
        cells = [
            [_cell(value, self.digits) for value in self.frame.iloc[:, column]]
            for column in range(self.frame.shape[1])
        ]
        if self.has_index:
            cells.insert(0, [_flat(label) for label in self.frame.index])
        return [list(row) for row in zip(*cells, strict=True)]


@dataclasses.dataclass
class Figure:
    """A figure, embedded as JPEG where it shows photographs, else as PNG.

    Args:
        figure: `matplotlib.figure.Figure`, or the path of an image file.
        alt: What the figure shows, in words, for readers who cannot see it.
        caption: Text below the figure.

    Example:
        >>> Figure("figures/roc.png", "ROC curves of both arms with 95 % bands.")
    """

    figure: object
    alt: str
    caption: str = ""
    form = "figure"

    def __post_init__(self):
        if not str(self.alt).strip():
            raise ValueError(f"A figure needs an `alt` text. Received: {self.alt!r}")

    def encode(self, dots_per_inch):
        """Return `(data URI, width, height)`, sizes in CSS pixels (96 an inch)."""
        if isinstance(self.figure, (str, Path)):
            return _encode_file(self.figure, longest=10 * dots_per_inch)
        return _encode_figure(self.figure, dots_per_inch)


@dataclasses.dataclass
class Section:
    """A part of the report with its heading, its point in plain words, its blocks.

    Args:
        title: Heading, listed in the table of contents.
        lead: What the section found, one or two plain sentences.
        blocks: Sequence of `Text`, `Table`, `Figure` and `Callout`; None is left out.

    Example:
        >>> Section("Audit", "Few melanomas.", [Table(counts, "Images")])
    """

    title: str
    lead: str = ""
    blocks: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.blocks = [block for block in self.blocks if block is not None]


def render_report(
    sections,
    path,
    title,
    summary,
    limits="",
    provenance=None,
    subtitle="",
    made=None,
    max_bytes=15_000_000,
):
    """Write the sections as one HTML file that needs nothing but itself.

    The file holds its figures and its style, asks no network, runs no script, reads
    on a phone (390 px) and prints. It appears whole or not at all.

    Args:
        sections: Sequence of `Section`, in reading order.
        path: Where `report.html` shall lie.
        title: Title of the report.
        summary: What was found, in plain words, first thing read: a text as in
            `Text`, or a sequence of blocks.
        limits: What the report cannot say, as `summary`. Left out when empty.
        provenance: `dict` of what made the report (data, split, seeds, versions,
            licences), shown as a table. Left out when empty.
        subtitle: One line below the title.
        made: `datetime.datetime` of making; now by default.
        max_bytes: Figures are made coarser until the file is smaller than this.

    Returns:
        `Path` of the report.

    Raises:
        TypeError: If a block is none of `Text`, `Table`, `Figure`, `Callout`.

    Example:
        >>> section = Section("Audit", "Few melanomas.", [Table(counts, "Images")])
        >>> render_report([section], "report.html", "HAM10000", "Melanomas: 40.")
    """
    chapters = [Section("Summary", "", _blocks(summary)), *sections]
    if limits:
        chapters.append(Section("Limits", "", _blocks(limits)))
    if provenance:
        chapters.append(Section("Provenance", "", [_provenance_table(provenance)]))
    for chapter in chapters:
        for block in chapter.blocks:
            if not isinstance(block, (Text, Table, Figure, Callout)):
                raise TypeError(
                    f"Section {chapter.title!r} may hold Text, Table, Figure and "
                    f"Callout. Received: {block!r}"
                )
    page = {
        "title": title,
        "subtitle": subtitle,
        "made": (made or datetime.datetime.now()).strftime("%d %B %Y, %H:%M"),
        "chapters": list(zip(_anchors(chapters), chapters, strict=True)),
        "narrowest": NARROWEST,
        "phone": PHONE,
        "long_cell": LONG_CELL,
    }
    write_text(path, _render_below(page, max_bytes))
    return Path(path)


def _render_below(page, max_bytes):
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_derm.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["id"] = id
    template = environment.get_template("report.html")
    blocks = [block for _, chapter in page["chapters"] for block in chapter.blocks]
    figures = [block for block in blocks if block.form == "figure"]
    for dots_per_inch in DOTS_PER_INCH:
        encoded = {id(figure): figure.encode(dots_per_inch) for figure in figures}
        html = template.render(encoded=encoded, **page)
        size = len(html.encode())
        if size <= max_bytes:
            return html
    warnings.warn(
        f"The report has {size:,} bytes though its figures are as coarse as they may "
        f"be. Show fewer images. Received: max_bytes={max_bytes:,}",
        stacklevel=3,
    )
    return html


def _blocks(content):
    return [Text(content)] if isinstance(content, str) else list(content)


def _anchors(chapters):
    """Names for links: the title in lower case, numbered where two are alike."""
    anchors = []
    for chapter in chapters:
        name = re.sub(r"\W+", "-", chapter.title.lower()).strip("-") or "section"
        while name in anchors:
            name += "-again"
        anchors.append(name)
    return anchors


def _provenance_table(provenance):
    rows = dict(_flattened(provenance))
    frame = pd.DataFrame({"value": list(rows.values())}, index=list(rows), dtype=object)
    frame.index.name = "what"
    return Table(frame, "What this report was made from")


def _flattened(content, prefix=""):
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{name}: ")
        elif isinstance(value, (list, tuple)):
            yield f"{prefix}{name}", ", ".join(map(str, value))
        else:
            yield f"{prefix}{name}", "–" if value is None else str(value)


def _flat(label):
    return " / ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _cell(value, digits):
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if not isinstance(value, (str, list, tuple, dict)) and pd.isna(value):
        return "–"
    if isinstance(value, (int, np.integer)):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, (float, np.floating)):
        return f"{value:,.{digits}f}".replace("-", "−")
    return str(value)


def _encode_figure(figure, dots_per_inch):
    shown = [image for axes in figure.axes for image in axes.get_images()]
    photographs = any(np.ndim(image.get_array()) == 3 for image in shown)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch, facecolor="white")
    image = Image.open(buffer).convert("RGB")
    size = (round(length * 96 / dots_per_inch) for length in image.size)
    return _data_uri(image, photographs), *size


def _encode_file(path, longest):
    with Image.open(path) as image:
        image = image.convert("RGB")
    photograph = image.getcolors(MOST_DRAWN_COLORS) is None
    image.thumbnail((longest, longest))
    return _data_uri(image, photograph), image.width, image.height


def _data_uri(image, photograph):
    buffer = io.BytesIO()
    if photograph:
        image.save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    else:
        palette = image.quantize(256, dither=Image.Dither.NONE)
        palette.save(buffer, "PNG", optimize=True)
    content = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/{'jpeg' if photograph else 'png'};base64,{content}"

import html.parser
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from keras_derm.report import (
    Callout,
    Figure,
    Section,
    Table,
    Text,
    figures,
    render_report,
)


class Page(html.parser.HTMLParser):
    """Tags with their attributes, the text, and whether every tag is closed."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def sections():
    images = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)
    counts = pd.DataFrame(
        np.arange(18).reshape(3, 6) * 100,
        index=pd.Index(["MEL", "NV", "BCC"], name="diagnosis"),
        columns=["light", "medium", "dark", "a", "b", "c"],
    )
    wide = pd.DataFrame({f"column number {i}": [f"cell {i}"] for i in range(20)})
    return [
        Section(
            "Skin tone",
            "Few dark tones.",
            [
                Figure(figures.counts_by_diagnosis(counts, "A"), "Counts by tone", "B"),
                Table(counts, "Counts by tone", "Real images only."),
                Table(wide, "A table wider than any screen"),
            ],
        ),
        Section(
            "Images",
            blocks=[Figure(figures.contact_sheet(images), "Six photographs <six>")],
        ),
        Section("Skin tone", blocks=[Callout("caution", "Tone V: too few to judge.")]),
    ]


@pytest.fixture
def report(tmp_path):
    return render_report(
        sections(),
        tmp_path / "report.html",
        "Report & <title>",
        "No clear change.\n\n- first\n- second",
        limits="One archive.",
        provenance={"data": {"source": "phantom", "split": "ab" * 32}, "seed": 7},
    )


def test_report_is_one_closed_file(report):
    source = report.read_text(encoding="utf-8")
    page = Page(source)
    assert page.open == []
    assert [path.name for path in report.parent.iterdir()] == ["report.html"]
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), tag
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"https?://|url\(|@import", source)


def test_every_figure_has_a_text_and_a_size(report):
    page = Page(report.read_text(encoding="utf-8"))
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [image["alt"] for image in images] == [
        "Counts by tone",
        "Six photographs <six>",
    ]
    assert all(int(image["width"]) > 0 < int(image["height"]) for image in images)
    assert [image["src"][:16] for image in images] == [
        "data:image/png;b",
        "data:image/jpeg;",
    ]


def test_photographs_in_a_file_keep_their_colours(tmp_path):
    ramp = np.linspace(0, 255, 256).astype("uint8")
    photograph = np.stack([*np.meshgrid(ramp, ramp), np.full((256, 256), 90, "uint8")])
    Image.fromarray(photograph.transpose(1, 2, 0)).save(tmp_path / "photograph.png")
    figures.reliability(
        {"a": pd.DataFrame({"confidence": [0.1, 0.9], "accuracy": [0.2, 0.8]})}
    ).savefig(tmp_path / "drawing.png")
    uris = [
        Figure(tmp_path / f"{name}.png", name).encode(96)[0]
        for name in ("photograph", "drawing")
    ]
    assert [uri[:15] for uri in uris] == ["data:image/jpeg", "data:image/png;"]


def test_contents_link_to_every_section(report):
    page = Page(report.read_text(encoding="utf-8"))
    links = [a["href"][1:] for tag, a in page.tags if tag == "a" and "class" not in a]
    anchors = [a["id"] for tag, a in page.tags if tag == "section"]
    assert links == anchors
    assert len(set(anchors)) == len(anchors) == 6


def test_report_says_what_it_must(report):
    text = Page(report.read_text(encoding="utf-8")).text
    for words in (
        "Not a medical device.",
        "colour of the photograph",
        "Report & <title>",
        "No clear change.",
        "One archive.",
        "data: source",
        "Caution",
        "1,700",
    ):
        assert words in text


def test_a_report_that_fails_leaves_the_old_one(report):
    before = report.read_bytes()
    with pytest.raises(TypeError, match="Received: 'no block'"):
        render_report([Section("x", blocks=["no block"])], report, "t", "s")
    assert report.read_bytes() == before
    assert len(list(report.parent.iterdir())) == 1


def test_figures_get_coarser_until_the_report_is_small_enough(report, tmp_path):
    size = report.stat().st_size
    path = tmp_path / "small.html"
    render_report(sections(), path, "t", "s", max_bytes=int(size * 0.7))
    assert path.stat().st_size <= size * 0.7
    with pytest.warns(UserWarning, match="Show fewer images"):
        render_report(sections(), path, "t", "s", max_bytes=100)


def test_a_saved_picture_can_be_shown(tmp_path):
    saved = tmp_path / "curve.png"
    figures.reliability({}).savefig(saved)
    path = render_report(
        [Section("x", blocks=[Figure(saved, "A curve")])], tmp_path / "r.html", "t", "s"
    )
    assert "data:image/png;base64," in path.read_text()


def test_cells_read_as_people_write_numbers():
    frame = pd.DataFrame(
        {
            "n": [12345, 2],
            "auc": [0.81249, np.nan],
            "difference": [-0.05, 0.0],
            "judged": [True, False],
            "note": ["a", None],
        }
    )
    table = Table(frame, "caption")
    assert table.rows == [
        ["12,345", "0.812", "−0.050", "yes", "a"],
        ["2", "–", "0.000", "no", "–"],
    ]
    assert table.numeric == [True, True, True, False, False]
    named = frame.set_index(pd.Index(["All", "Tone I"], name="stratum"))
    assert Table(named, "caption").header[0] == "stratum"
    assert Table(named, "caption").rows[1][0] == "Tone I"
    assert Table(frame.iloc[:0], "caption").rows == []


def test_text_knows_paragraphs_and_lists():
    text = "One\nparagraph.\n\n- a\n- b\n\nLast."
    assert Text(text).parts == ["One paragraph.", ["a", "b"], "Last."]
    text = "Three:\n- a long\n  item\n- b\n- c"
    assert Text(text).parts == ["Three:", ["a long item", "b", "c"]]


def test_blocks_check_their_arguments():
    with pytest.raises(ValueError, match="alt"):
        Figure(figures.reliability({}), " ")
    with pytest.raises(ValueError, match="Received: 'alarm'"):
        Callout("alarm", "text")


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_cut_off_in_a_browser(report, tmp_path, width):
    """The page itself never scrolls sideways, and no box outside a scroller does."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("chromium is not installed")
    measured = run_in_browser(chromium, report, tmp_path, width)
    assert measured == f"page {width} of {width}; outside 0; broken 0"


# Chromium has no window under 500 px, so the report stands in a frame; the copy of
# the report that the test makes may run the script that measures it.
PROBE = """<script>addEventListener("load", () => {
const width = document.documentElement.clientWidth;
const outside = [...document.querySelectorAll("body *")].filter(element =>
  !element.closest(".scroll > *") && !element.matches(".skip")
  && element.getBoundingClientRect().right > width + 0.5);
const broken = [...document.images].filter(image => !image.naturalWidth);
parent.postMessage("page " + document.documentElement.scrollWidth + " of " + width
  + "; outside " + outside.length + "; broken " + broken.length, "*");
});</script>"""


def run_in_browser(chromium, report, folder, width):
    source = re.sub(r"<meta http-equiv[^>]*>", "", report.read_text(encoding="utf-8"))
    (folder / "probed.html").write_text(source.replace("</body>", PROBE + "</body>"))
    (folder / "frame.html").write_text(
        '<!DOCTYPE html><body><p id="found"></p><script>addEventListener("message", '
        'event => document.getElementById("found").textContent = event.data)</script>'
        f'<iframe src="probed.html" style="border:0;width:{width}px;height:900px">'
    )
    answer = subprocess.run(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={folder / 'profile'}",
            "--window-size=1600,1200",
            "--virtual-time-budget=5000",
            "--dump-dom",
            (folder / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return re.search(r'<p id="found">(.*?)</p>', answer.stdout).group(1)

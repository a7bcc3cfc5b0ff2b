import pandas as pd
import pytest
from PIL import Image

from keras_derm.catalog import Catalog, CatalogError
from keras_derm.catalog.catalog import BENIGN_MALIGNANT
from keras_derm.generative import SNGAN, CycleGAN, Generator
from keras_derm.generative.generator import BY_ADAPTER
from keras_derm.generative.synthesis import plan_cells
from keras_derm.generative.wanted_cells import shares, wanted_cells
from keras_derm.settings import CellSettings, CycleGANSettings, SNGANSettings

COUNTS = {
    ("NV", "light"): 60,
    ("NV", "dark"): 20,
    ("MEL", "light"): 12,
    ("MEL", "dark"): 4,
    ("BCC", "light"): 9,
    ("BKL", "dark"): 6,
    ("BKL", None): 3,
}


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    Image.new("RGB", (32, 32)).save(folder / "a.png")
    rows = [cell for cell, n in COUNTS.items() for _ in range(n)]
    table = pd.DataFrame(
        {
            "isic_id": [f"i{i}" for i in range(len(rows))],
            "path": "a.png",
            "diagnosis": [diagnosis for diagnosis, _ in rows],
            "tone_group": [tone for _, tone in rows],
            "anatom_site_general": ["back", "face"] * (len(rows) // 2),
            "split": "train",
        }
    )
    table["benign_malignant"] = table["diagnosis"].map(BENIGN_MALIGNANT)
    return Catalog(table, root=folder)


def made(catalog, *cells, kind=SNGAN, options=None, **more):
    """What is made of each diagnosis and tone."""
    cells = [CellSettings(**cell) for cell in cells]
    table = wanted_cells(catalog, cells, kind, options or SNGANSettings(), **more)
    wanted = table[table["make"] > 0]
    return wanted.set_index(["diagnosis", "tone_group"])["make"].to_dict()


def test_a_group_is_spread_over_its_diagnoses_as_the_real_images_are(train):
    dark = {"tone_group": "dark"}
    cells = (
        {"diagnosis": "melanocytic", "count": 144, **dark},
        {"diagnosis": "not_melanocytic", "count": 664, **dark},
    )
    assert made(train, *cells) == {
        ("MEL", "dark"): 24,  # 4 of 24 of 144
        ("NV", "dark"): 120,
        ("BKL", "dark"): 664,
    }


def test_a_diagnosis_is_spread_over_its_tones_and_the_sum_is_as_asked(train):
    cell = {"diagnosis": "MEL", "count": 1001}
    assert made(train, cell) == {("MEL", "light"): 751, ("MEL", "dark"): 250}
    everything = made(train, {"count": 77})
    assert sum(everything.values()) == 77
    assert set(everything) == {(d, t or "unknown") for d, t in COUNTS}


def test_a_share_counts_the_real_images_of_the_cell(train):
    assert made(train, {"diagnosis": "NV", "tone_group": "dark", "share": 1.5}) == {
        ("NV", "dark"): 30
    }
    options = SNGANSettings()
    tiny = CellSettings("BCC", share=0.01)
    plan = plan_cells(train, [tiny], SNGAN, options)
    assert plan.none_because == "the shares asked for are less than an image"


def test_one_for_each_benign_image_has_the_tones_of_these_images(train):
    cell = {"diagnosis": "MEL", "for_each": "benign"}
    options = {"kind": CycleGAN, "options": CycleGANSettings()}
    assert made(train, cell, **options) == {
        ("MEL", "light"): 60,
        ("MEL", "dark"): 26,
        ("MEL", "unknown"): 3,
    }


def test_cells_that_overlap_add_up_and_each_has_its_candidates(train):
    cells = [
        CellSettings("MEL", tone_group="dark", count=10, candidates=3.0),
        CellSettings("melanoma", tone_group="dark", count=5),
    ]
    table = wanted_cells(train, cells, SNGAN, SNGANSettings(), 2.0)
    assert table.to_dict("records") == [
        {
            "diagnosis": "MEL",
            "tone_group": "dark",
            "have": 4,
            "make": 15,
            "sample": 40,
            "known_by": "training images",
        }
    ]


def test_a_cell_that_was_never_seen_is_refused_with_what_was(train):
    unseen = {"diagnosis": "MEL", "tone_group": "medium", "count": 9}
    said = (
        r"the generator sngan never saw .* MEL, light skin: 12; MEL, dark skin: 4\. "
        r".*Received: MEL, medium skin$"
    )
    with pytest.raises(ValueError, match=said):
        made(train, {"diagnosis": "NV", "count": 5}, unseen)
    melanoma = SNGANSettings(diagnoses=("MEL",))
    with pytest.raises(ValueError, match="Received: NV, light skin; NV, dark skin"):
        made(train, {"diagnosis": "NV", "count": 5}, options=melanoma)
    translator = {"kind": CycleGAN, "options": CycleGANSettings()}
    with pytest.raises(ValueError, match="never saw .* Received: NV"):
        made(train, {"diagnosis": "NV", "count": 5}, **translator)
    with pytest.raises(ValueError, match="never saw .* Received: MEL, medium skin"):
        made(train, unseen, **translator)
    with pytest.raises(ValueError, match=r"Received: one|where there is none"):
        made(train, {"diagnosis": "MEL", "for_each": "VASC"})
    with pytest.raises(CatalogError, match="held out"):
        held_out = train.with_columns(split="test")
        made(held_out, {"diagnosis": "NV", "count": 5})


def test_a_generator_is_not_asked_for_what_it_is_not_told(train):
    on_face = {"diagnosis": "NV", "anatom_site_general": "face", "count": 5}
    with pytest.raises(ValueError, match="can be told: .*Received: NV, face"):
        made(train, on_face)
    without = SNGANSettings(conditional=False, diagnoses=("NV",))
    with pytest.raises(ValueError, match="told diagnosis alone.*`tone_group`"):
        made(train, {"tone_group": "dark", "count": 5}, options=without)
    assert made(train, {"diagnosis": "NV", "count": 5}, options=without) == {
        ("NV", "unknown"): 5
    }


class AdaptedToSites(Generator):
    """Told the site too, and adapted to medium skin; nothing is made in these tests."""

    CONDITIONS = (*Generator.CONDITIONS, "anatom_site_general")

    @classmethod
    def knows(cls, settings, catalog, cell, folder=None):
        known = super().knows(settings, catalog, cell, folder)
        return known or (BY_ADAPTER if cell["tone_group"] == "medium" else "")


def test_an_adapter_makes_what_no_image_showed_and_it_is_marked(train):
    cells = [
        CellSettings("BCC", anatom_site_general="face", count=4),
        CellSettings("melanocytic", tone_group="medium", count=12),
    ]
    table = wanted_cells(train, cells, AdaptedToSites, SNGANSettings())
    rows = table.set_index(["diagnosis", "tone_group"])
    assert rows["known_by"].to_dict() == {
        ("BCC", "light"): "training images",
        ("MEL", "medium"): "adapter",
        ("NV", "medium"): "adapter",
    }
    assert rows["make"].tolist() == [4, 2, 10]  # 16 and 80 images of any tone
    assert rows["anatom_site_general"].tolist() == ["face", None, None]
    elsewhere = CellSettings("BCC", anatom_site_general="foot", count=4)
    with pytest.raises(ValueError, match="never saw .*Received: BCC, light skin, foot"):
        wanted_cells(train, [elsewhere], AdaptedToSites, SNGANSettings())


def test_shares_are_exact_or_the_nearest_whole_numbers():
    assert shares([1, 1, 1], 10) == [4, 3, 3]
    assert shares([0.2, 0.5, 0.3], 10) == [2, 5, 3]
    assert shares([5, 0], 3) == [3, 0]

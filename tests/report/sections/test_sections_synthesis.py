import pandas as pd
import pytest
from fake_run import table, undo, words

from keras_derm.files import write_csv, write_json
from keras_derm.report.sections import synthesis


@pytest.fixture
def screened(run):
    verdicts = pd.DataFrame(
        {
            "diagnosis": ["MEL", "MEL", "NV"],
            "tone_group": ["dark", "dark", "light"],
            "accepted": [True, False, True],
            "kept": [True, False, False],
            "reason": ["", "colours unlike real images of MEL: 0.9 > 0.7", ""],
        }
    )
    write_csv(run / "screening.csv", verdicts)
    description = {"name": "sngan", "text": "A conditional SN-GAN (spectrally so)"}
    write_json(run / "generator/description.json", description)
    write_csv(run / "generator/history.csv", pd.DataFrame({"epoch": [0, 1]}))
    return run


def test_section_says_what_was_made_by_which_generator(screened):
    section = synthesis.section(screened)
    assert section.lead == (
        "2 of 3 sampled images passed the screening and 1 were kept."
    )
    assert (
        "A conditional SN-GAN (spectrally so) learned from the training images alone, "
        "100 steps at 64 pixels."
    ) in words(section)


def test_every_cell_and_every_reason_is_counted(screened):
    section = synthesis.section(screened)
    cells = table(section, "Synthetic images by diagnosis and the tone group")
    assert cells.iloc[0].tolist() == ["MEL", "dark", 2, 1, 1]
    reasons = table(section, "Why images were rejected")
    assert reasons.to_dict("records") == [{"first reason": "colours", "images": 1}]


def test_training_images_are_drawn_with_those_that_were_made(screened):
    bars = [b for b in synthesis.section(screened).blocks if b.form == "figure"]
    (axes,) = bars[0].figure.axes
    drawn = {
        part.get_label(): [bar.get_width() for bar in part] for part in axes.containers
    }
    assert [text.get_text() for text in axes.get_yticklabels()] == ["MEL", "NV"]
    assert drawn == {"real": [2, 2], "made": [1, 0]}


def test_time_it_took_to_make_an_image_is_told(screened):
    assert "seconds" not in words(synthesis.section(screened))
    write_json(screened / "synthesis.json", {"seconds_an_image": 0.0421})
    assert "To make one of them took 0.042 seconds." in words(
        synthesis.section(screened)
    )


def test_measured_generator_names_the_state_that_made_the_images(screened):
    measured = pd.DataFrame({"step": [50, 100], "kernel_distance": [0.2, 0.3]})
    write_csv(screened / "generator/quality.csv", measured)
    said = words(synthesis.section(screened))
    assert "100 steps (those of step 50 were nearest to training images)" in said


def test_sets_that_were_not_learned_are_told_with_their_measures(screened, draw):
    limits = dict.fromkeys([f"{name}_limit" for name in synthesis.MEASURES], 0.5)
    sets = pd.DataFrame(
        [
            {
                "set": "MEL, tone dark",
                "images": 2,
                "passed_alone": 2,
                "passed": False,
                "reason": "gridded: grid 4.25 > 0.5",
                **dict.fromkeys(synthesis.MEASURES, 0.25),
                "grid": 4.25,
                **limits,
            }
        ]
    )
    write_csv(screened / "screening_sets.csv", sets)
    because = "the generator did not learn MEL, tone dark"
    write_json(screened / "synthesis.json", {"not_learned": because})
    draw("synthetic_rejected")
    section = synthesis.section(screened)
    assert section.lead.endswith(
        "1 were kept. The generator did not learn MEL, tone dark: none of it was kept."
    )
    assert "- MEL, tone dark: gridded: grid 4.25 > 0.5" in section.blocks[1].text
    measured = table(section, "Did the generator learn it?")
    assert measured["grid"].tolist() == ["4.2 (≤ 0.5)"]
    assert measured["diversity"].tolist() == ["0.25 (≥ 0.5)"]
    rejected = [b for b in section.blocks if getattr(b, "form", "") == "figure"]
    assert any("Rejected: " in figure.caption for figure in rejected)


def test_where_nothing_was_kept_the_lead_says_why(screened):
    verdicts = pd.read_csv(screened / "screening.csv", keep_default_na=False)
    write_csv(screened / "screening.csv", verdicts.assign(kept=False))
    because = "the generator did not learn MEL, tone dark"
    said = {"not_learned": because, "none_because": because}
    write_json(screened / "synthesis.json", said)
    assert synthesis.section(screened).lead == (
        "None of 3 sampled images was kept: the generator did not learn MEL, tone dark."
    )


def test_nothing_made_is_said_with_its_reason(run):
    assert synthesis.section(run).lead == "None were made."
    why = {"none_because": "no diagnosis is short of images"}
    write_json(run / "synthesis.json", why)
    lead = synthesis.section(run).lead
    assert lead == "None were made: no diagnosis is short of images."


def test_no_section_before_the_synthesis(screened):
    undo(screened, "synthesize")
    assert synthesis.section(screened) is None

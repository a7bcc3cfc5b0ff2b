from pathlib import Path

from fake_cost import COST

from keras_derm.report.export_card import write_export_card
from keras_derm.report.model_card import SECTIONS
from keras_derm.settings import FineTuningSettings

DESCRIBED = {
    "image_size": [224, 224],
    "preset": "melanet",
    "classes": ["MEL", "NV"],
    "n_real": 4,
    "n_synthetic": 12,
    "n_copies": 20,
}


def card(run, path, fine_tuning=None):
    cost = COST | {"form": "file", "fine_tuning": fine_tuning}
    model = Path("export/ensemble_int8.tflite")
    path = path / "model_card.md"
    write_export_card(path, run.catalog, "ham10000", cost, DESCRIBED, model)
    return path.read_text()


def test_card_tells_of_the_model_and_what_it_learned_from(run, tmp_path):
    text = card(run, tmp_path)
    assert text.startswith("# Model card: ensemble_int8.tflite\n")
    assert [line[3:] for line in text.splitlines() if line[:3] == "## "] == [*SECTIONS]
    for words in (
        "224 by 224 pixels, prepared by the preset melanet",
        "- **Output, in this order**: MEL, NV",
        "research and non-commercial use alone; the training images are under CC-BY-NC",
        "4 real photographs of ham10000, 12 synthetic ones and 20 altered copies",
        "2 real photographs of ham10000, none of a lesion or patient",
        "too few to judge: 1 patient",
        "Tone of the skin: light: 1 by people's labels; medium: none; dark: none",
        "ITA of dermoscopy is no person's skin tone",
        "Colour of all photographs: 5 of ITA 41° and over, 2 of ITA under 10°",
    ):
        assert words in text
    assert "Fine-tuned" not in text


def test_card_says_how_members_learned_once_more(run, tmp_path):
    settings = FineTuningSettings("pruning", n_steps=1000, batch_size=16, imitate=True)
    assert (
        "pruning, 50% of each kernel zero: 1,000 steps of 16 real training images "
        "towards the float members' own probabilities, learning rate 0.0001"
    ) in card(run, tmp_path, settings.to_dict())

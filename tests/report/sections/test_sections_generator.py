import dataclasses

import pandas as pd
import pytest
from fake_run import finish, table, undo, words
from PIL import Image

from keras_derm.files import write_csv, write_json
from keras_derm.report.html import Figure
from keras_derm.report.sections import generator
from keras_derm.settings import DiffusionSettings, TrainGeneratorSettings


@pytest.fixture
def trained(run):
    """A run with a diffusion model of two epochs, without any measurement."""
    settings = run.settings(TrainGeneratorSettings)
    finish(run, dataclasses.replace(settings, generator=DiffusionSettings()))
    description = {"name": "diffusion", "text": "A compact diffusion model"}
    write_json(run / "generator/description.json", description)
    history = {
        "epoch": [0, 1],
        "loss": [0.9, 0.8],
        "images_per_second": [100.0, 100.0],
        "training_minutes": [1.0, 2.5],
        "val_loss": [None, None],  # as CSVLogger leaves what is not validated
    }
    write_csv(run / "generator/history.csv", pd.DataFrame(history))
    (run / "generator/samples").mkdir()
    for epoch in (1, 2):
        sheet = run / f"generator/samples/epoch_{epoch:04d}.png"
        Image.new("RGB", (64, 8 * epoch)).save(sheet)
    return run


def test_section_tells_what_it_is_and_how_long_it_learned(trained):
    section = generator.section(trained)
    steps = 2 * trained.settings(TrainGeneratorSettings).steps_per_epoch
    assert section.lead == (
        f"A compact diffusion model. It took {steps} steps at 64 pixels, 2.5 minutes "
        "of training."
    )
    figures = [block for block in section.blocks if isinstance(block, Figure)]
    assert figures[0].alt == "Curves of loss over the epochs."
    assert figures[1].figure.name == "epoch_0002.png"
    assert "No feature_weights: images were not measured" in words(section)


def test_what_was_measured_while_training_went_on_is_shown_in_few_rows(trained):
    measured = pd.DataFrame(
        {
            "step": range(100, 3100, 100),
            "kernel_distance": 0.5,
            "kernel_distance_deviation": 0.1,
            "precision": 0.9,
            "recall": 0.4,
            "coverage": 0.8,
        }
    )
    write_csv(trained / "generator/quality.csv", measured)
    shown = table(generator.section(trained), "Quality while training went on")
    assert len(shown) == 10 and shown["step"].iloc[[0, -1]].tolist() == [100, 3000]
    assert list(shown) == ["step", *generator.MEASURED]


def test_there_is_no_section_before_a_generator_was_trained(trained):
    undo(trained, "train_generator")
    assert generator.section(trained) is None

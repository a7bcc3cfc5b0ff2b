"""Options as people write them."""

from dataclasses import dataclass

import pytest

from keras_derm.jobs.command_line import flags, named_generator, spelled_out
from keras_derm.settings import Settings, TrainGeneratorSettings
from keras_derm.settings.kinds import Count, Flag


def job(
    run: str, skip_bad: bool = False, average: bool | None = None, image_size: int = 224
):
    """A job.

    Args:
        run: Directory.
        skip_bad: Whether.
        average: Whether.
        image_size: Pixels.
    """


@dataclass(frozen=True)
class JobSettings(Settings):
    """Settings of a job.

    Args:
        skip_bad: Whether.
        average: Whether.
        image_size: Pixels.
    """

    skip_bad: Flag = False
    average: Flag | None = None
    image_size: Count = 224


@pytest.mark.parametrize("options", [job, JobSettings])
@pytest.mark.parametrize(
    "given, expected",
    [
        (["--skip-bad"], ["--skip_bad=true"]),
        (["--skip_bad"], ["--skip_bad=true"]),
        (["--average"], ["--average=true"]),
        (["--skip-bad", "false"], ["--skip_bad", "false"]),
        (["--skip-bad=false"], ["--skip_bad=false"]),
        (["--skip-bad", "--run", "a-b"], ["--skip_bad=true", "--run", "a-b"]),
        (["--image-size", "96"], ["--image_size", "96"]),
        (["--run", "a-b"], ["--run", "a-b"]),
        (["--run=a-b"], ["--run=a-b"]),
    ],
)
def test_dashes_and_bare_flags_are_understood(options, given, expected):
    assert spelled_out(flags(options), given) == expected


def test_flag_of_a_generator_may_be_bare_too():
    given = ["--generator.sngan.batch-normalization", "--generator.sngan.dropout", "0"]
    assert spelled_out(flags(TrainGeneratorSettings), given) == [
        "--generator.sngan.batch_normalization=true",
        "--generator.sngan.dropout",
        "0",
    ]


def test_generator_is_named_on_the_command_line_or_in_a_file(tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text("generator: {cyclegan: {identity_weight: 0.1}}")
    assert named_generator(["--n_steps", "4"]) == (None, ["--n_steps", "4"])
    given = ["--generator", "cyclegan", "--n_steps", "4"]
    assert named_generator(given) == ("cyclegan", ["--n_steps", "4"])
    assert named_generator(["--generator=sngan"]) == ("sngan", [])
    given = ["--generator.sngan.dropout", "0.1"]
    assert named_generator(given) == ("sngan", given)
    given = ["--config", str(file)]
    assert named_generator(given) == ("cyclegan", given)
    given = [f"--config={file}"]
    assert named_generator(given) == ("cyclegan", given)
    with pytest.raises(ValueError, match="must be one of.*Received: cyclegan, sngan"):
        named_generator(["--config", str(file), "--generator", "sngan"])
    with pytest.raises(ValueError, match="Received: gan"):
        named_generator(["--generator", "gan"])

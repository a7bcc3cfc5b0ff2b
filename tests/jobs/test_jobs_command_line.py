import pytest

from keras_derm.jobs.command_line import spelled_out


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
def test_dashes_and_bare_flags_are_understood(given, expected):
    assert spelled_out(job, given) == expected

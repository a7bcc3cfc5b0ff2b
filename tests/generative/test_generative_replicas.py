import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "mirrored_losses.py"


@pytest.mark.slow
def test_two_devices_give_the_losses_of_one_and_refuse_what_they_cannot():
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    said = [line for line in lines if line.endswith("agrees")]
    names = ["sngan", "conditional_wgan_gp", "cyclegan", "diffusion"]
    assert said == [f"{name} agrees" for name in names], done.stderr[-3000:]
    assert lines[-1] == "accumulation is refused", done.stderr[-3000:]

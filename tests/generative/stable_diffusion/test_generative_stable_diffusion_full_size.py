"""At full size, with Diffusers itself; skipped where it is not installed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PEERS = ("torch", "diffusers", "transformers")


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in PEERS),
    reason=f"needs {', '.join(PEERS)}, and 5 GB of memory and of disk",
)
def test_random_networks_are_equal_to_diffusers(tmp_path):
    script = ROOT / "benchmarks" / "stable_diffusion_equality.py"
    result = subprocess.run(
        [sys.executable, script, "--folder", tmp_path / "random"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert "U-Net" in result.stdout

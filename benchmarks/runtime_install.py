"""What inference alone takes: an install without TensorFlow, its size and memory.

Makes a new virtual environment, installs keras_derm without its requirements and
those of the extra `runtime`, and has an exported ensemble classify a photograph there.

Usage: python benchmarks/runtime_install.py runs/demo-phantom/export/X.tflite
"""

import configparser
import subprocess
import sys
import tempfile
from pathlib import Path

from jsonargparse import auto_cli

ROOT = Path(__file__).resolve().parents[1]
CHILD = """
import importlib.util, sys, time
start = time.perf_counter()
import numpy as np
from keras_derm.export import QuantizedEnsemble, load_images
from keras_derm.export.memory import peak_bytes
for name in ("tensorflow", "keras", "pandas", "cv2", "scipy"):
    assert importlib.util.find_spec(name) is None, name
ensemble = QuantizedEnsemble(sys.argv[1], n_threads=1)
images = load_images(sys.argv[2:], ensemble.image_size)
print(dict(zip(ensemble.classes, ensemble.predict(images)[0].round(3).tolist())))
print(f"{time.perf_counter() - start:.1f} s from start to answer")
print(f"peak memory {peak_bytes() / 1e6:.0f} MB")
"""


def main(model: str, image: str | None = None) -> None:
    """Print the packages, their size on disk, an answer, and the peak memory.

    Args:
        model: An exported .tflite, or the folder of an exported ensemble.
        image: Photograph to classify; by default an even skin colour.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        python = environment / "bin/python"
        packages = environment / "lib" / f"python3.{sys.version_info.minor}"
        before = _megabytes(packages)
        _install(python, *_runtime_requirements())
        _install(python, "--no-deps", str(ROOT))
        listed = [python, "-m", "pip", "list", "--format", "freeze"]
        print(subprocess.check_output(listed, text=True))
        print(f"{_megabytes(packages) - before:.0f} MB installed")
        image = image or _even_photograph(Path(folder))
        command = [python, "-c", CHILD, str(Path(model).resolve()), str(image)]
        subprocess.run(command, check=True, cwd=folder)


def _install(python, *what):
    command = [python, "-m", "pip", "install", "--quiet", *what]
    subprocess.run([*command, "--disable-pip-version-check"], check=True)


def _runtime_requirements():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    return settings["options.extras_require"]["runtime"].split("\n")[1:]


def _even_photograph(folder):
    from PIL import Image

    Image.new("RGB", (600, 450), (190, 150, 140)).save(folder / "skin.png")
    return folder / "skin.png"


def _megabytes(folder):
    files = (file for file in folder.rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in files) / 1e6


if __name__ == "__main__":
    auto_cli(main)

"""How often predict.py warns of photographs that are sound, spoilt, or no dermoscopy.

The limits are those stored beside the model; sound photographs are those of the test
set, which the limits were not measured on.

Usage: python benchmarks/photograph_warnings.py RUN
"""

import json

import cv2
import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from rich.console import Console
from rich.progress import track
from skimage import data

from keras_derm.catalog import read_image
from keras_derm.export import PhotographLimits
from keras_derm.runs import RunDirectory

RULES = (
    "blurred",
    "too dark",
    "too bright",
    "unusual colours",
    "unlike the training photographs",
)
SPOILT = {
    "as they are": lambda image: image,
    "blurred, sigma 1 % of the width": lambda image: _blurred(image, 0.01),
    "blurred, sigma 2 % of the width": lambda image: _blurred(image, 0.02),
    "half as bright": lambda image: image // 2,
    "a quarter as bright": lambda image: image // 4,
    "red and blue exchanged": lambda image: np.ascontiguousarray(image[..., ::-1]),
}
ELSEWHERE = ("astronaut", "chelsea", "coffee", "rocket", "immunohistochemistry")


def main(run: str, n: int = 300) -> None:
    """Print the share of photographs with each warning.

    Args:
        run: Run directory that has been evaluated.
        n: Test photographs, drawn at random.
    """
    run = RunDirectory(run)
    facts = json.loads((run.arm("baseline") / "ensemble.json").read_text())
    limits = PhotographLimits(**facts["photographs"])
    paths = np.random.default_rng(0).permutation(run.catalog.split("test").paths)[:n]
    found = {name: [] for name in SPOILT}
    for path in track(paths, "Test photographs", transient=True):
        image = read_image(path)
        for name, spoil in SPOILT.items():
            found[name].append(limits.warnings(spoil(image)))
    found["no dermoscopy (scikit-image)"] = [
        limits.warnings(image) for image in _pictures()
    ]
    print(f"limits of {limits.n} training photographs\n")
    rows = {name: _shares(warnings) for name, warnings in found.items()}
    Console(width=200).print(pd.DataFrame.from_dict(rows, orient="index").to_string())


def _shares(warnings):
    shares = {"n": len(warnings), "any": f"{np.mean([bool(w) for w in warnings]):.1%}"}
    for rule in RULES:
        said = [any(one.startswith(rule) for one in each) for each in warnings]
        shares[rule] = f"{np.mean(said):.1%}"
    return shares


def _blurred(image, share):
    return cv2.GaussianBlur(image, (0, 0), share * image.shape[1])


def _pictures():
    """Pictures that come with scikit-image; those it would download are left out."""
    for name in ELSEWHERE:
        try:
            yield getattr(data, name)()
        except (OSError, ModuleNotFoundError):
            print(f"left out, not on this machine: {name}")


if __name__ == "__main__":
    auto_cli(main)

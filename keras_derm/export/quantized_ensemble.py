"""Run an exported ensemble with ai_edge_litert; no TensorFlow is loaded."""

import math
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from keras_derm.export.runtime import (
    ModelFileError,
    QuantizedModel,
    check_images,
    check_n_threads,
    read_description,
    sidecar_path,
)

MANIFEST = "manifest.json"
MANIFEST_KEYS = ("classes", "image_size", "members")
MEMBER_KEYS = ("name", "file", "weight", "sha256")


class QuantizedEnsemble:
    """Quantised classifiers run together, their probabilities averaged.

    An ensemble is one .tflite with its .json, or a folder with a manifest.json that
    names a .tflite for each member and how much it counts. Either way all members
    take the same raw RGB image: each resizes it for itself inside its file.

    Args:
        path: The .tflite, the folder, or the manifest.json in it.
        n_threads: Threads of each interpreter. Members run one after the other.
            Default: LiteRT's choice.

    Attributes:
        classes, image_size: As of each `QuantizedModel`.
        mode: How it was quantised; of a folder whose members differ, `mixed`.
        members: `QuantizedModel` of each file.
        weights: How much each member counts; their sum is 1.
        description: All that the .json or the manifest says, a dict.

    Raises:
        FileNotFoundError: If a file is missing.
        ModelFileError: If a file is damaged or lies outside of the folder, or if
            members and manifest disagree.
        ValueError: If `n_threads` is not a positive whole number.

    Example:
        >>> ensemble = QuantizedEnsemble("runs/ham/export/ensemble_int8.tflite")
        >>> y_prob = ensemble.predict(images)
    """

    def __init__(self, path, n_threads=None):
        check_n_threads(n_threads)
        path = Path(path)
        if path.is_dir():
            path = path / MANIFEST
        if path.name == MANIFEST:
            self._open_folder(path, n_threads)
        else:
            self._open_file(path, n_threads)

    def predict(self, images):
        """Give the class probabilities of images, as `QuantizedModel.predict`."""
        images = check_images(images, self.image_size)
        y_prob = np.zeros((len(images), len(self.classes)), "float32")
        for member, weight in zip(self.members, self.weights, strict=True):
            y_prob += np.float32(weight) * member.predict(images)
        return y_prob

    def _open_file(self, path, n_threads):
        model = QuantizedModel(path, n_threads)
        self.members, self.weights = (model,), (1.0,)
        self.description = model.description
        self.classes, self.image_size = model.classes, model.image_size
        self.mode = model.mode

    def _open_folder(self, manifest, n_threads):
        if not manifest.is_file():
            raise FileNotFoundError(
                f"An ensemble's folder needs a {MANIFEST}. Received: {manifest}"
            )
        content = read_description(manifest, MANIFEST_KEYS)
        listed = _listed_members(manifest, content["members"])
        self.description = content
        self.classes = tuple(content["classes"])
        self.image_size = tuple(content["image_size"])
        self.weights = _checked_weights(manifest, listed)
        files = [_file_inside(manifest, member["file"]) for member in listed]
        self.members = tuple(QuantizedModel(file, n_threads) for file in files)
        for member, model in zip(listed, self.members, strict=True):
            self._check_member(manifest, member, model)
        modes = {model.mode for model in self.members}
        self.mode = modes.pop() if len(modes) == 1 else "mixed"

    def _check_member(self, manifest, listed, model):
        digest = model.description["sha256"]
        if digest != listed["sha256"]:
            raise ModelFileError(
                f"{model.path} is not the file that {manifest} lists. Received: sha256 "
                f"{digest}, listed {listed['sha256']}"
            )
        if model.classes != self.classes:
            raise ModelFileError(
                f"{model.path} has other classes than {manifest}, or has them in "
                f"another order. Received: {list(model.classes)} and "
                f"{list(self.classes)}"
            )
        if model.image_size != self.image_size:
            raise ModelFileError(
                f"{model.path} takes images of another size than {manifest} tells. "
                f"Received: {model.image_size} and {self.image_size}"
            )


def _listed_members(manifest, members):
    if not isinstance(members, list) or not members:
        raise ModelFileError(f"{manifest} lists no members. Received: {members!r}")
    for member in members:
        known = member if isinstance(member, dict) else {}
        missing = [key for key in MEMBER_KEYS if key not in known]
        if missing:
            raise ModelFileError(
                f"A member in {manifest} lacks {missing}. Received: {member!r}"
            )
    files = [member["file"] for member in members]
    if len({str(file) for file in files}) < len(files):
        raise ModelFileError(
            f"{manifest} lists a file more than once. Received: {files}"
        )
    return members


def _checked_weights(manifest, members):
    weights = [member["weight"] for member in members]
    numbers = all(type(weight) in (int, float) for weight in weights)
    # The sum is not close to 1 where a weight is NaN.
    total = sum(weights) if numbers else math.nan
    if not (math.isclose(total, 1, abs_tol=1e-6) and min(weights) >= 0):
        raise ModelFileError(
            f"The weights in {manifest} must be numbers, none below 0, with the sum 1. "
            f"Received: {weights}"
        )
    return tuple(float(weight) for weight in weights)


def _file_inside(manifest, name):
    """Path of a member's file, which must lie in the manifest's own folder.

    A manifest comes from elsewhere: by a path, or a link, it could have any file of
    the machine read.
    """
    kinds = (PurePosixPath, PureWindowsPath)
    plain = isinstance(name, str) and all(kind(name).name == name for kind in kinds)
    if not plain or name in ("", ".", ".."):
        raise ModelFileError(
            f"{manifest} may name files of its own folder alone, without a path. "
            f"Received: {name!r}"
        )
    file = manifest.parent / name
    if not file.exists():
        raise FileNotFoundError(
            f"{manifest} names a file that is missing. Received: {file}"
        )
    folder = manifest.parent.resolve()
    for part in (file, sidecar_path(file)):
        if part.exists() and part.resolve().parent != folder:
            raise ModelFileError(
                f"{manifest} names a file that links to outside of its folder. "
                f"Received: {part}, which is {part.resolve()}"
            )
    return file

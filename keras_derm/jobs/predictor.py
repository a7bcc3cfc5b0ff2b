"""A trained or exported model with all that is told of a photograph."""

import functools
import hashlib
import math
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from keras_derm import __version__
from keras_derm.catalog import ImageError, read_image
from keras_derm.evaluation import ENSEMBLE, add_class_biases, photograph_colour
from keras_derm.export import (
    MANIFEST,
    ModelFileError,
    QuantizedEnsemble,
    sidecar_path,
)
from keras_derm.export.runtime import read_description
from keras_derm.files import atomic_path, shown
from keras_derm.jobs.model_facts import ModelFacts
from keras_derm.jobs.prediction_rows import image_name
from keras_derm.lesion_finders import shipped_finder
from keras_derm.lesion_finders.crop import cropped, lesion_box
from keras_derm.lesion_finders.drawing import FOUND_COLOUR, outlined
from keras_derm.skin_tone.individual_typology_angle import SkinView
from keras_derm.terminal import silenced

OVERLAY_SIZE = (448, 448)
LEAST_SHARE_OF_SIDE = 0.5
"""Of the side of the model's images, below which a photograph is called small."""

EARLIER_GROUPS = {
    **dict.fromkeys(("I", "II"), "I-II"),
    **dict.fromkeys(("III", "IV"), "III-IV"),
    **dict.fromkeys(("V", "VI"), "V-VI"),
}
"""Groups of the prediction sets of models whose .json calls the rule `skin_tone`."""

NOT_A_CLASSIFIER = (
    *(ValueError, OSError, KeyError, TypeError, AttributeError, IndexError),
    *(RuntimeError, NotImplementedError, zipfile.BadZipFile),
)
"""What Keras raises of a file that is none of its, or of another model."""

LEAST_COLOUR = 2.0
"""Mean difference between the channels below which a photograph is called grey."""


class Predictor:
    """Reads photographs, prepares them as in training, classifies and measures them.

    Args:
        path: A .keras or .tflite with its .json beside it, or the folder of an
            exported ensemble.
        n_threads: Threads of LiteRT.
        n_at_once: Photographs that are read at once, by as many threads; by default
            one for each processor.

    Attributes:
        classes: Class names.
        class_biases: What `recalibrate` fitted to another clinic, added to the
            log-probability of each class; or None.
        sets: `ConformalSets` fitted on val, or None where the model has none.
        reference: `ShiftReference` of the photographs of val, or None.
        limits: `PhotographLimits` of the training photographs, or None.
        files: Files of the model.

    Raises:
        FileNotFoundError: If a file is missing.
        ModelFileError: If a file is damaged or does not belong to the other.

    Example:
        >>> rows, _ = Predictor("export/ensemble_int8.tflite").rows(["photograph.jpg"])
    """

    def __init__(self, path, n_threads=None, n_at_once=None):
        self.path, self.n_threads = Path(path), n_threads
        self._keras_model, self._members = None, {}
        facts, self._classify_raw = self._open(n_threads)
        self._image_facts = {key: facts[key] for key in ("image_size", "classes")}
        told = ModelFacts(facts, self.path)
        self.classes, self.sets, self.limits = told.classes, told.sets, told.limits
        self.reference, self._unsure_below = told.reference, told.unsure_below
        self.class_biases = told.class_biases
        self._earlier = "skin_tone" in facts
        self._estimator = told.colour
        self._prepare = told.prepare
        self._side = max(facts["image_size"])
        self._finder = shipped_finder()
        self._crop_margin = facts.get("crop_margin")
        self._pool = ThreadPoolExecutor(n_at_once or os.cpu_count())

    def rows(self, paths):
        """Classify and measure photographs.

        Args:
            paths: Image files, as many as fit into memory at once.

        Returns:
            Tuple of a list of dicts in the order of `paths`, and a dict from position
            to the prepared image, uint8 RGB, of those that could be read.
        """
        measured = list(self._pool.map(self._read, paths))
        prepared = {i: one for i, (_, one) in enumerate(measured) if one is not None}
        rows = [
            dict.fromkeys(("diagnosis", "prediction_set", "coverage", *self.classes))
            | row
            for row, _ in measured
        ]
        if prepared:
            y_prob = np.asarray(self._classify(np.stack([*prepared.values()])))
            found = self._classified(y_prob, [rows[i] for i in prepared])
            for i, one in zip(prepared, found, strict=True):
                rows[i] |= one
                rows[i]["warnings"] += self._unsure(one[one["diagnosis"]])
        return rows, prepared

    def record(self):
        """What decides its rows: version, and digests of the model and the finder."""
        finder = getattr(self._finder, "path", None)
        return {
            "keras_derm": __version__,
            "model": _digest(self.files),
            "lesion_finder": _digest([finder] if finder else []),
        }

    @property
    def models(self):
        """Functions from prepared images to probabilities, by name.

        The ensemble comes first; its members follow where there are several and their
        parts are known.
        """
        return {ENSEMBLE: self._classify} | self._members

    def prepare(self, image):
        """Prepare one photograph as the model learned them.

        Args:
            image: RGB, uint8, (height, width, 3).

        Returns:
            uint8 RGB of the size of the model's images.
        """
        outline = None if self._crop_margin is None else self._finder.find(image)
        return self._prepared(image, outline)

    def _prepared(self, image, outline):
        """The photograph, or the square around its lesion where the model learned it
        so, prepared."""
        if self._crop_margin is not None:
            image = cropped(image, lesion_box(outline.mask, self._crop_margin))
        return self._prepare(image)

    @property
    def float_file(self):
        """The .keras of its name, which need not be there: what explains a .tflite."""
        named = self.path.parent if self.path.name == MANIFEST else self.path
        return named.with_suffix(".keras")

    def check_overlays(self):
        """Raise `ValueError` unless the model can be explained.

        A .tflite is by the .keras of its name, where that lies beside it.
        """
        beside = self.float_file
        if self._keras_model is None and beside.is_file():
            self._keras_model = self._load_keras(beside, self._image_facts)
        if self._keras_model is None:
            raise ValueError(
                "`overlay` needs the gradients of a .keras model: give that, or lay "
                f"{beside.name} beside the file. Received: {str(self.path)!r}"
            )

    def write_overlays(self, rows, prepared, names, folder):
        """Write beside each other what the model saw and what spoke for its diagnosis.

        Args:
            rows, prepared: What `rows` returned.
            names: Path of each picture below `folder`, another for each image; `.png`
                is appended.
            folder: Where the pictures go.
        """
        from keras_derm.explain import attention_maps, overlay

        if not prepared:
            return
        images = np.stack([*prepared.values()])
        chosen = [self.classes.index(rows[i]["diagnosis"]) for i in prepared]
        painted = overlay(images, attention_maps(self._keras_model, images, chosen))
        for i, image, over in zip(prepared, images, painted, strict=True):
            pair = [
                cv2.resize(each, OVERLAY_SIZE, interpolation=cv2.INTER_CUBIC)
                for each in (image, over)
            ]
            _write_png(folder / f"{names[i]}.png", np.hstack(pair))

    def write_outlines(self, paths, names, folder):
        """Write the photographs with the outline of the lesion drawn on them.

        Args:
            paths: Image files; those that cannot be read are passed over.
            names, folder: As of `write_overlays`.
        """
        for path, name in zip(paths, names, strict=True):
            try:
                image = read_image(path)
            except ImageError:
                continue  # its row says so
            found = self._finder.find(image).lesion
            drawn = outlined(image, {FOUND_COLOUR: found})
            _write_png(folder / f"{name}.png", drawn)

    def _open(self, n_threads):
        """What is told of the model, and its classification of a batch."""
        path, received = self.path, f"Received: model={str(self.path)!r}"
        if path.suffix == ".keras":
            return self._open_keras()
        if not path.exists():
            raise FileNotFoundError(f"There is no such model. {received}")
        if path.is_dir() or path.name == MANIFEST or path.suffix == ".tflite":
            ensemble = QuantizedEnsemble(path, n_threads)
            models = [one.path for one in ensemble.members]
            manifests = [] if path.suffix == ".tflite" else [_manifest(path)]
            self.files = [*manifests, *models, *map(sidecar_path, models)]
            if len(ensemble.members) > 1:
                self._members = {one.path.stem: one.predict for one in ensemble.members}
            return ensemble.description, ensemble.predict
        raise ValueError(
            "`model` must be a .keras, a .tflite or the folder of an exported "
            f"ensemble. {received}"
        )

    def _open_keras(self):
        description = self.path.with_suffix(".json")
        for needed in (self.path, description):
            if not needed.is_file():
                raise FileNotFoundError(
                    f"{needed} is missing; give the ensemble.keras of a run directory, "
                    f"with its .json beside it. Received: model={str(self.path)!r}"
                )
        self.files = [self.path, description]
        facts = read_description(description, ("classes", "image_size"))
        self._keras_model = self._load_keras(self.path, facts)
        self._members = _keras_members(self._keras_model)
        return facts, self._keras_classify

    def _load_keras(self, path, facts):
        """The classifier of a file, of the images and classes that are told of it."""
        with silenced():  # TensorFlow is loaded, and looks for a GPU
            import keras

            from keras_derm.classifiers import load_classifier

            keras.ops.zeros(())
        try:
            model = load_classifier(path)
            _keras_members(model)
            found = (*model.input_shape[1:3], model.output_shape[-1])
        except NOT_A_CLASSIFIER as error:
            raise ModelFileError(
                "The file is damaged, no Keras model, or one that does not classify "
                f"images, as a generator is: {shown(str(error))}. Give the "
                f"ensemble.keras of a run. Received: {path}"
            ) from error
        told = (*facts["image_size"], len(facts["classes"]))
        if found != told:
            raise ModelFileError(
                f"{path.with_suffix('.json')} tells of images of {told[0]} x {told[1]} "
                f"pixels and {told[2]} classes, the model {path} has others. "
                f"Received: {found}"
            )
        return model

    def _keras_classify(self, images):
        return self._keras_model.predict_on_batch(images.astype("float32"))

    def _classify(self, images):
        y_prob = self._classify_raw(images)
        biases = self.class_biases
        return y_prob if biases is None else add_class_biases(y_prob, biases)

    def _read(self, path):
        """What is told of one photograph itself, and what the model takes of it."""
        # A name that is not UTF-8 could be neither printed nor written.
        row = {"image": image_name(path), "error": ""}
        try:
            image = read_image(path)
        except ImageError as error:
            colour = dict.fromkeys(("ita_type", "ita", "ita_low", "ita_high"))
            nothing = {"ita_reason": "", "lesion_share": None}
            nothing |= {"outline": [], "warnings": []}
            return row | colour | nothing | {"error": error.cause}, None
        view = SkinView(image, finder=self._finder)
        colour = self._estimator.measure_angle(view)
        row |= {key: colour[key] for key in ("ita_type", "ita_reason")}
        row |= {key: _number(colour[key]) for key in ("ita", "ita_low", "ita_high")}
        is_shrunk = view.image.shape != image.shape
        outline = self._finder.find(image) if is_shrunk else view.outline
        row["lesion_share"] = round(outline.share, 4)
        row["outline"] = outline_remarks(outline, self._finder)
        row["warnings"] = self._unfit(image, outline)
        row["warnings"] += self.limits.warnings(image, view.lab) if self.limits else []
        return row, self._prepared(image, outline)

    def _unfit(self, image, outline):
        """Warnings that need no training photographs to compare with."""
        height, width = image.shape[:2]
        red, green, blue = cv2.split(image)
        brightest, darkest = (
            extreme(extreme(red, green), blue) for extreme in (np.maximum, np.minimum)
        )
        colour = (brightest - darkest).mean()
        found = []
        if max(height, width) < LEAST_SHARE_OF_SIDE * self._side:
            found.append(
                f"small: {width} x {height} pixels, which the model sees enlarged to a "
                f"side of {self._side}"
            )
        if colour < LEAST_COLOUR:
            found.append(
                f"grey: red, green and blue differ by {colour:.1f} of 255 in the mean"
            )
        if outline.lesion is None:
            found.append("no lesion found: nothing in the photograph stands out as one")
        return found

    def _unsure(self, highest):
        """Warnings of what the probabilities say."""
        if self._unsure_below is None or highest >= self._unsure_below:
            return []
        return [
            f"unsure: highest probability {highest:.2f}, one in five validation "
            f"photographs has less than {self._unsure_below:.2f}"
        ]

    def _classified(self, y_prob, measured):
        """What the probabilities say of photographs: a dict for each."""
        rows = []
        for scores in y_prob:
            row = dict(zip(self.classes, map(float, scores), strict=True))
            row["diagnosis"] = self.classes[int(scores.argmax())]
            rows.append(row | {"prediction_set": None})
        if self.sets is not None:
            members = self.sets.predict(y_prob, self._groups(measured))
            for row, member in zip(rows, members, strict=True):
                names = zip(self.classes, member, strict=True)
                row["prediction_set"] = [name for name, inside in names if inside]
        return rows

    def _groups(self, measured):
        """The groups of the prediction sets that photographs are in, by colour."""
        types = [row["ita_type"] for row in measured]
        if self._earlier:
            return [EARLIER_GROUPS.get(one, "undetermined") for one in types]
        return list(photograph_colour([row["ita"] for row in measured], types))


def outline_remarks(outline, finder):
    """What is to be told of a lesion's outline, and so of its share of the picture.

    It says nothing of the diagnosis: where a lesion is cut off by the border, melanomas
    are told from others as well as elsewhere.

    Args:
        outline: `LesionOutline`.
        finder: The finder that found it; a network says from which entropy along the
            border an outline is unsure.
    """
    found = []
    if outline.lesion is None:
        return found
    if outline.is_cut_off:
        found.append("cut off by the border: part of the lesion is not in the picture")
    unsure_from = getattr(finder, "unsure_from", None)
    if unsure_from is not None and outline.border_entropy > unsure_from:
        found.append(
            f"unsure: {outline.border_entropy:.2f} bits along the border, "
            f"{unsure_from:.2f} or less in nine of ten photographs"
        )
    return found


def _manifest(path):
    return path / MANIFEST if path.is_dir() else path


def _digest(files):
    """Digest of the content of files."""
    found = hashlib.sha256()
    for path in files:
        with open(path, "rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def _keras_members(ensemble):
    """Functions as `Predictor.models` of the members of an ensemble of several."""
    import keras

    from keras_derm.classifiers import ensemble_members

    def classify(member, images):
        images = keras.ops.image.resize(
            images.astype("float32"), member.input_shape[1:3]
        )
        return member.predict_on_batch(images)

    members = ensemble_members(ensemble)
    if len(members) == 1:
        return {}
    return {member.name: functools.partial(classify, member) for member in members}


def _number(value):
    value = float(value)
    return None if math.isnan(value) else round(value, 2)


def _write_png(path, image):
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary)

"""Write an ensemble quantised: one .tflite, or a folder of one for each member."""

from pathlib import Path

from keras_derm.export.quantized_ensemble import MANIFEST, QuantizedEnsemble
from keras_derm.export.tflite import MODES, export_tflite
from keras_derm.files import atomic_path, write_json

FORMS = ("auto", "file", "folder")


def export_ensemble(
    model,
    path,
    representative_images=None,
    mode="int8",
    classes=None,
    form="auto",
    member_modes=None,
    details=None,
    io="float",
):
    """Write an ensemble so that `QuantizedEnsemble` runs it.

    Args:
        model: What `build_ensemble` returned, or a single classifier.
        path: Where to write, without a suffix: the ensemble lies in `path.tflite`
            and `path.json`, or in the folder `path`.
        representative_images: As in `export_tflite`; of the ensemble's image size.
        mode: How to quantise, one of `MODES`.
        classes: Class names, in the order of the output. Default: `"0"`, `"1"`, ...
        form: `"file"`: one .tflite with one signature; `"folder"`: a .tflite for each
            member, and a manifest.json with their weights and checksums; `"auto"`: one
            file where TensorFlow can convert the whole, else the folder.
        member_modes: Dict from the name of a member to its own mode, for members that
            lose much in `mode`. Each file has one mode: the form is then a folder.
        details: Dict of what else the description shall tell, such as `preset`.
        io: Type of the tensors that go in and out, as in `export_tflite`.

    Returns:
        `Path` of the .tflite or of the folder.

    Raises:
        ValueError: If an argument does not fit the model.

    Example:
        >>> path = export_ensemble(ensemble, "export/ensemble", images, "int8")
        >>> QuantizedEnsemble(path).predict(images)
    """
    # Loaded here: TensorFlow is not needed to import this room.
    from tensorflow.lite.python.convert_phase import ConverterError

    path, details = Path(path), details or {}
    own = _checked_modes(model, mode, member_modes or {}, form)
    if form == "folder" or own:
        return _write_folder(
            model, path, representative_images, mode, classes, own, details, io
        )
    file = path.with_name(f"{path.name}.tflite")
    try:
        return _write_file(
            model, file, representative_images, mode, classes, details, io
        )
    except (ConverterError, RuntimeError) as error:
        if form == "file":
            raise
        print(f"not convertible as one file, so member by member: {error}", flush=True)
    return _write_folder(
        model, path, representative_images, mode, classes, own, details, io
    )


def _write_file(model, path, images, mode, classes, details, io):
    sidecar = export_tflite(model, path, images, mode, classes, io)
    write_json(path.with_suffix(".json"), {**sidecar, **details})
    return path


def _write_folder(model, path, images, mode, classes, own, details, io):
    """Each member behind its own resizing, in a file of its own."""
    from keras_derm.classifiers import (
        build_ensemble,
        ensemble_members,
        ensemble_weights,
        is_symmetric,
    )

    side, symmetric = model.input_shape[1], is_symmetric(model)
    listed = []
    with atomic_path(path) as folder:
        folder.mkdir(parents=True)
        for member, weight in zip(
            ensemble_members(model), ensemble_weights(model), strict=True
        ):
            alone = build_ensemble([member], side, symmetric=symmetric)
            file = folder / f"{member.name}.tflite"
            member_mode = own.get(member.name, mode)
            sidecar = export_tflite(alone, file, images, member_mode, classes, io)
            listed.append(
                {
                    "name": member.name,
                    "file": file.name,
                    "weight": weight,
                    "mode": member_mode,
                    "size_bytes": sidecar["size_bytes"],
                    "sha256": sidecar["sha256"],
                }
            )
        write_json(
            folder / MANIFEST,
            {
                "classes": sidecar["classes"],
                "image_size": sidecar["image_size"],
                "members": listed,
                **details,
            },
        )
        QuantizedEnsemble(folder)  # what does not open is not left behind
    return path


def _checked_modes(model, mode, member_modes, form):
    """Modes of the members that have one of their own."""
    from keras_derm.classifiers import ensemble_members

    if form not in FORMS:
        raise ValueError(f"`form` must be one of {FORMS}. Received: {form!r}")
    names = [member.name for member in ensemble_members(model)]
    unknown = sorted(set(member_modes) - set(names))
    if unknown:
        raise ValueError(
            f"`member_modes` must name some of {names}. Received: {unknown}"
        )
    wrong = sorted({mode, *member_modes.values()} - set(MODES))
    if wrong:
        raise ValueError(f"a mode must be one of {MODES}. Received: {wrong}")
    own = {name: other for name, other in member_modes.items() if other != mode}
    if own and form == "file":
        raise ValueError(
            "one file has one mode: `member_modes` need the form folder. "
            f"Received: form='file', {member_modes}"
        )
    return own

"""Write an ensemble quantised: one .tflite, or a folder of one for each member."""

from functools import partial
from pathlib import Path

from tensorflow.lite.python.convert_phase import ConverterError

from keras_derm.classifiers import (
    build_ensemble,
    ensemble_members,
    ensemble_weights,
    views_of,
)
from keras_derm.export.fine_tuning import check_training_images, member_batches
from keras_derm.export.quantization_aware_training import (
    check_packages,
    quantization_aware,
)
from keras_derm.export.quantized_ensemble import MANIFEST, QuantizedEnsemble
from keras_derm.export.tf_keras.twin_description import describe_twin
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
    fine_tuning=None,
    training_images=None,
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
            file where TensorFlow can convert the whole, else the folder; a folder in
            mode `"selective"`, which then leaves a part of each member in float.
        member_modes: Dict from the name of a member to its own mode, for members that
            lose much in `mode`. Each file has one mode: the form is then a folder. With
            quantisation-aware training, another than int8 leaves the member as it is.
        details: Dict of what else the description shall tell, such as `preset`.
        io: Type of the tensors that go in and out, as in `export_tflite`.
        fine_tuning: `FineTuningSettings`: how each member learns once more before it is
            written, by `quantization_aware`. `model` stays as it is. Several members
            become a folder. By default none does.
        training_images: `TrainingImages` for it.

    Returns:
        `Path` of the .tflite or of the folder.

    Raises:
        ImportError: `fine_tuning` needs the extra `quantization`.
        ValueError: If an argument does not fit the model.

    Example:
        >>> path = export_ensemble(ensemble, "export/ensemble", images, "int8")
        >>> QuantizedEnsemble(path).predict(images)
    """
    path, details = Path(path), details or {}
    own = _checked_modes(model, mode, member_modes or {}, form)
    tuned = _fine_tuned(model, mode, own, form, fine_tuning, training_images)
    write = partial(
        _write_member,
        model,
        images=representative_images,
        classes=classes,
        io=io,
        fine_tuning=fine_tuning,
        training_images=training_images,
    )
    # Each member has a part of its own that int8 harms most.
    apart = mode == "selective" and form == "auto" and len(ensemble_members(model)) > 1
    if form == "folder" or own or len(tuned) > 1 or apart:
        return _write_folder(model, path, mode, own, details, write)
    file = path.with_name(f"{path.name}.tflite")
    try:
        if tuned:
            sidecar = write(tuned[0], file, mode)
        else:
            sidecar = export_tflite(
                model, file, representative_images, mode, classes, io
            )
    except (ConverterError, RuntimeError) as error:
        if form == "file" or tuned:
            raise
        print(f"not convertible as one file, so member by member: {error}", flush=True)
        return _write_folder(model, path, mode, own, details, write)
    write_json(file.with_suffix(".json"), {**sidecar, **details})
    return file


def _write_member(
    model, member, path, mode, images, classes, io, fine_tuning, training_images
):
    """One member behind its own resizing, in a file of its own."""
    side, n_views = model.input_shape[1], views_of(model)
    if fine_tuning is None or not fine_tuning.concerns(mode):
        alone = build_ensemble([member], side, n_views=n_views)
        return export_tflite(alone, path, images, mode, classes, io)
    n_steps = fine_tuning.n_steps
    print(f"{member.name}: {fine_tuning.method}, {n_steps} steps", flush=True)
    return quantization_aware(
        member,
        path,
        member_batches(member, training_images, fine_tuning),
        settings=fine_tuning,
        representative_images=images,
        image_size=side,
        n_views=n_views,
        classes=classes,
        mode=mode,
        io=io,
    )


def _write_folder(model, path, mode, own, details, write):
    """A file for each member, and the manifest."""
    listed = []
    with atomic_path(path) as folder:
        folder.mkdir(parents=True)
        for member, weight in zip(
            ensemble_members(model), ensemble_weights(model), strict=True
        ):
            file = folder / f"{member.name}.tflite"
            member_mode = own.get(member.name, mode)
            sidecar = write(member, file, member_mode)
            told = {key: sidecar[key] for key in ("method", "size_bytes", "sha256")}
            known = {"name": member.name, "file": file.name, "weight": weight}
            listed.append({**known, "mode": member_mode, **told})
        shared = {key: sidecar[key] for key in ("classes", "image_size")}
        write_json(folder / MANIFEST, {**shared, "members": listed, **details})
        QuantizedEnsemble(folder)  # what does not open is not left behind
    return path


def _checked_modes(model, mode, member_modes, form):
    """Modes of the members that have one of their own."""
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


def _fine_tuned(model, mode, own, form, fine_tuning, training_images):
    """Members that learn once more, checked before the first of them begins."""
    if fine_tuning is None:
        return []
    check_packages()
    fine_tuning.check_modes(mode, own.values())
    members = ensemble_members(model)
    if form == "file" and len(members) > 1:
        raise ValueError(
            "members that are fine-tuned have a file each: the form is a folder. "
            f"Received: form='file', {len(members)} members"
        )
    check_training_images(training_images, fine_tuning, model.output_shape[-1])
    tuned = [
        member for member in members if fine_tuning.concerns(own.get(member.name, mode))
    ]
    for member in tuned:
        describe_twin(member)  # names a layer that TF-MOT cannot be given
    return tuned

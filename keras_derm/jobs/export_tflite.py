"""Job: the quantised ensemble."""

import json
import shutil
from dataclasses import asdict
from typing import Literal

from keras_derm.export.fine_tuning import FineTuning
from keras_derm.jobs.evaluate import judged_task
from keras_derm.jobs.prediction_facts import prediction_facts
from keras_derm.jobs.train_classifier import MEMBER_OPTIONS
from keras_derm.report.run_files import chosen_arm
from keras_derm.runs import RunDirectory

N_TIMED = {1: 100, 8: 30}
CANDIDATE = "export/candidate"
SHOWN = (
    "balanced_accuracy",
    "macro_auc",
    "sensitivity",
    "specificity",
    "brier_score",
    "expected_calibration_error",
)
_INTERVAL = {"": "value", "_low": "low", "_high": "high"}


def export_tflite(
    run: str,
    arm: Literal["chosen", "baseline", "augmented"] = "chosen",
    mode: str = "int8",
    member_modes: dict[str, str] | None = None,
    form: Literal["auto", "file", "folder"] = "auto",
    io: Literal["float", "int8", "uint8"] = "float",
    n_representative: int = 200,
    gate: Literal["macro_auc", "none"] = "macro_auc",
    margin: float = 0.005,
    margin_tone: float | None = None,
    fine_tuning: FineTuning | None = None,
    seed: int = 0,
):
    """Quantise the ensemble as TFLite and measure what that cost on real test images.

    Writes export/ensemble_MODE.tflite with its description (or the folder
    export/ensemble_MODE), export/model_card.md, and export/cost.json: agreement with
    the float model, metrics of both overall and by skin tone with paired intervals,
    calibration, size, latency and memory.

    An export whose macro AUC falls too far is refused: measured, but not left behind,
    and the exit status is 1. On all test images the estimate decides; on a skin tone
    with enough images to judge, the fall must also be more than chance (its 95 %
    interval below zero).

    Args:
        run: Run directory that has been evaluated.
        arm: Whose ensemble to export; chosen is the better one on validation.
        mode: How to quantise: int8; selective, int8 but for the part of the network
            that it harms most, found by measurement; weight_only, all weights in int8
            and arithmetic in float; dynamic, large weights in int8; or float16.
        member_modes: Modes of members that lose much in that mode
            (--member_modes.efficientnetb0_64 dynamic); the form is then a folder. With
            quantisation-aware training they are not fine-tuned.
        form: One file, a folder with one file for each member, or auto: one file
            where TensorFlow can convert the whole, but a folder in mode selective,
            which then leaves a part of each member in float.
        io: Numbers that go in and come out: float, or in mode int8 the bytes of int8
            or uint8, as a phone's camera gives them.
        n_representative: Training images, spread over diagnoses and tones, by which
            int8 sets its ranges.
        gate: What may refuse the export; none leaves it behind whatever it costs.
        margin: Greatest fall of macro AUC allowed on all test images.
        margin_tone: The same on each skin tone; by default the same number.
        fine_tuning: How each member learns once more, on the real training images of
            its arm, for its quantised form (--fine_tuning.method qat); by default none
            does. Needs the extra `quantization`.
        seed: Seed of the choice of representative images.
    """
    from keras_derm.export import MODES, ExportRefused

    wrong = sorted({mode, *(member_modes or {}).values()} - set(MODES))
    if wrong:
        raise ValueError(
            f"`mode` and `member_modes` must be among {MODES}. Received: {wrong}"
        )
    for allowed in (margin, margin_tone):
        if allowed is not None and not allowed >= 0:
            raise ValueError(f"a margin must be 0 or more. Received: {allowed}")
    if fine_tuning is not None:
        fine_tuning.check(mode, (member_modes or {}).values())
    settings = {
        "arm": arm,
        "mode": mode,
        "member_modes": member_modes or {},
        "form": form,
        "io": io,
        "n_representative": n_representative,
        "gate": gate,
        "margin": margin,
        "margin_tone": margin_tone,
        "seed": seed,
    }
    if fine_tuning is not None:  # else an export made before there was any stays done
        settings["fine_tuning"] = asdict(fine_tuning)
    run = RunDirectory(run)
    with run.stage(
        "export", settings, after=["evaluation"], folders=["export"]
    ) as todo:
        if todo:
            _export(run, **settings)
    # Also when it was done before: a refusal does not wear off.
    refusal = json.loads((run / "export/cost.json").read_text())["refusal"]
    if refusal:
        raise ExportRefused(refusal)


def _export(run, arm, gate, margin, margin_tone, **how):
    from keras_derm import export
    from keras_derm.classifiers import load_classifier
    from keras_derm.files import write_json
    from keras_derm.pipeline import PreparedImages
    from keras_derm.report.export_card import write_export_card

    foreign = run.settings("evaluation").get("predictions")
    if foreign:
        raise ValueError(
            "the evaluation of this run is of predictions made elsewhere, which the "
            "exported model cannot be held against: run evaluate.py without "
            f"--predictions first. Received: {foreign}"
        )
    arm, task = chosen_arm(run, arm), judged_task(run)
    described = json.loads((run / arm / "ensemble.json").read_text())
    described["preset"] = run.settings("prepare")["preset"]
    rows = run.catalog.where(task.covers(run.catalog))
    prepared = PreparedImages.load(run / "prepared/real")
    model = load_classifier(run / arm / "ensemble.keras")
    path = _candidate(run, arm, model, described, task, prepared, rows, **how)
    quantized = export.QuantizedEnsemble(path)
    cost = {
        "arm": arm,
        "mode": quantized.mode,
        "form": "folder" if path.is_dir() else "file",
        "fine_tuning": how.get("fine_tuning"),
        "members": _members(model, quantized),
        **_cost(run, arm, task, rows.split("test"), prepared, quantized),
        "float_size_bytes": 4 * model.count_params(),  # float32 weights alone
        "size_bytes": export.size_bytes(path),
        "latency": _latency(model, quantized),
        "memory": {
            "float": export.peak_memory(run / arm / "ensemble.keras"),
            "quantised": export.peak_memory(path),
        },
    }
    verdict = export.check_gate(cost["scores"], margin, margin_tone)
    cost["gate"] = {"on": gate != "none", **verdict}
    cost["refusal"] = _refusal(cost, how["mode"])
    if not cost["refusal"]:
        val = rows.split("val")
        y_val = _predict(quantized, prepared, prepared.indices(val))
        facts = prediction_facts(run, task, val, y_val, described.get("photographs"))
        path = _put_in_place(path, run / "export" / path.name, facts)
        archive = run.settings("audit")["data"].partition(":")[0]
        card = run / "export/model_card.md"
        write_export_card(card, rows, archive, cost, described, path)
    shutil.rmtree(run / CANDIDATE)
    write_json(run / "export/cost.json", cost)
    _print(cost, path)


def _candidate(
    run,
    arm,
    model,
    described,
    task,
    prepared,
    rows,
    mode,
    member_modes,
    form,
    io,
    n_representative,
    seed,
    fine_tuning=None,
):
    """The ensemble quantised, where no one looks for a finished export."""
    from keras_derm.classifiers import ensemble_weights
    from keras_derm.export import export_ensemble

    shutil.rmtree(run / CANDIDATE, ignore_errors=True)
    train, learning = rows.split("train"), {}
    if fine_tuning is not None:
        learning["fine_tuning"] = FineTuning(**fine_tuning)
        learning["training_images"] = _training_images(
            run, arm, task, train, prepared, fine_tuning["imitate"]
        )
    chosen = spread_over_cells(train, n_representative, seed)
    return export_ensemble(
        model,
        run / CANDIDATE / f"ensemble_{mode}",
        prepared.take(prepared.indices(train)[chosen]),
        mode,
        task.classes,
        form,
        member_modes,
        details={
            "preset": described["preset"],
            "averaged": described["members"],
            "weights": ensemble_weights(model),
        },
        io=io,
        **learning,
    )


def _training_images(run, arm, task, train, prepared, imitate):
    """The real training images, with the targets and weights of the arm's loss."""
    from keras_derm.classifiers import sample_weights, smoothed_targets
    from keras_derm.export import TrainingImages

    settings = MEMBER_OPTIONS | run.settings(arm)
    imbalance, n_classes = settings["imbalance"], len(task.classes)
    if not imitate and imbalance not in ("none", "class_weights"):
        raise ValueError(
            "fine-tuning knows the plain and the weighted cross-entropy: let the "
            "members imitate themselves (--fine_tuning.imitate true), which keeps what "
            f"another loss or sampling gave them. Received: the arm {arm} trained with "
            f"{imbalance}"
        )
    indices, targets = prepared.indices(train), task.targets(train)
    return TrainingImages(
        lambda positions: prepared.take(indices[positions]),
        len(indices),
        smoothed_targets(imbalance, targets, n_classes, settings["label_smoothing"]),
        sample_weights(imbalance, targets, n_classes),
    )


def _cost(run, arm, task, test, prepared, quantized):
    """Float against quantised on the test images."""
    from keras_derm.evaluation import predictions_from_csv
    from keras_derm.export import agreement

    y_float = predictions_from_csv(
        run / f"predictions/{arm}_ensemble_test.csv", test, task.classes
    )
    y_quantized = _predict(quantized, prepared, prepared.indices(test))
    return {
        **agreement(y_float, y_quantized),
        "scores": _scores(run, task, test, y_float, y_quantized),
    }


def _members(model, quantized):
    """Names, weights and modes of what is averaged, however many files hold it."""
    from keras_derm.classifiers import ensemble_members, ensemble_weights

    names = [member.name for member in ensemble_members(model)]
    listed = quantized.description.get("members", [quantized.description])
    listed = listed * (len(names) // len(listed))
    return [
        {"name": name, "weight": weight, "mode": file["mode"], "method": file["method"]}
        for name, weight, file in zip(
            names, ensemble_weights(model), listed, strict=True
        )
    ]


def _latency(model, quantized):
    """Milliseconds a call at every batch size, both models in turns."""
    import numpy as np

    from keras_derm.export import latency_in_turns

    generator = np.random.default_rng(0)
    found = {}
    for batch_size, n in N_TIMED.items():
        shape = (batch_size, *quantized.image_size, 3)
        images = generator.integers(0, 256, shape).astype("float32")
        predicts = {"float": model.predict_on_batch, "quantised": quantized.predict}
        found[str(batch_size)] = latency_in_turns(predicts, images, n)
    return found


def _refusal(cost, mode):
    """Why the export is refused and what can be done, or nothing."""
    from keras_derm.export.gate import describe_refusal

    gate = cost["gate"]
    if not gate["on"] or not gate["refused"]:
        return ""
    members = ", ".join(member["name"] for member in cost["members"])
    learning = ""
    if cost["fine_tuning"] is None:
        learning = "in int8, quantisation-aware training (--fine_tuning.method qat); "
    return (
        f"the export is refused: quantised ({mode}), the ensemble tells the classes "
        f"apart less well than allowed on real test images.\n{describe_refusal(gate)}\n"
        "Nothing is left in export/ but the figures, cost.json. Ways out: another "
        "--mode (selective, dynamic and float16 mostly cost less than int8), or one "
        f"for the member that loses most (--member_modes.NAME dynamic; members: "
        f"{members}); {learning}or, if this is worth the size and speed, a "
        "larger --margin (--margin_tone), or --gate none. "
        f"Received: mode={mode!r}, margin={gate['margin']:g}, "
        f"margin_tone={gate['margin_tone']:g}"
    )


def _put_in_place(candidate, path, facts):
    """Move what passed to its final name, with what predict.py needs to know."""
    from keras_derm.export import MANIFEST, sidecar_path
    from keras_derm.files import write_json

    folder = candidate.is_dir()
    description = candidate / MANIFEST if folder else sidecar_path(candidate)
    write_json(description, json.loads(description.read_text()) | facts)
    if folder:
        shutil.rmtree(path, ignore_errors=True)
    else:
        description.replace(sidecar_path(path))
    candidate.replace(path)
    return path


def spread_over_cells(catalog, n, seed):
    """Positions of `n` rows, cells of diagnosis and tone in turn."""
    import numpy as np

    table = catalog.table.sample(frac=1, random_state=seed)
    turn = table.groupby(["diagnosis", "skin_tone"], dropna=False).cumcount()
    order = np.argsort(turn.to_numpy(), kind="stable")
    return table.index.to_numpy()[order[:n]]


def _predict(quantized, prepared, indices, batch_size=64):
    import numpy as np
    from rich.progress import track

    starts = range(0, len(indices), batch_size)
    return np.concatenate(
        [
            quantized.predict(prepared.take(indices[start : start + batch_size]))
            for start in track(starts, "Quantised predictions", transient=True)
        ]
    )


def _scores(run, task, test, y_float, y_quantized):
    """Float against quantised by group: metrics, paired differences, agreement."""
    from keras_derm import evaluation

    inputs = evaluation.inputs_from_catalog(test, task)
    inputs["positive"] = task.classes[task.positive_class]
    settings = run.settings("evaluation")
    bootstrap = {key: settings[key] for key in ("n_replicates", "seed")}
    comparison = evaluation.compare(
        **inputs, y_prob_baseline=y_float, y_prob_augmented=y_quantized, **bootstrap
    )
    table = comparison.table().rename(
        columns=lambda name: name.replace("baseline", "float").replace(
            "augmented", "quantised"
        )
    )
    # How often both name the same class is the accuracy of one on the other.
    same = evaluation.evaluate(
        y_prob=y_quantized, **(inputs | {"y_true": y_float.argmax(axis=1)}), **bootstrap
    ).table()
    same = same[same["metric"] == "accuracy"].set_index(["stratum", "value_of_stratum"])
    # Types and pairs of types have the undetermined alike.
    pooled = table["stratum"] == "skin_tone_pooled"
    twice = pooled & (table["value_of_stratum"] == "undetermined")
    rows = table[table["metric"].isin(SHOWN) & ~twice].to_dict("records")
    for row in rows:
        agreed = same.loc[(row["stratum"], row["value_of_stratum"])]
        row |= {f"agreement{end}": agreed[key] for end, key in _INTERVAL.items()}
    return rows


def _print(cost, path):
    """What was exported, and what the gate says of it."""
    from keras_derm.export.gate import TOO_FEW

    times = cost["latency"]["1"]
    speed = times["float"]["median_ms"] / times["quantised"]["median_ms"]
    print(
        f"{path.name}: {cost['size_bytes'] / 1e6:.1f} MB, same class as the float "
        f"model on {cost['argmax_agreement']:.1%} of {cost['n_images']} test images, "
        f"{times['quantised']['median_ms']:.1f} ms an image, {speed:.1f} times as fast"
    )
    for group in cost["gate"]["groups"]:
        if group["verdict"] != TOO_FEW or group["group"] == "all":
            change = group["difference"]
            print(
                f"  macro AUC, {group['group']} (n = {group['n']:,}): "
                + ("" if change is None else f"{change:+.4f}, ")
                + group["verdict"]
            )

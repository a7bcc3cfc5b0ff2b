"""The quantised ensemble."""

import shutil

from keras_derm import export
from keras_derm.classifiers import (
    ensemble_weights,
    load_classifier,
    sample_weights,
    save_small,
    smoothed_targets,
)
from keras_derm.evaluation import TOO_FEW, predictions_from_csv
from keras_derm.files import DamagedFileError, shown, write_json
from keras_derm.jobs.judged import colour_rule, judged_task
from keras_derm.pipeline import PreparedImages
from keras_derm.report.export_card import write_export_card
from keras_derm.report.run_files import chosen_arm, read_json
from keras_derm.runs import Stage
from keras_derm.settings import (
    AuditSkinToneSettings,
    EvaluateSettings,
    ExportTfliteSettings,
    PrepareDatasetSettings,
    TrainClassifierSettings,
)


class ExportTflite(Stage):
    """Quantise the ensemble as TFLite and measure what that cost.

    Example:
        >>> run_stage("export_tflite", "runs/first", mode="selective")
    """

    Settings = ExportTfliteSettings
    after = ("evaluate",)
    writes = ("export",)
    keeps = (
        "export/cost.json",
        "export/**/*.tflite",
        "export/*.json",
        "export/*.keras",
    )

    def check(self):
        if self.settings.fine_tuning is not None:
            export.check_packages()
        if not self.run.done("evaluate"):  # the stage says so
            return
        foreign = self.run.settings(EvaluateSettings).predictions
        if foreign:
            raise ValueError(
                "the evaluation of this run is of predictions made elsewhere, which "
                "the exported model cannot be held against: run evaluate.py without "
                f"--predictions first. Received: {foreign}"
            )
        chosen_arm(self.run, self.settings.arm)

    def finish(self):
        """Refuse also where it was done before: a refusal does not wear off."""
        path = self.run.export / "cost.json"
        cost = read_json(path, "export_tflite", ())
        if "refusal" not in cost:
            raise DamagedFileError(
                f"{path} is damaged: remove it, and the model is exported anew. "
                f"Received: {shown(list(cost))}"
            )
        if cost["refusal"]:
            raise export.ExportRefused(cost["refusal"])

    def make(self):
        run = self.run
        arm, task = chosen_arm(run, self.settings.arm), judged_task(run)
        described = read_json(
            run.arm(arm) / "ensemble.json", "train_classifier", ("classes",)
        )
        described["preset"] = run.settings(PrepareDatasetSettings).preset
        rows = run.catalog.where(task.covers(run.catalog))
        prepared = PreparedImages.load(run.prepared_real)
        model = load_classifier(run.arm(arm) / "ensemble.keras")
        path = self._candidate(arm, model, described, task, prepared, rows)
        quantized = export.QuantizedEnsemble(path)
        cost = self._cost(arm, task, rows, prepared, model, quantized, path)
        self._judge(cost)
        if not cost["refusal"]:
            val = rows.split("val")
            y_val = export.predict_quantised(quantized, prepared, prepared.indices(val))
            facts = export.prediction_facts(
                task, val, y_val, described["photographs"], colour_rule(run)
            )
            path = put_in_place(path, run.export / path.name, facts)
            save_small(model, path.with_suffix(".keras"))  # for the overlays of predict
            sources = run.settings(AuditSkinToneSettings).sources
            archive = " and ".join(source.partition(":")[0] for source in sources)
            card = run.export / "model_card.md"
            write_export_card(card, rows, archive, cost, described, path)
        shutil.rmtree(run.export / "candidate")
        write_json(run.export / "cost.json", cost)
        print_cost(cost, path)

    def _candidate(self, arm, model, described, task, prepared, rows):
        """The ensemble quantised, where no one looks for a finished export."""
        settings, train = self.settings, rows.split("train")
        folder = self.run.export / "candidate"
        shutil.rmtree(folder, ignore_errors=True)
        learning = {}
        if settings.fine_tuning is not None:
            images = self._training_images(arm, task, train, prepared)
            learning = {
                "fine_tuning": settings.fine_tuning,
                "training_images": images,
            }
        chosen = export.spread_over_cells(
            train, settings.n_representative, settings.seed
        )
        return export.export_ensemble(
            model,
            folder / f"ensemble_{settings.mode}",
            prepared.take(prepared.indices(train)[chosen]),
            settings.mode,
            task.classes,
            settings.form,
            settings.member_modes,
            details={
                "preset": described["preset"],
                "crop_margin": described.get("crop_margin"),
                "averaged": described["members"],
                "weights": ensemble_weights(model),
            },
            io=settings.io,
            **learning,
        )

    def _training_images(self, arm, task, train, prepared):
        """The real training images, with the targets and weights of the arm's loss."""
        learned = self.run.settings(TrainClassifierSettings, arm)
        imbalance, n_classes = learned.imbalance, len(task.classes)
        imitate = self.settings.fine_tuning.imitate
        if not imitate and imbalance not in ("none", "class_weights"):
            raise ValueError(
                "fine-tuning knows the plain and the weighted cross-entropy: let the "
                "members imitate themselves (--fine_tuning.imitate true), which keeps "
                "what another loss or sampling gave them. Received: the arm "
                f"{arm} trained with {imbalance}"
            )
        indices, targets = prepared.indices(train), task.targets(train)
        return export.TrainingImages(
            lambda positions: prepared.take(indices[positions]),
            len(indices),
            smoothed_targets(imbalance, targets, n_classes, learned.label_smoothing),
            sample_weights(imbalance, targets, n_classes),
        )

    def _cost(self, arm, task, rows, prepared, model, quantized, path):
        """Float against quantised: predictions on test images, size, speed, memory."""
        run, test = self.run, rows.split("test")
        judged, tuning = run.settings(EvaluateSettings), self.settings.fine_tuning
        csv = run.predictions / f"{arm}_ensemble_test.csv"
        y_float = predictions_from_csv(csv, test, task.classes)
        y_quantized = export.predict_quantised(
            quantized, prepared, prepared.indices(test)
        )
        return {
            "arm": arm,
            "mode": quantized.mode,
            "form": "folder" if path.is_dir() else "file",
            "fine_tuning": None if tuning is None else tuning.to_dict(),
            "members": export.member_rows(model, quantized),
            **export.agreement(y_float, y_quantized),
            "scores": export.quantisation_scores(
                test,
                task,
                y_float,
                y_quantized,
                n_replicates=judged.n_replicates,
                seed=judged.seed,
            ),
            "float_size_bytes": 4 * model.count_params(),  # float32 weights alone
            "size_bytes": export.size_bytes(path),
            "latency": export.latency_of_both(model, quantized),
            "memory": {
                "float": export.peak_memory(run.arm(arm) / "ensemble.keras"),
                "quantised": export.peak_memory(path),
            },
        }

    def _judge(self, cost):
        """Add what the gate says of the cost."""
        settings = self.settings
        verdict = export.check_gate(
            cost["scores"], settings.margin, settings.margin_tone
        )
        cost["gate"] = {"on": settings.gate != "none", **verdict}
        cost["refusal"] = ""
        if settings.gate != "none":
            names = [member["name"] for member in cost["members"]]
            cost["refusal"] = export.refusal_message(
                verdict, settings.mode, names, settings.fine_tuning is not None
            )


def put_in_place(candidate, path, facts):
    """Move what passed to its final name, with what predict.py needs to know."""
    folder = candidate.is_dir()
    description = (
        candidate / export.MANIFEST if folder else export.sidecar_path(candidate)
    )
    write_json(description, read_json(description, "export_tflite", ()) | facts)
    if folder:
        shutil.rmtree(path, ignore_errors=True)
    else:
        description.replace(export.sidecar_path(path))
    candidate.replace(path)
    return path


def print_cost(cost, path):
    """Print what was exported, and what the gate says of it."""
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

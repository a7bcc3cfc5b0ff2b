"""Job: show what the ensemble looked at."""

from typing import Literal

from keras_derm.jobs.evaluate import chosen_arm
from keras_derm.runs import RunDirectory

KINDS = {
    "correct": "correct",
    "missed_melanoma": "missed melanoma",
    "false_alarm": "false alarm",
}


def explain(
    run: str,
    arm: Literal["chosen", "baseline", "augmented"] = "chosen",
    method: Literal["grad_cam", "grad_cam_plus_plus"] = "grad_cam",
    n_each: int = 6,
):
    """Draw Grad-CAM maps of correct and wrong real test cases.

    Writes explanations.csv (with the share of attention inside the lesion, where
    there is a mask) and figures/grad_cam_*.png.

    Args:
        run: Run directory that has been evaluated.
        arm: Whose ensemble to explain; chosen is the better one on validation.
        method: Grad-CAM or Grad-CAM++.
        n_each: Cases of each kind: correct, missed melanoma, false alarm.
    """
    settings = {"arm": arm, "method": method, "n_each": n_each}
    run = RunDirectory(run)
    with run.stage("explain", settings, after=["evaluation"]) as todo:
        if todo:
            _explain(run, **settings)


def _explain(run, arm, method, n_each):
    import json

    from keras_derm import explain as explaining
    from keras_derm.catalog import get_task
    from keras_derm.classifiers import load_classifier
    from keras_derm.evaluation import predictions_from_csv
    from keras_derm.files import write_csv
    from keras_derm.pipeline import PreparedImages

    arm = chosen_arm(run, arm)
    classes = json.loads((run / arm / "ensemble.json").read_text())["classes"]
    task = get_task(run.settings(arm)["task"])
    task = task.present_in(run.catalog.split("train"))
    test = run.catalog.where(task.covers(run.catalog)).split("test")
    y_prob = predictions_from_csv(
        run / f"predictions/{arm}_ensemble_test.csv", test, classes
    )
    cases = explaining.choose_cases(
        task.targets(test), y_prob, classes, n_each, task.positive_class
    )
    rows = cases["position"].to_numpy()
    prepared = PreparedImages.load(run / "prepared/real")
    images = prepared.take(prepared.indices(test)[rows])
    model = load_classifier(run / arm / "ensemble.keras")
    heatmaps = explaining.grad_cam(model, images, cases["y_pred"].to_numpy(), method)
    cases.insert(0, "isic_id", test.table["isic_id"].to_numpy()[rows])
    cases.insert(1, "skin_tone", test.table["skin_tone"].to_numpy()[rows])
    masks = [test.mask_paths[row] for row in rows]
    cases["attention_in_lesion"], cases["lesion_share"] = _attention(heatmaps, masks)
    write_csv(run / "explanations.csv", cases)
    _figures(run, cases, images, heatmaps)


def _attention(heatmaps, mask_paths):
    """Share of attention in the lesion, and share of the image that is lesion."""
    import cv2
    import numpy as np

    from keras_derm.explain import attention_inside

    attention = np.full(len(heatmaps), np.nan)
    lesion_share = np.full(len(heatmaps), np.nan)
    for i, path in enumerate(mask_paths):
        if path is None:
            continue
        mask = cv2.imread(path, cv2.IMREAD_UNCHANGED)
        mask = (mask if mask.ndim == 2 else mask.max(axis=2)) != 0
        size = heatmaps.shape[2], heatmaps.shape[1]
        mask = cv2.resize(mask.astype("uint8"), size, interpolation=cv2.INTER_NEAREST)
        attention[i] = attention_inside(heatmaps[i : i + 1], mask[None])[0]
        lesion_share[i] = (mask != 0).mean()
    return attention, lesion_share


def _figures(run, cases, images, heatmaps):
    from keras_derm.jobs.figure_files import save_figure
    from keras_derm.report import figures

    for kind in KINDS:
        (run / f"figures/grad_cam_{kind}.png").unlink(missing_ok=True)
        chosen = cases.index[cases["kind"] == kind]
        if len(chosen) == 0:
            continue
        captions = [
            f"{row.isic_id}, tone {row.skin_tone}\nis {row.true_class}, "
            f"called {row.predicted_class} ({row.probability:.0%})"
            for row in cases.loc[chosen].itertuples()
        ]
        figure = figures.cam_gallery(images[chosen], heatmaps[chosen], captions)
        save_figure(run, f"grad_cam_{kind}", figure)

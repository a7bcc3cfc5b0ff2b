"""Show what the ensemble looked at, whether to believe it, and the whole set."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from keras_derm import explain
from keras_derm.catalog import read_image, read_mask
from keras_derm.classifiers import (
    ensemble_members,
    ensemble_weights,
    load_classifier,
)
from keras_derm.evaluation import predictions_from_csv, tone_group_strata
from keras_derm.files import write_csv, write_json
from keras_derm.jobs.judged import judged_task
from keras_derm.layers import preparation
from keras_derm.lesion_finders import shipped_finder
from keras_derm.lesion_finders.crop import crop_boxes, cropped
from keras_derm.pipeline import PreparedImages
from keras_derm.report import figures, save_figure
from keras_derm.report.run_files import chosen_arm
from keras_derm.runs import Stage
from keras_derm.settings import (
    EvaluateSettings,
    ExplainSettings,
    PrepareDatasetSettings,
)

KINDS = {
    "correct": "correct",
    "missed_melanoma": "missed",
    "false_alarm": "false alarm",
}
N_RANDOM_MAPS = 3
N_SHOWN = 6
N_STEPS = 10


class Explain(Stage):
    """Draw attention maps of real test cases, check them, and map all images.

    Example:
        >>> run_stage("explain", "runs/first", method="grad_cam")
    """

    Settings = ExplainSettings
    after = ("evaluate",)
    writes = (
        "explanations.csv",
        "explanations.json",
        "feature_map.csv",
        "figures/attention_*.png",
        "figures/cases_*.png",
        "figures/sanity_check.png",
        "figures/deletion.png",
        "figures/feature_map.png",
    )
    keeps = ("explanations.csv", "explanations.json", "feature_map.csv")

    def check(self):
        if self.run.done("evaluate"):  # else the stage says so
            chosen_arm(self.run, self.settings.arm)

    def make(self):
        run, settings = self.run, self.settings
        arm, task = chosen_arm(run, settings.arm), judged_task(run)
        if run.settings(EvaluateSettings).predictions:
            _show_cases(run, arm, task, settings.n_each)
            return
        model = load_classifier(run.arm(arm) / "ensemble.keras")
        found = _explain_cases(
            run, arm, task, model, settings.method, settings.n_each, settings.seed
        )
        mixing = _map_features(run, arm, task, model, settings.n_points, settings.seed)
        write_json(
            run / "explanations.json",
            {"arm": arm, "method": settings.method, **found, "features": mixing},
        )


def _explain_cases(run, arm, task, model, method, n_each, seed):
    """Explain chosen test images; return what the checks of the maps found."""
    test, y_prob, cases, tones = _chosen_cases(run, arm, task, n_each)
    rows, image_of_case = np.unique(cases["position"], return_inverse=True)
    prepared = PreparedImages.load(run.prepared_real)
    images = prepared.take(prepared.indices(test)[rows])
    explained = (images, y_prob[rows].argmax(axis=1), method, seed)
    by_member = explain.member_attention_maps(model, *explained)
    maps = explain.average_maps(by_member, ensemble_weights(model))
    check = explain.sanity_check(model, *explained, trained=maps)
    curves = _deletion_curves(model, images, maps, explained[1], seed)
    masks, n_found = _masks(run, test, rows)
    measured = pd.DataFrame(explain.attention_in_lesions(maps, masks))
    for name, curve in curves.items():
        measured[f"deletion_area_{name}"] = explain.area_under(curve)
    random = check.table[check.table["stage"] == "all layers"]
    measured["sanity_correlation"] = random.groupby("image")["rank_correlation"].mean()
    measures = measured.iloc[image_of_case].reset_index(drop=True)
    write_csv(run / "explanations.csv", cases.join(measures))
    members = {
        member.name: explain.map_regions(member, method)
        for member in ensemble_members(model)
    }
    _galleries(run, cases, tones.categories, images[image_of_case], maps[image_of_case])
    _comparisons(run, cases, image_of_case, images, maps, by_member, members, check)
    _deletion_figure(run, curves)
    sooner = measured["deletion_area_attention"] < measured["deletion_area_random"]
    sign_test = binomtest(int(sooner.sum()), len(sooner), alternative="greater")
    return {
        "n_images": len(images),
        "n_lesions_looked_for": n_found,
        "regions": members,
        "sanity_check": {
            "verdict": check.verdict(),
            "depends_on_learning": check.depends_on_learning,
            "stages": check.summary.to_dict("index"),
        },
        "deletion": {
            **{f"area_{k}": explain.area_under(v).mean() for k, v in curves.items()},
            "n_sooner_than_random": int(sooner.sum()),
            "sign_test_p": sign_test.pvalue,
        },
    }


def _chosen_cases(run, arm, task, n_each):
    """Test images to look at, over all and for each tone group."""
    test = run.catalog.where(task.covers(run.catalog)).split("test")
    path = run.predictions / f"{arm}_ensemble_test.csv"
    y_prob = predictions_from_csv(path, test, task.classes)
    tones = tone_group_strata(test.table["tone_group"])
    known = (task.targets(test), y_prob, task.classes)
    cases = pd.concat(
        [
            explain.choose_cases(*known, n_each, task.positive_class),
            explain.choose_cases(*known, 1, task.positive_class, tones),
        ],
        ignore_index=True,
    )
    chosen = test.table.iloc[cases["position"]]
    cases.insert(0, "isic_id", chosen["isic_id"].to_numpy())
    cases.insert(1, "tone_group", np.asarray(tones)[cases["position"]])
    return test, y_prob, cases, tones


def _show_cases(run, arm, task, n_each):
    """The chosen cases of predictions whose model is not here."""
    test, _, cases, _ = _chosen_cases(run, arm, task, n_each)
    write_csv(run / "explanations.csv", cases)
    prepared = PreparedImages.load(run.prepared_real)
    positions, captions = prepared.indices(test)[cases["position"]], _captions(cases)
    for kind in KINDS:
        rows = cases.index[(cases["group"] == "all") & (cases["kind"] == kind)]
        if len(rows):
            images = prepared.take(positions[rows])
            figure = figures.contact_sheet(images, [captions[i] for i in rows], 3)
            save_figure(run, f"cases_{kind}", figure)


def _captions(cases):
    return [
        f"{row.isic_id}, tone {row.tone_group}\nis {row.true_class}, "
        f"called {row.predicted_class} ({row.probability:.0%})"
        for row in cases.itertuples()
    ]


def _deletion_curves(model, images, maps, y_pred, seed):
    """Curves by the maps and by random ones, the latter the mean of several."""

    def curve(ordering):
        return explain.deletion_curve(
            model, images, ordering, y_pred, N_STEPS, seed=seed
        )

    floor = [
        curve(explain.random_maps(*maps.shape, [seed, i])) for i in range(N_RANDOM_MAPS)
    ]
    return {"attention": curve(maps), "random": np.mean(floor, axis=0)}


def _masks(run, test, rows):
    """Masks in the square as their images, and how many of them were looked for.

    Those of the archive go first; where it has none the lesion is looked for, and
    where none is found there is None.
    """
    settings = run.settings(PrepareDatasetSettings)
    chain = preparation(settings.preset, settings.image_size)
    paths, of_archive = test.paths, test.mask_paths
    masks = [
        shipped_finder().find(read_image(paths[row])).lesion
        if of_archive[row] is None
        else read_mask(of_archive[row], paths[row])
        for row in rows
    ]
    boxes = crop_boxes(test)
    if boxes is not None:
        pairs = zip(masks, boxes[rows], strict=True)
        masks = [None if mask is None else cropped(mask, box) for mask, box in pairs]
    moved = [None if m is None else chain.transform_masks(m[None])[0] for m in masks]
    return moved, sum(of_archive[row] is None for row in rows)


def _galleries(run, cases, tones, images, maps):
    """The chosen cases by kind, and one of each kind by tone."""
    captions = _captions(cases)
    for kind in KINDS:
        chosen = cases.index[(cases["group"] == "all") & (cases["kind"] == kind)]
        if len(chosen):
            figure = figures.cam_gallery(
                images[chosen], maps[chosen], [captions[i] for i in chosen]
            )
            save_figure(run, f"attention_{kind}", figure)
    by_tone = {
        (row.group, KINDS[row.kind]): (images[i], maps[i], captions[i])
        for i, row in enumerate(cases.itertuples())
        if row.group != "all"
    }
    figure = figures.case_grid(by_tone, list(tones), list(KINDS.values()))
    save_figure(run, "attention_by_tone", figure)


def _comparisons(run, cases, image_of_case, images, maps, by_member, members, check):
    """The first cases of each kind by member, and after forgetting."""
    overall = cases[cases["group"] == "all"]
    first = overall.groupby("kind", sort=False).head(N_SHOWN // len(KINDS))
    shown = image_of_case[first.index]
    captions = [f"{KINDS[kind]}" for kind in first["kind"]]
    columns = dict(zip(members, by_member, strict=True))
    if len(members) > 1:
        columns["average"] = maps
        figure = figures.attention_columns(
            images[shown], {k: v[shown] for k, v in columns.items()}, captions
        )
        save_figure(run, "attention_by_member", figure)
    summary = check.summary["rank_correlation"]
    stages = {"trained": check.maps["trained"][shown]}
    for stage in list(check.maps)[1:]:
        name = f"{stage} random ({summary[stage]:.2f})"
        stages[name] = check.maps[stage][shown]
    figure = figures.attention_columns(images[shown], stages, captions)
    save_figure(run, "sanity_check", figure)


def _deletion_figure(run, curves):

    names = {"attention": "most attended first", "random": "random patches first"}
    named = {
        f"{names[key]} (area {explain.area_under(curve).mean():.2f})": curve
        for key, curve in curves.items()
    }
    save_figure(run, "deletion", figures.deletion_curves(named))


def _map_features(run, arm, task, model, n_points, seed):
    """Lay out training images, real and synthetic; return how they mix."""
    train = run.catalog.split("train")
    prepared = PreparedImages.load(run.prepared_real)
    if run.synthetic_catalog is not None:
        train = train.concat(run.synthetic_catalog)
        prepared = prepared + PreparedImages.load(run.prepared_synthetic)
    train = train.where(task.covers(train))
    table = train.table
    chosen = explain.choose_points(
        table["diagnosis"], table["synthetic"], n_points, seed
    )
    diagnosis = table["diagnosis"].to_numpy(str)[chosen]
    synthetic = table["synthetic"].to_numpy(bool)[chosen]
    features = explain.features(model, prepared.take(prepared.indices(train)[chosen]))
    points = explain.embed(features, seed)
    frame = pd.DataFrame(
        {
            "isic_id": table["isic_id"].to_numpy()[chosen],
            "diagnosis": diagnosis,
            "synthetic": synthetic,
            "x": points[:, 0],
            "y": points[:, 1],
        }
    )
    write_csv(run / "feature_map.csv", frame)
    title = f"Training images as the {arm} ensemble sees them"
    save_figure(
        run, "feature_map", figures.feature_map(points, diagnosis, synthetic, title)
    )
    return explain.neighbour_mixing(features, diagnosis, synthetic, seed)

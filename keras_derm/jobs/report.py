"""Job: the report of a run."""

import json

import pandas as pd

from keras_derm.catalog import count_seen_in_training, find_leaks
from keras_derm.files import short_digest
from keras_derm.jobs.audit_skin_tone import describe_agreement
from keras_derm.jobs.evaluate import ARMS, chosen_arm
from keras_derm.jobs.figure_files import figure_block
from keras_derm.jobs.interval_cell import interval_cell
from keras_derm.jobs.report_judgement import (
    judgement,
    positive_words,
    subgroups,
    thresholds,
)
from keras_derm.runs import RunDirectory

LIMITS = """
Research use only. This is not a medical device and must not guide the care of anyone.

- Apparent tone (ITA) is estimated from the photograph. It depends on camera, light and
  polarisation and is not a person's Fitzpatrick type.
- Patients of this archive stand for themselves; what holds here need not hold for
  other clinics, cameras or skin tones that the archive lacks.
- Intervals cover the chance of which test patients or lesions were drawn. They do not
  cover the chance of training: one seed was trained for each arm. In a run on HAM10000
  whose arms happened to learn from the same images, melanoma specificity still differed
  by 0.057 between them, outside its interval.
- Intervals of the strata hold one by one. What is claimed of a stratum also survives a
  correction (Holm) for the number of strata that were read.
"""
NOTABLE_AUC = 0.6
METHODS = {
    "grad_cam": "Grad-CAM",
    "grad_cam_plus_plus": "Grad-CAM++",
    "layer_cam": "LayerCAM",
    "smooth_grad": "SmoothGrad",
}


def report(run: str):
    """Write report.html of a run: one file, no network, no script.

    Args:
        run: Run directory that has been evaluated.
    """
    from keras_derm.report import render_report

    run = RunDirectory(run)
    metrics = _json(run / "metrics.json", "evaluate")
    table = pd.read_csv(run / "metrics.csv")
    sections = [
        _audit(run),
        _preparation(run),
        _synthesis(run),
        _training(run, metrics),
        judgement(run, metrics, table),
        subgroups(run, metrics, table),
        thresholds(run, metrics, table),
        _explanation(run, metrics),
        _feature_map(run),
        _export(run),
    ]
    data = run.settings("audit")["data"]
    path = render_report(
        [section for section in sections if section is not None],
        run / "report.html",
        "Does synthetic dermoscopy help?",
        _summary(run, metrics),
        LIMITS,
        _provenance(run),
        subtitle=f"Archive: {data.split('/')[-1] if '/' in data else data}",
    )
    print(f"report: {path}")


def _json(path, job):
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; run apps/{job}.py first")
    return json.loads(path.read_text())


def _summary(run, metrics):
    from keras_derm.report import Callout, Text

    catalog = run.catalog
    tones = catalog.table["skin_tone"].value_counts()
    dark = int(tones.get("V", 0) + tones.get("VI", 0))
    measured = int(tones.drop("undetermined", errors="ignore").sum())
    before = metrics["baseline"]["strata"][0]["metrics"]
    return [
        Callout("finding", metrics["verdict"]),
        Text(
            f"The archive holds {len(catalog):,} photographs. {measured:,} have a "
            f"skin tone, by a person's label or measured; of the dark types V and VI: "
            f"{dark:,}.\n\n{_origin(run, metrics)}\n\nThe baseline finds "
            f"{_percent(before['sensitivity'])} of the {positive_words(metrics)[1]} "
            "(sensitivity) and "
            f"clears {_percent(before['specificity'])} of the other lesions "
            "(specificity)."
        ),
    ]


def _origin(run, metrics):
    """Where the two models judged come from, and on what they are judged."""
    n_test = f"the same {metrics['baseline']['strata'][0]['n']:,} real test images"
    if metrics["predictions"]:
        files = ", ".join(f"{arm} from {metrics['predictions'][arm]}" for arm in ARMS)
        return f"Predictions made elsewhere were judged on {n_test}: {files}."
    arms = {arm: _json(run / arm / "ensemble.json", "train_classifier") for arm in ARMS}
    return (
        f"The baseline ensemble ({' and '.join(arms['baseline']['members'])}, "
        f"averaged) learned from {arms['baseline']['n_real']:,} real images; the "
        f"augmented one from the same and {arms['augmented']['n_synthetic']:,} "
        "synthetic images, with the same number of training steps. Both were judged on "
        f"{n_test}. {_seen_in_training(run)}"
    )


def _seen_in_training(run):
    """Whether lesions or patients of the test images were trained on."""
    table = run.catalog.table
    n_seen = count_seen_in_training(run.catalog)
    if n_seen:
        return f"{n_seen:,} of these are of a lesion or patient that was trained on."
    tested = table[table["split"] == "test"]
    n_unknown = int(tested[["patient_id", "lesion_id"]].isna().all(axis=1).sum())
    if n_unknown:
        return (
            f"Of {n_unknown:,} the archive names neither patient nor lesion, so that "
            "these may have been trained on; the others' were not."
        )
    return "None of their lesions or patients was trained on."


def _percent(metric):
    if metric["value"] is None:
        return f"an unknown share ({metric['reason']})"
    text = f"{metric['value']:.0%}"
    if metric["low"] is not None:
        text += f" (95 % interval {metric['low']:.0%} to {metric['high']:.0%})"
    return text


def _audit(run):
    from keras_derm.report import Section, Table, Text

    counts = _json(run / "audit/rule_disagreement.json", "audit_skin_tone")
    table = pd.read_csv(run / "audit/tone_by_diagnosis.csv", index_col=0)
    undetermined = int(table.loc["total", "undetermined"])
    undecided = run.catalog.where(skin_tone="undetermined").table
    # One line for each kind of reason, not for each figure in it.
    reasons = undecided["skin_tone_reason"].str.split(":").str[0].value_counts()
    blocks = [
        Table(
            table,
            "Images by diagnosis and apparent tone (ITA)",
            "Types by ITA over skin outside the lesion, or a person's label where the "
            "archive has one.",
        ),
        figure_block(
            run,
            "tone_by_diagnosis",
            "Heat table of image counts, diagnosis by skin tone.",
        ),
        figure_block(
            run,
            "tone_sheet",
            "Photographs drawn at random from each tone.",
            "Drawn at random from each tone: see for yourself whether the types fit.",
        ),
        Text(
            "The published rule (mean colour, plain arctangent) and ours (medians, "
            "quadrant-aware angle, corners and lesion left out) disagree on "
            f"{counts['disagree']:,} of the {counts['both_determined']:,} images that "
            f"both can judge. The published rule calls {counts['published_dark']:,} "
            f"images V or VI; {counts['published_dark_but_bright']:,} of these are "
            "bright skin whose pink cast turns the sign of its angle. Called "
            f"V or VI by ours: {counts['default_dark']:,}."
        ),
        figure_block(
            run,
            "rule_disagreement",
            "Cross table of skin tone by our rule against the published rule.",
        ),
    ]
    blocks += _doubts_about_tone(run)
    if len(reasons):
        frame = reasons.rename_axis("reason").reset_index(name="images")
        blocks.append(Table(frame.head(12), "Why a tone was not determined"))
    if (run / "bad_images.csv").is_file():
        bad = pd.read_csv(run / "bad_images.csv")
        blocks.append(Table(bad.head(50), f"{len(bad)} images left out as unreadable"))
    return Section(
        "Who is in the archive",
        f"{undetermined:,} of {len(run.catalog):,} images have no tone that could be "
        "determined.",
        blocks,
    )


def _doubts_about_tone(run):
    from keras_derm.report import Table, Text

    blocks = []
    casts = pd.read_csv(run / "audit/cast_sensitivity.csv")
    if casts["images"].any():
        shown = pd.DataFrame(
            {
                "cast of a few per cent": casts["cast"],
                "images": casts["images"],
                "median change of ITA": casts["median_change"].map("{:+.0f}°".format),
                "95 % change less than": casts["p95_absolute_change"].map(
                    "{:.0f}°".format
                ),
                "another type": casts["share_of_type_changed"].map("{:.0%}".format),
                "no type": casts["became_undetermined"].map("{:.0%}".format),
            }
        )
        shown = shown.mask(shown.isin(["+nan°", "nan°", "nan%"]), "–")
        blocks.append(
            Table(
                shown,
                "What a small colour cast of the camera does to the measured tone",
                "The same photographs measured again with red, green and blue changed "
                "by 3 to 5 per cent, or the light by 10.",
            )
        )
    if (run / "audit/label_agreement.json").is_file():
        found = _json(run / "audit/label_agreement.json", "audit_skin_tone")
        cross = pd.read_csv(run / "audit/label_agreement.csv", index_col=0)
        blocks.append(Table(cross, "People's labels against the tone by ITA"))
        blocks.append(Text(f"{describe_agreement(found)} The labels are used."))
    return blocks


def _preparation(run):
    from keras_derm.report import Section, Table

    table = run.catalog.table
    split = table.groupby(["diagnosis", "split"], observed=True).size().unstack()
    split = split.reindex(columns=["train", "val", "test"]).fillna(0).astype(int)
    split.loc["total"] = split.sum()
    figure = figure_block(
        run,
        "preparation",
        "Photographs before preparation, after hair removal, and as seen in training.",
        "The images on which preparation changed most, of a random sample.",
    )
    return Section(
        "Preparation and split",
        _said_of_split(run),
        [Table(split, "Images in each part"), figure],
    )


def _said_of_split(run):
    n_leaks = len(find_leaks(run.catalog))
    if n_leaks:
        return f"{n_leaks:,} patients or lesions have images in more than one part."
    if run.catalog.table[["patient_id", "lesion_id"]].notna().any(axis=None):
        return "All images of one patient, else lesion, are in one part only."
    return "The archive names no patients and no lesions: each image is on its own."


def _synthesis(run):
    from keras_derm.report import Section, Table, Text

    if not run.done("synthetic"):
        return None
    path = run / "screening.csv"
    if not path.is_file():
        said = "None were made"
        if (run / "synthesis.json").is_file():
            said += f": {_json(run / 'synthesis.json', 'synthesize')['none_because']}"
        return Section("Synthetic images", f"{said}.")
    verdicts = pd.read_csv(path, keep_default_na=False)
    by_cell = verdicts.groupby(["diagnosis", "skin_tone"])[["accepted", "kept"]].sum()
    by_cell.insert(0, "sampled", verdicts.groupby(["diagnosis", "skin_tone"]).size())
    by_cell = by_cell.rename(columns={"accepted": "passed screening"})
    rejected = verdicts[~verdicts["accepted"].astype(bool)]
    kinds = rejected["reason"].str.split(" unlike| of train|:").str[0].value_counts()
    sampled, settings = len(verdicts), run.settings("generator")
    blocks = [
        Text(
            f"{_generator(settings)} learned from the training "
            f"images alone, {_steps_trained(run, settings)} at "
            f"{settings['image_size']} pixels. Its images were compared with "
            "real ones in colour, structure, texture and skin tone; outliers and near "
            "copies of training images were rejected. They are in no validation or "
            "test set."
        ),
        figure_block(
            run,
            "synthetic",
            "Synthetic images, each beside the real training image nearest to it.",
            "Drawn at random from those kept, each beside the nearest real training "
            "image.",
        ),
        Table(by_cell.reset_index(), "Synthetic images by diagnosis and tone"),
        Table(
            kinds.rename_axis("first reason").reset_index(name="images"),
            "Why images were rejected",
        ),
        *_image_quality(run),
    ]
    return Section(
        "Synthetic images",
        f"{int(verdicts['accepted'].sum()):,} of {sampled:,} sampled images passed the "
        f"screening and {int(verdicts['kept'].sum()):,} were kept.",
        blocks,
    )


def _generator(settings):
    """What made the images, in words."""
    from keras_derm.generative import generator_class
    from keras_derm.jobs.train_generator import options_of

    return generator_class(settings["model"]).description(options_of(settings))


def _steps_trained(run, settings):
    """How long the generator was trained, and which of its states made the images."""
    history = pd.read_csv(run / "generator/history.csv")
    steps = (history["epoch"].max() + 1) * settings["steps_per_epoch"]
    quality = run / "generator/quality.csv"
    if not quality.is_file():
        return f"{steps:,} steps"
    measured = pd.read_csv(quality)
    best = measured.loc[measured["kernel_distance"].idxmin(), "step"]
    return f"{steps:,} steps (those of step {best:,} were nearest to training images)"


def _image_quality(run):
    """Distances of the synthetic images to real ones, and traces of their origin."""
    from keras_derm.report import Text

    blocks = []
    if (run / "image_quality.csv").is_file():
        table = pd.read_csv(run / "image_quality.csv")
        memory = json.loads((run / "memorisation.json").read_text())
        few = table.loc[table["metric"] == "too few images", "cell"]
        table = table[table["set"].notna()]
        if len(table):
            blocks += _distance_tables(table)
        if memory["memorisation_ratio"] is None:
            told = "no image of the same diagnoses was held out to compare with."
            blocks.append(Text(f"Learned by heart? It cannot be said: {told}"))
        else:
            blocks.append(Text(_learned_by_heart(memory, few)))
    if (run / "origin_probe.csv").is_file():
        blocks += _origin_blocks(pd.read_csv(run / "origin_probe.csv"))
    return blocks


def _learned_by_heart(memory, few):
    """What the nearest training images say; `few` names cells with too few images."""
    said = (
        "Learned by heart? The median distance of a synthetic image to the nearest "
        f"training image, flips and rotations included, is "
        f"{memory['memorisation_ratio']:.2f} of that of real images of the same "
        "diagnoses that the generator did not see (1: nothing, 0: everything); "
        f"{memory['copied_share']:.1%} are nearer than all but 1 % of those."
    )
    if len(few):
        said += f" Too few images to judge one by one: {', '.join(few)}."
    return said


def _distance_tables(table):
    from keras_derm.report import Table

    leading = table["metric"].iloc[0]
    distance = table[table["metric"] == leading]
    shown = distance["value"].map("{:.2f}".format)
    shown += distance["deviation"].map(" ± {:.2f}".format)
    by_cell = distance.assign(shown=shown).pivot(
        index=["cell", "n"], columns="set", values="shown"
    )
    pooled = table["cell"].unique()[0]
    others = table[(table["cell"] == pooled) & (table["metric"] != leading)]
    others = others.assign(shown=others["value"].map("{:.2f}".format)).pivot(
        index="metric", columns="set", values="shown"
    )
    order = list(distance["set"].unique())
    return [
        Table(
            by_cell[order].reset_index(),
            f"{leading} to real images held out of training, ± deviation over subsets "
            "(the less the better; no set can be expected to pass the floor)",
        ),
        Table(
            others[order].reset_index(),
            f"Further measures, {pooled if pooled != 'all' else 'all diagnoses'}",
        ),
    ]


def _origin_blocks(probe):
    from keras_derm.report import Table, Text

    # Without an interval no image is on the wrong side.
    told = probe.loc[probe["low"].fillna(probe["auc"]) > NOTABLE_AUC, "trace"]
    if len(told):
        verdict = (
            "Warning: a linear probe tells synthetic images from real ones by "
            f"{' and '.join(told)} alone. A classifier can learn this instead of the "
            "disease."
        )
    elif (probe["high"] <= NOTABLE_AUC).all():
        verdict = (
            "A linear probe on value range, pixel grid or sharpness hardly tells "
            "synthetic images from real ones."
        )
    else:
        verdict = (
            "Whether a linear probe tells synthetic images from real ones by value "
            "range, pixel grid or sharpness cannot be said from so few."
        )
    areas = probe.assign(
        auc=[
            interval_cell({**row, "value": row["auc"]}, decimals=2)
            for row in probe.to_dict("records")
        ]
    )
    columns = {"auc": "AUC, synthetic against real (0.5: no trace)", "n": "of each"}
    return [
        Text(verdict),
        Table(
            areas[["trace", "n", "auc"]].rename(columns=columns),
            "Traces of origin in the images as classifiers are given them",
        ),
    ]


def _training(run, metrics):
    from keras_derm.report import Figure, Section, Text, figures

    if metrics["predictions"]:
        return None
    histories = {}
    for arm in ARMS:
        for path in sorted((run / arm).glob("*/history.csv")):
            histories[f"{path.parent.name}, {arm}"] = pd.read_csv(path)
    settings = run.settings("baseline")
    pretrained = [b for b in settings["weights"] if settings["weights"][b]]
    scratch = [
        member["backbone"]
        for member in settings["members"]
        if member["backbone"] not in pretrained
    ]
    said = []
    if pretrained:
        said.append(f"ImageNet weights: {', '.join(pretrained)}.")
    for member in settings["members"]:
        if member["backbone"] in pretrained and member.get("frozen_until"):
            said.append(
                f"The layers of {member['backbone']} up to {member['frozen_until']} "
                "stayed as ImageNet left them."
            )
    if scratch:
        said.append(f"From random weights, without ImageNet: {', '.join(scratch)}.")
    return Section(
        "Training",
        "Both arms were trained with identical settings and equally many steps.",
        [
            Text(" ".join(said)),
            Figure(
                figures.training_curves(histories, ["loss", "accuracy"]),
                "Training and validation curves of every member in both arms.",
                "Validation on real images. Training loss is class-weighted, "
                "validation loss is not.",
            )
            if histories  # members read from files have none
            else None,
        ],
    )


def _case_titles(metrics):
    singular, plural = positive_words(metrics)
    return {
        "correct": "Correct decisions",
        "missed_melanoma": f"Missed {plural}",
        "false_alarm": f"False {singular} alarms",
    }


def _explanation(run, metrics):
    from keras_derm.report import Callout, Section, Text

    if not run.done("explain"):
        return None
    settings = run.settings("explain")
    arm, method = chosen_arm(run, settings["arm"]), METHODS[settings["method"]]
    if run.settings("evaluation").get("predictions"):
        return _cases_alone(run, arm, _case_titles(metrics))
    cases = pd.read_csv(run / "explanations.csv").drop_duplicates("isic_id")
    blocks = [
        figure_block(
            run,
            f"attention_{kind}",
            f"{title}, each with the regions that spoke for the decision.",
            f"{title}. Yellow: most attention.",
        )
        for kind, title in _case_titles(metrics).items()
    ]
    blocks += [
        figure_block(
            run,
            "attention_by_tone",
            "For each group of tones one correct decision, one miss and one false "
            "alarm, each with the regions that spoke for the decision.",
            "One case of each kind in each group of apparent tones (ITA), where there "
            "is one.",
        ),
        figure_block(
            run,
            "attention_by_member",
            "The same test images with the attention of each member and their average.",
            "Each member of the ensemble by itself, and their average.",
        ),
    ]
    inside = cases.dropna(subset=["attention_in_lesion"])
    if len(inside):
        blocks.append(
            Text(
                "On these cases "
                f"{inside['attention_in_lesion'].mean():.0%} of the attention lies in "
                f"the lesion, which covers {inside['lesion_share'].mean():.0%} of the "
                "image. A map says where the model looked, not that it was right to."
            )
        )
    if (run / "explanations.json").is_file():
        found = _json(run / "explanations.json", "explain")
        if settings["method"] != "smooth_grad":
            blocks.append(Text(_coarseness(found["regions"])))
        depends = found["sanity_check"]["depends_on_learning"]
        kind = "finding" if depends else "caution"
        blocks.append(Callout(kind, found["sanity_check"]["verdict"]))
        blocks += _checks_of_maps(run, found)
    return Section(
        "What the model looked at",
        f"{method} of the {arm} ensemble on real test images: the surest correct "
        "cases, the worst misses and the worst false alarms.",
        blocks,
    )


def _cases_alone(run, arm, titles):
    """Test images of which only the predictions are known."""
    from keras_derm.report import Section

    blocks = [
        figure_block(run, f"cases_{kind}", f"Test images: {title}.", title)
        for kind, title in titles.items()
    ]
    return Section(
        "Cases to look at",
        f"The surest correct cases, the worst misses and the worst false alarms of "
        f"the {arm} predictions. Without the model there are no maps of attention.",
        blocks,
    )


def _coarseness(regions):
    """How many regions of an image a map can tell apart, by member."""
    sizes = [
        f"{rows} by {columns} ({name})" for name, (rows, columns) in regions.items()
    ]
    return (
        f"A map is no finer than the features it reads: {', '.join(sizes)} regions, "
        "enlarged to the photograph. What lies within one region it cannot tell."
    )


def _checks_of_maps(run, found):
    """What forgetting and deletion did to the maps."""
    from keras_derm.report import Table, Text

    stages = pd.DataFrame.from_dict(found["sanity_check"]["stages"], orient="index")
    stages.index = [
        name if name == "another image" else f"{name} random" for name in stages.index
    ]
    deletion, n = found["deletion"], found["n_images"]
    return [
        figure_block(
            run,
            "sanity_check",
            "The same test images with the attention of the trained network and of "
            "networks whose upper half or all layers have random weights.",
            "What is left of the maps when the network forgets, in brackets the rank "
            "correlation with the trained maps.",
        ),
        Table(
            stages.rename(
                columns={"rank_correlation": "rank correlation", "ssim": "SSIM"}
            ),
            "How alike the maps stay to those of the trained network",
            f"Medians over {n} test images; SSIM: structural similarity. The last "
            "row compares the maps of two images: as alike are maps that have nothing "
            "but the network in common.",
            digits=2,
        ),
        figure_block(
            run,
            "deletion",
            "Probability of the explained class as pixels are replaced by a blur, the "
            "most attended first against random patches first.",
            f"Mean of {n} test images, shaded the middle half of them.",
        ),
        Text(
            "While ever more pixels are replaced by a blur, the mean probability is "
            f"{deletion['area_attention']:.2f} where the most attended go first and "
            f"{deletion['area_random']:.2f} where random patches do. On "
            f"{deletion['n_sooner_than_random']} of {n} images it falls sooner by "
            "attention"
            + (
                ": the maps find what the decision rests on better than chance does."
                if deletion["sign_test_p"] < 0.05
                else ", as chance alone might have it: do not read single maps."
            )
        ),
    ]


def _feature_map(run):
    from keras_derm.report import Callout, Section, Text

    if not (run / "feature_map.csv").is_file():
        return None
    arm = chosen_arm(run, run.settings("explain")["arm"])
    found = _json(run / "explanations.json", "explain")["features"]
    points = pd.read_csv(run / "feature_map.csv")
    said = (
        f"{len(points):,} training images, of each diagnosis at most an equal "
        "share, by the features on which the classifier decides. Neighbours are alike "
        "to it; distances between groups and their sizes mean nothing."
    )
    lead = "No synthetic image was kept, so the map shows real ones alone."
    blocks = []
    if found["two_sample_accuracy"] is not None:
        lead = (
            f"{found['same_class']:.0%} of the synthetic images have a real image of "
            "the diagnosis they were made for as nearest real neighbour; among real "
            f"images {found['same_class_real']:.0%} have, by chance "
            f"{found['same_class_chance']:.0%} would."
        )
        accuracy = found["two_sample_accuracy"]
        blocks = [
            Callout(
                "caution" if accuracy > 0.75 else "finding",
                "The nearest other image tells real from synthetic in "
                f"{accuracy:.0%} of the cases. At 50 % the two kinds mix; at 100 % "
                "the classifier can always tell them apart, and may learn that in "
                "place of the diagnosis; far below 50 % synthetic images copy real "
                "ones.",
            )
        ]
        said += (
            f" Told apart were {found['n_compared']:,} real and as many synthetic "
            "images, equally many in every diagnosis. All this is counted in the "
            "features, not in the picture."
        )
    picture = figure_block(
        run,
        "feature_map",
        "Training images in the plane by UMAP, coloured by diagnosis, crosses for "
        "synthetic ones; below, each diagnosis apart.",
        f"UMAP of the features of the {arm} ensemble.",
    )
    return Section(
        "Real and synthetic images as the classifier sees them",
        lead,
        [*blocks, picture, Text(said)],
    )


def _export(run):
    from keras_derm.jobs import export_tables
    from keras_derm.report import Callout, Section, Table

    if not run.done("export"):
        return None
    cost = _json(run / "export/cost.json", "export_tflite")
    title = "The quantised ensemble"
    if "gate" not in cost:
        again = "Measured by an earlier version: run apps/export_tflite.py again."
        return Section(title, again)
    times = cost["latency"]["1"]
    speed = times["float"]["median_ms"] / times["quantised"]["median_ms"]
    size = cost["float_size_bytes"] / cost["size_bytes"]
    refusal = cost["refusal"]
    paragraphs = refusal.replace("\n", "\n\n")
    return Section(
        title,
        f"The {cost['arm']} ensemble in {cost['mode']} names the class it names in "
        f"float on {cost['argmax_agreement']:.1%} of {cost['n_images']:,} real test "
        f"images. It is {size:.1f} times smaller and answers {speed:.1f} times as fast "
        "on this machine.",
        [
            Callout("caution", f"T{paragraphs[1:]}") if refusal else None,
            Table(export_tables.speed_table(cost), "Size, speed, memory", digits=1),
            Table(
                export_tables.gate_table(cost),
                "Does quantisation cost more than is allowed?"
                + ("" if cost["gate"]["on"] else " (Shown only: the gate was off.)"),
                export_tables.GATE_NOTE,
            ),
            Table(
                export_tables.cost_table(cost),
                "What quantisation cost, on real test images",
                export_tables.COST_NOTE,
            ),
            Table(export_tables.agreement_table(cost), "Same class, by tone"),
            Table(export_tables.members_table(cost), "What is averaged"),
        ],
    )


def _provenance(run):
    environment = _json(run / "environment.json", "run_recipe")
    licences = run.catalog.table["copyright_license"].dropna().unique()
    packages = environment["packages"]
    return {
        "data": run.settings("audit")["data"],
        "licence of the images": ", ".join(licences) or "not stated by the archive",
        "seed of the split": run.settings("prepare")["seed"],
        **_training_seed(run),
        "split (SHA-256 of image ids and parts)": _split_digest(run.catalog),
        "machine": f"{environment['platform']}, {environment['processors']} processors",
        "versions": ", ".join(f"{name} {packages[name]}" for name in packages),
        "seconds by stage": ", ".join(f"{k} {v:.0f}" for k, v in run.seconds().items()),
    }


def _training_seed(run):
    if not run.done("baseline"):
        return {}
    return {"seed of generator and training": run.settings("baseline")["seed"]}


def _split_digest(catalog):
    """What two runs share if and only if they put the same images in the same parts."""
    rows = catalog.table[["isic_id", "split"]].astype(str).sort_values("isic_id")
    return short_digest(rows.to_csv(index=False).encode())

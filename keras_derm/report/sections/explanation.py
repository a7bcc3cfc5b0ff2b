"""Section: what the model looked at, and whether its maps can be believed."""

import pandas as pd

from keras_derm.explain import LEAST_REGIONS
from keras_derm.report.html import Callout, Section, Table, Text
from keras_derm.report.run_files import (
    chosen_arm,
    figure_block,
    listed,
    positive_words,
    read_csv,
    read_json,
    read_metrics,
)
from keras_derm.settings import ExplainSettings

METHODS = {
    "grad_cam": "Grad-CAM",
    "grad_cam_plus_plus": "Grad-CAM++",
    "layer_cam": "LayerCAM",
    "smooth_grad": "SmoothGrad",
}


def section(run):
    """Maps of attention and their checks, or cases alone; None before explain."""
    if not run.done("explain"):
        return None
    metrics, settings = read_metrics(run), run.settings(ExplainSettings)
    arm, titles = chosen_arm(run, settings.arm), _case_titles(metrics)
    if metrics["predictions"]:
        return _cases_alone(run, arm, titles)
    told = run / "explanations.json"  # which runs of before lack
    found = read_json(told, "explain") if told.is_file() else None
    regions = found["regions"] if found and settings.method != "smooth_grad" else {}
    blocks = [*_galleries(run, titles, regions), *_share_inside(run, found)]
    if found:
        if regions:
            blocks.append(Text(_coarseness(regions, settings.method)))
        check = found["sanity_check"]
        kind = "finding" if check["depends_on_learning"] else "caution"
        blocks.append(Callout(kind, check["verdict"]))
        blocks += [*_after_forgetting(run, found), *_after_deletion(run, found)]
    return Section(
        "What the model looked at",
        f"{METHODS[settings.method]} of the {arm} ensemble on real test images: the "
        "surest correct cases, the worst misses and the worst false alarms.",
        blocks,
    )


def _case_titles(metrics):
    singular, plural = positive_words(metrics)
    return {
        "correct": "Correct decisions",
        "missed_melanoma": f"Missed {plural}",
        "false_alarm": f"False {singular} alarms",
    }


def _galleries(run, titles, regions):
    """The cases with their attention: by kind of decision, by tone, by member."""
    spoke = "each with the regions that spoke for the decision."
    yellow = "Yellow: most attention"
    if regions:
        yellow += f"; a map has {_sizes(regions)} regions"
    return [
        *(
            figure_block(
                run,
                f"attention_{kind}",
                f"{title}, {spoke}",
                f"{title}. {yellow}.",
            )
            for kind, title in titles.items()
        ),
        figure_block(
            run,
            "attention_by_tone",
            "For each tone group one correct decision, one miss and one false "
            f"alarm, {spoke}",
            "One case of each kind in each tone group of people, where there is one.",
        ),
        figure_block(
            run,
            "attention_by_member",
            "The same test images with the attention of each member and their average.",
            "Each member of the ensemble by itself, and their average.",
        ),
    ]


def _sizes(regions):
    """Rows and columns of the maps: one size, or each member's."""
    sizes = {name: f"{size[0]} by {size[1]}" for name, size in regions.items()}
    if len(set(sizes.values())) == 1:
        return min(sizes.values())
    return " and ".join(f"{size} ({name})" for name, size in sizes.items())


def _share_inside(run, found):
    """How much of the attention lies in the lesion, where masks tell."""
    cases = read_csv(run / "explanations.csv", "explain").drop_duplicates("isic_id")
    inside = cases.dropna(subset=["attention_in_lesion"])
    if inside.empty:
        return []
    attention, lesion = inside[["attention_in_lesion", "lesion_share"]].mean()
    said = (
        f"On these cases {attention:.0%} of the attention lies in the lesion, which "
        f"covers {lesion:.0%} of the image. A map says where the model looked, not "
        "that it was right to."
    )
    n_looked_for = found.get("n_lesions_looked_for", 0) if found else 0
    if n_looked_for:
        said += (
            f" For {n_looked_for:,} of the images the archive has no mask: the lesion "
            "was looked for in the picture."
        )
    return [Text(said)]


def _cases_alone(run, arm, titles):
    """Test images of which only the predictions are known."""
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


def _coarseness(regions, method):
    """How many regions of an image a map can tell apart."""
    said = (
        f"A map is no finer than the features it reads: {_sizes(regions)} regions, "
        "enlarged to the photograph. What lies within one region it cannot tell."
    )
    wanted = LEAST_REGIONS.get(method, 1)
    coarse = [name for name, size in regions.items() if min(size) < wanted]
    if coarse:
        said += f" No layer of {listed(coarse)} is as fine as {wanted} by {wanted}."
    return said


def _after_forgetting(run, found):
    """What is left of the maps when layers are given random weights."""
    stages = pd.DataFrame.from_dict(found["sanity_check"]["stages"], orient="index")
    stages.index = [
        name if name == "another image" else f"{name} random" for name in stages.index
    ]
    names = {"rank_correlation": "rank correlation", "ssim": "SSIM"}
    return [
        figure_block(
            run,
            "sanity_check",
            "The same test images with the attention of the trained network and of "
            "networks whose upper half or all layers have random weights.",
            "What is left of the maps when the network forgets; in brackets the rank "
            "correlation with the trained maps.",
        ),
        Table(
            stages.rename(columns=names),
            "How much the maps stay like those of the trained network",
            f"Medians over {found['n_images']} test images; SSIM: structural "
            "similarity. The last row compares the maps of two different images, which "
            "have nothing but the network in common.",
            digits=2,
        ),
    ]


def _after_deletion(run, found):
    """What the probability does when the attended pixels are replaced."""
    deletion, n = found["deletion"], found["n_images"]
    if deletion["sign_test_p"] < 0.05:
        verdict = ": the maps find what the decision rests on better than chance does."
    else:
        verdict = ", as chance alone might have it: do not read single maps."
    return [
        figure_block(
            run,
            "deletion",
            "Probability of the explained class as pixels are replaced by a blur, the "
            "most attended first against random patches first.",
            f"Mean of {n} test images, the middle half of them shaded.",
        ),
        Text(
            "While more and more pixels are replaced by a blur, the mean probability "
            f"is {deletion['area_attention']:.2f} where the most attended go first and "
            f"{deletion['area_random']:.2f} where random patches do. On "
            f"{deletion['n_sooner_than_random']} of {n} images it falls sooner by "
            f"attention{verdict}"
        ),
    ]

"""Section: what the arms learned from, and how their training went."""

import pandas as pd

from keras_derm.report import figures
from keras_derm.report.html import Figure, Section, Table, Text
from keras_derm.report.run_files import listed, read_csv, read_json, read_metrics
from keras_derm.settings import TrainClassifierSettings

WHAT_AN_ARM_ADDS = {"arm", "adds", "n_copies", "copies"}
"""Settings in which arms differ by design."""


def section(run):
    """Examples and training curves of every arm; None where nothing was trained."""
    if not run.arms or read_metrics(run)["predictions"]:
        return None
    settings = run.settings(TrainClassifierSettings, run.arms[0])
    return Section(
        "Training",
        _comparability(run),
        [
            Table(_examples(run), "What each arm learned from"),
            Text(_initial_weights(settings)),
            *_curves(run, settings),
        ],
    )


def differing_settings(run, arms):
    """Return the arms that were trained otherwise than the first one.

    Args:
        run: `RunDirectory`.
        arms: Names of arms.

    Returns:
        `dict` of arm to the names of the settings that differ, those aside that say
        what an arm adds to the real images.
    """
    first, *others = (run.settings(TrainClassifierSettings, arm) for arm in arms)
    reference, found = first.to_dict(), {}
    for arm, settings in zip(arms[1:], others, strict=True):
        own = settings.to_dict()
        names = [name for name in own if own[name] != reference[name]]
        names = [name for name in names if name not in WHAT_AN_ARM_ADDS]
        if names:
            found[arm] = names
    return found


def _comparability(run):
    """Whether arms differ in anything but what they learned from."""
    differing = differing_settings(run, run.arms)
    if not differing:
        return "All arms were trained with identical settings and equally many steps."
    told = "; ".join(f"{arm} in {listed(names)}" for arm, names in differing.items())
    return (
        "Not all arms were trained with identical settings, so that they differ in "
        f"more than what they learned from: {told}."
    )


def _examples(run):
    """One row an arm: its members and the images that it learned from."""
    rows = []
    for arm in run.arms:
        found = read_json(run.arm(arm) / "ensemble.json", "train_classifier")
        n_images = (found[f"n_{kind}"] for kind in ("real", "synthetic", "copies"))
        rows.append((arm, ", ".join(found["members"]), *n_images))
    images = ["real images", "synthetic images", "altered copies"]
    return pd.DataFrame(rows, columns=["arm", "members", *images])


def _initial_weights(settings):
    """Which members began with ImageNet's weights, and which layers kept them."""
    of_files = [member.backbone for member in settings.members if member.file]
    trained = [member for member in settings.members if not member.file]
    backbones = [member.backbone for member in trained]
    pretrained = [name for name in settings.weights or {} if name in backbones]
    scratch = [one.backbone for one in trained if one.backbone not in pretrained]
    said = []
    if pretrained:
        said.append(f"ImageNet weights: {', '.join(pretrained)}.")
    for member in trained:
        if member.backbone in pretrained and (
            member.linear_probe or member.frozen_until
        ):
            until = "" if member.linear_probe else f" up to {member.frozen_until}"
            said.append(
                f"The layers of {_seen(member)}{until} stayed as ImageNet left them."
            )
    if scratch:
        said.append(f"From random weights, without ImageNet: {', '.join(scratch)}.")
    if of_files:
        said.append(f"Trained before, read from files: {', '.join(of_files)}.")
    return " ".join(said)


def _seen(member):
    """The backbone of a member, cut off where it pools earlier layers than the last."""
    if not member.pooled_layers:
        return member.backbone
    return f"{member.backbone}, whose {', '.join(member.pooled_layers)} are read,"


def _same_loss(history):
    """The history with the loss that is trained on validation too.

    Its own `val_loss` is the cross-entropy, beside which a focal loss would look small.
    """
    own = history.get("val_training_loss", history["val_loss"])
    return history.assign(val_loss=own)


def _drawn(histories):
    """Loss and accuracy, and the AUC on validation where a history has it."""
    known = any("val_auc" in history for history in histories.values())
    return ["loss", "accuracy", *["val_auc"] * known]


def _curves(run, settings):
    """One figure a member, one colour an arm; members read from files have none."""
    by_member = {}
    for arm in run.arms:
        for path in sorted(run.arm(arm).glob("*/history.csv")):
            histories = by_member.setdefault(path.parent.name, {})
            histories[arm] = _same_loss(read_csv(path, "train_classifier"))
    weighted = ""
    if settings.imbalance == "class_weights":
        weighted = " Training loss is class-weighted, validation loss is not."
    return [
        Figure(
            figures.training_curves(histories, _drawn(histories)),
            f"Training and validation curves of {member} in {listed(histories)}.",
            f"{member}. Validation on real images.{weighted}",
        )
        for member, histories in by_member.items()
    ]

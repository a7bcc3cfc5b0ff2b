import shutil
from dataclasses import replace

import pandas as pd
from fake_run import change_arm, table, words

from keras_derm.report.html import Figure
from keras_derm.report.sections import training
from keras_derm.settings import MemberSettings


def curves(section):
    return [block for block in section.blocks if isinstance(block, Figure)]


def test_every_member_has_a_figure_with_all_arms(four_arms):
    shown = curves(training.section(four_arms))
    assert [figure.caption.split(".")[0] for figure in shown] == [
        "mobilenetv2_224",
        "resnet50_224",
    ]
    named = [text.get_text() for text in shown[0].figure.legends[0].get_texts()]
    assert named == [*four_arms.arms, "validation", "training"]


def test_section_says_what_each_arm_learned_from(four_arms):
    examples = table(training.section(four_arms), "What each arm learned from")
    assert examples["arm"].tolist() == list(four_arms.arms)
    assert examples["real images"].tolist() == [4, 4, 4, 4]
    assert examples["synthetic images"].tolist() == [0, 12, 0, 0]
    assert examples["altered copies"].tolist() == [0, 0, 0, 20]


def test_loss_on_validation_is_that_of_the_training(run):
    """A focal loss beside a cross-entropy would look as if nothing were learned."""
    for path in run.path.glob("arms/*/*/history.csv"):
        pd.read_csv(path).assign(val_training_loss=[0.4, 0.3]).to_csv(path, index=False)
    loss = curves(training.section(run))[0].figure.axes[0]
    drawn = [line.get_ydata().tolist() for line in loss.lines]
    assert [0.4, 0.3] in drawn and [2.0, 1.0] in drawn


def test_area_on_validation_is_drawn_where_it_is_known(run):
    titles = [
        axes.get_title("left") for axes in curves(training.section(run))[0].figure.axes
    ]
    assert titles == ["loss", "accuracy"]
    for path in run.path.glob("arms/*/*/history.csv"):
        pd.read_csv(path).assign(val_auc=[0.7, 0.8]).to_csv(path, index=False)
    area = curves(training.section(run))[0].figure.axes[2]
    assert area.get_title("left") == "validation AUC"
    assert [line.get_ydata().tolist() for line in area.lines] == [[0.7, 0.8]] * 2


def test_section_says_which_members_began_with_imagenet(run):
    frozen = MemberSettings("ResNet50", frozen_until="conv4_block6_out")
    probe = replace(frozen, pooled_layers=("conv3_block4_out", "conv4_block6_out"))
    plain = MemberSettings("MobileNetV2")
    of_file = MemberSettings("VGG16", file="vgg.keras")
    weights = {"EfficientNetLite0": "imagenet", "ResNet50": "imagenet"}
    change_arm(
        run, "baseline", members=(frozen, probe, plain, of_file), weights=weights
    )
    said = words(training.section(run))
    assert "ImageNet weights: ResNet50." in said
    assert "of ResNet50 up to conv4_block6_out stayed as ImageNet left them" in said
    assert "ResNet50, whose conv3_block4_out, conv4_block6_out are read, up to" in said
    assert "From random weights, without ImageNet: MobileNetV2." in said
    assert "read from files: VGG16." in said


def test_section_says_that_a_linear_probe_left_its_backbone_as_it_was(run):
    probe = MemberSettings("ResNet50", linear_probe=True)
    weights = {"ResNet50": "imagenet"}
    change_arm(run, "baseline", members=(probe,), weights=weights)
    said = words(training.section(run))
    assert "The layers of ResNet50 stayed as ImageNet left them." in said


def test_loss_is_called_weighted_only_where_it_is(run):
    assert "Training loss is class-weighted" in words(training.section(run))
    change_arm(run, "baseline", imbalance="focal")
    assert "class-weighted" not in words(training.section(run))


def test_arms_of_other_settings_are_not_called_alike(four_arms):
    assert "identical settings and equally many steps" in (
        training.section(four_arms).lead
    )
    change_arm(four_arms, "copies_5x", imbalance="focal", n_copies=9, seed=8)
    assert training.section(four_arms).lead.endswith(
        "more than what they learned from: copies_5x in imbalance and seed."
    )


def test_members_read_from_files_have_no_curves(run):
    for arm in run.arms:
        for member in ("mobilenetv2_224", "resnet50_224"):
            shutil.rmtree(run.arm(arm) / member)
    assert not curves(training.section(run))


def test_no_section_where_nothing_was_trained(make_run):
    assert training.section(make_run(predictions={"baseline": "a.csv"})) is None
    assert training.section(make_run(arms=("baseline",))) is not None

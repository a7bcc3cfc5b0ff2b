import numpy as np
import pandas as pd
import pytest

from keras_derm.report import figures

GROUPS = ["light", "medium", "dark"]


def texts(figure):
    """Everything written in the figure's cells, titles and axis labels."""
    figure.canvas.draw()
    written = []
    for axes in figure.axes:
        written += [text.get_text() for text in axes.texts]
        written += [axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel()]
    return written


def photographs(n, size=32):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), np.uint8)


def test_table_of_counts_writes_every_count_also_zero():
    counts = pd.DataFrame([[5000, 7, 0]], index=["NV"], columns=GROUPS)
    written = texts(figures.counts_by_diagnosis(counts, "People"))
    assert {"5,000", "7", "0"} <= set(written)


def test_table_of_counts_may_be_empty_of_images():
    counts = pd.DataFrame(np.zeros((2, 3), int), index=["MEL", "NV"], columns=GROUPS)
    figures.counts_by_diagnosis(counts, "People").canvas.draw()
    figures.rule_disagreement(counts).canvas.draw()


def test_table_of_counts_refuses_missing_counts():
    counts = pd.DataFrame([[1.0, np.nan, 2]], index=["NV"], columns=GROUPS)
    with pytest.raises(ValueError, match="Received"):
        figures.counts_by_diagnosis(counts, "People")


def test_disagreement_counts_labels_not_positions():
    counts = pd.DataFrame([[1, 6, 3]], index=["dark"], columns=GROUPS)
    figure = figures.rule_disagreement(counts)
    assert any("7 of 10 images differ (70.0%)" in text for text in texts(figure))


def test_confusion_shares_are_of_the_true_class():
    matrices = {"Baseline": [[3, 1], [0, 10]], "Augmented": [[4, 0], [0, 0]]}
    written = texts(figures.confusion_matrices(matrices, ("MEL", "NV")))
    assert {"3\n75%", "1\n25%", "10\n100%", "4\n100%", "–"} <= set(written)
    assert {"Baseline", "Augmented"} <= set(written)


def test_confusion_refuses_another_shape():
    with pytest.raises(ValueError, match=r"Received: \(2, 2\)"):
        figures.confusion_matrices({"a": np.eye(2)}, ("x", "y", "z"))


def forest_table():
    return pd.DataFrame(
        {
            "stratum": ["all", "tone_group", "tone_group"],
            "value_of_stratum": ["all", "medium", "dark"],
            "n": [500, 9, 0],
            "n_positive": [60, 2, 0],
            "difference": [0.05, 0.9, np.nan],
            "difference_low": [0.01, -0.9, np.nan],
            "difference_high": [0.09, 1.0, np.nan],
            "judged": [True, False, False],
        }
    )


def test_forest_draws_no_point_for_strata_too_small():
    figure = figures.forest_plot(forest_table())
    (axes,) = figure.axes
    figure.canvas.draw()
    assert [text.get_text() for text in axes.texts] == ["too few to judge"] * 2
    squares = [line for line in axes.lines if line.get_marker() == "s"]
    assert [line.get_xdata()[0] for line in squares] == [0.05]
    assert axes.get_xlim()[1] < 0.2  # the unjudged 0.9 does not stretch the axis
    assert (
        axes.get_yticklabels()[1].get_text() == "tone group medium\nn = 9, 2 positive"
    )


def test_forest_has_a_panel_for_each_metric():
    tables = [forest_table().assign(label=name) for name in ("AUC", "sensitivity")]
    figure = figures.forest_plot(pd.concat(tables, ignore_index=True))
    assert [axes.get_title("left") for axes in figure.axes] == ["AUC", "sensitivity"]


def test_forest_may_hold_nothing_that_can_be_judged():
    figures.forest_plot(forest_table().iloc[1:]).canvas.draw()


def test_forest_names_the_missing_column():
    with pytest.raises(ValueError, match="difference_high"):
        figures.forest_plot(forest_table().drop(columns="difference_high"))


def arms_table(*arms):
    """What a comparison of arms gives, the first being the reference."""
    rows = forest_table().assign(metric="balanced_accuracy", label="balanced accuracy")
    other = rows.iloc[:1].assign(stratum="sex", value_of_stratum="female")
    rows = pd.concat([rows, other, rows.assign(metric="auc")], ignore_index=True)
    return pd.concat([rows.assign(arm=arm) for arm in arms], ignore_index=True)


def test_forests_of_two_arms_name_both():
    drawn = figures.arm_forests(arms_table("baseline", "augmented"), "baseline")
    assert list(drawn) == ["forest", "forest_others"]
    (axes,) = drawn["forest"].axes
    assert axes.get_title("left") == "balanced accuracy"
    assert axes.get_xlabel() == (
        "Augmented minus baseline\n← baseline higher   |   augmented higher →"
    )
    # Strata without an image are left out.
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "all\nn = 500, 60 positive",
        "tone group medium\nn = 9, 2 positive",
    ]


def test_forests_of_four_arms_have_a_panel_for_each_but_the_reference():
    table = arms_table("real", "a", "b", "c")
    drawn = figures.arm_forests(table, "real")
    for figure in drawn.values():
        assert [axes.get_title("left") for axes in figure.axes] == [
            f"{arm}, balanced accuracy" for arm in "abc"
        ]
    assert drawn["forest"].axes[-1].get_xlabel().startswith("Arm minus real")
    assert figures.arm_forests(arms_table("real"), "real") == {}


def test_four_matrices_stand_two_in_a_row():
    matrices = dict.fromkeys("abcd", np.eye(3))
    figure = figures.confusion_matrices(matrices, ("MEL", "NV", "BCC"))
    assert {axes.get_subplotspec().get_geometry()[:2] for axes in figure.axes} == {
        (2, 2)
    }
    assert len(figures.confusion_matrices({"a": np.eye(3)}, "xyz").axes) == 1
    matrices = dict.fromkeys("abc", np.eye(3))
    assert len(figures.confusion_matrices(matrices, "xyz").axes) == 3


def test_arms_have_the_same_colours_in_every_figure():
    arms = ["baseline", "augmented", "copies_5x", "copies_10x"]
    curve = pd.DataFrame({"specificity": [1, 0], "sensitivity": [0, 1]})
    history = pd.DataFrame({"loss": [2.0, 1.0]})
    lines = {
        "roc": figures.roc(dict.fromkeys(arms, curve)).axes[0].lines[1:],
        "training": figures.training_curves(dict.fromkeys(arms, history)).axes[0].lines,
    }
    colors = {name: [line.get_color() for line in of] for name, of in lines.items()}
    assert colors["roc"] == colors["training"]
    assert colors["roc"][:2] == ["#0072B2", "#D55E00"] and len(set(colors["roc"])) == 4
    assert len({line.get_linestyle() for line in lines["roc"]}) == 4


def test_training_curves_count_epochs_from_one():
    history = pd.DataFrame(
        {"epoch": [0, 1], "loss": [2.0, 1], "val_loss": [2.5, 2], "lr": [0.1, 0.1]}
    )
    (axes,) = figures.training_curves({"Baseline": history}).axes
    validation, training = axes.lines
    assert list(training.get_xdata()) == [1, 2]
    assert list(training.get_ydata()) == [2, 1]
    assert list(validation.get_ydata()) == [2.5, 2]
    assert validation.get_linestyle() != training.get_linestyle()


def test_training_curves_without_validation():
    history = pd.DataFrame({"critic_loss": [1.0, 0.5], "generator_loss": [0.1, 0.2]})
    assert len(figures.training_curves({"SN-GAN": history}).axes) == 2


def test_training_curves_refuse_an_unknown_metric():
    history = pd.DataFrame({"loss": [1.0]})
    with pytest.raises(ValueError, match="auc"):
        figures.training_curves({"run": history}, metrics=["auc"])


def test_net_benefit_draws_models_and_both_strategies():
    curve = pd.DataFrame(
        {
            "threshold": [0.1, 0.2, 0.3],
            "net_benefit": [0.1, 0.08, 0.05],
            "low": [0.05, 0.03, 0.0],
            "high": [0.15, 0.12, 0.1],
            "treat_all": [0.1, 0.0, -0.1],
        }
    )
    figure = figures.net_benefit({"Baseline": curve, "Augmented": curve})
    figure.canvas.draw()
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["Baseline", "Augmented", "act on all", "act on nobody"]
    with pytest.raises(ValueError, match="treat_all"):
        figures.net_benefit({"Baseline": curve.drop(columns="treat_all")})
    with pytest.raises(ValueError, match="Received: {}"):
        figures.net_benefit({})


def test_forest_point_is_hollow_without_a_claim_after_correction():
    row = {"stratum": "sex", "difference": 0.2, "difference_low": 0.1}
    row |= {"difference_high": 0.3, "judged": True}
    table = pd.DataFrame([{**row, "p_adjusted": p} for p in (0.01, 0.2)])
    points = figures.forest_plot(table).axes[0].lines
    inside = [line.get_markerfacecolor() for line in points if line.get_marker() == "s"]
    assert inside[0] != "white" and inside[1] == "white"


def test_roc_and_reliability_draw_their_curves():
    curve = pd.DataFrame({"specificity": [1, 0.5, 0], "sensitivity": [0, 0.9, 1]})
    (axes,) = figures.roc({"Baseline": curve}).axes
    assert list(axes.lines[1].get_xdata()) == [0, 0.5, 1]
    with_band = curve.assign(low=curve.sensitivity, high=1.0)
    figures.roc({"Baseline": with_band}).canvas.draw()
    bins = pd.DataFrame({"confidence": [0.1, 0.9], "accuracy": [0.2, 0.8]})
    figures.reliability({"Baseline": bins}).canvas.draw()
    with pytest.raises(ValueError, match="accuracy"):
        figures.reliability({"Baseline": bins[["confidence"]]})


@pytest.mark.parametrize("n", [1, 5])
def test_galleries_show_every_image(n):
    images = photographs(n)
    captions = [f"MEL {index}" for index in range(n)]
    sheet = figures.contact_sheet(images, captions, columns=3)
    shown = [axes for axes in sheet.axes if axes.get_images()]
    assert [axes.get_title("left") for axes in shown] == captions
    np.testing.assert_array_equal(shown[-1].get_images()[0].get_array(), images[-1])

    gallery = figures.cam_gallery(images, np.ones((n, 7, 7)), captions, columns=2)
    assert sum(len(axes.get_images()) for axes in gallery.axes) == 3 * n
    gallery.canvas.draw()

    stages = figures.preparation_stages({"original": images, "prepared": images / 2})
    assert sum(len(axes.get_images()) for axes in stages.axes) == 2 * n


def test_galleries_refuse_unequal_numbers():
    with pytest.raises(ValueError, match="2 images, 1 captions"):
        figures.contact_sheet(photographs(2), ["one"])
    with pytest.raises(ValueError, match="2 images, 1 heatmaps"):
        figures.cam_gallery(photographs(2), np.ones((1, 7, 7)))
    with pytest.raises(ValueError, match="equally many"):
        figures.preparation_stages({"a": photographs(2), "b": photographs(1)})
    with pytest.raises(ValueError, match="At least one"):
        figures.contact_sheet([])


def test_cases_stand_in_their_cells_and_empty_cells_say_so():
    image, heatmap = photographs(1)[0], np.ones((7, 7))
    cases = {("dark", "false alarm"): (image, heatmap, "NV called MEL")}
    figure = figures.case_grid(cases, ["light", "dark"], ["correct", "false alarm"])
    figure.canvas.draw()
    written = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert written == ["no such case"] * 3
    (shown,) = [axes for axes in figure.axes if len(axes.get_images()) == 1]
    assert shown.get_title("left") == "dark: false alarm\nNV called MEL"
    np.testing.assert_array_equal(shown.get_images()[0].get_array(), image)
    with pytest.raises(ValueError, match="Received: cases at"):
        figures.case_grid(cases, ["I-II"], ["false alarm"])


def test_attention_columns_show_every_account_of_every_image():
    maps = {"one": np.ones((3, 7, 7)), "average": np.zeros((3, 7, 7))}
    figure = figures.attention_columns(photographs(3), maps, ["a", "b", "c"])
    assert sum(len(axes.get_images()) for axes in figure.axes) == 3 + 2 * 3 * 2
    titles = [axes.get_title("left") for axes in figure.axes[:3]]
    assert titles == ["photograph", "one", "average"]
    with pytest.raises(ValueError, match="Received: 2 images"):
        figures.attention_columns(photographs(2), maps)


def test_deletion_curves_draw_the_mean_over_the_cases():
    curve = np.array([[1.0, 0.5, 0.0], [0.6, 0.3, 0.2]])
    figure = figures.deletion_curves({"attention": curve})
    (axes,) = figure.axes
    (line,) = axes.lines
    np.testing.assert_allclose(line.get_xdata(), [0, 0.5, 1])
    np.testing.assert_allclose(line.get_ydata(), [0.8, 0.4, 0.1])
    with pytest.raises(ValueError, match=r"Received: \{'a': \(3,\)\}"):
        figures.deletion_curves({"a": curve[0]})


def test_feature_map_shows_every_image_and_lifts_out_every_diagnosis():
    diagnosis = np.array(["MEL", "MEL", "NV", "NV", "NV"])
    synthetic = np.array([False, True, False, False, False])
    points = np.arange(10.0).reshape(5, 2)
    figure = figures.feature_map(points, diagnosis, synthetic)
    figure.canvas.draw()
    main, melanoma, nevus = figure.axes
    shown = np.concatenate([dots.get_offsets() for dots in main.collections])
    np.testing.assert_array_equal(np.sort(shown, axis=0), points)
    assert melanoma.get_title("left") == "MEL\n1 real, 1 synthetic"
    assert nevus.get_title("left") == "NV\n3 real"
    assert {"real", "synthetic"} < {t.get_text() for t in main.get_legend().get_texts()}
    with pytest.raises(ValueError, match="Received:"):
        figures.feature_map(points, diagnosis[:3], synthetic)


def test_figures_leave_the_callers_settings_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    figures.contact_sheet(photographs(1))
    assert dict(matplotlib.rcParams) == before


def test_strips_frame_the_photographs_that_are_marked():
    first, second = photographs(2)
    rows = [
        ("one", [(first, "NV 90%", False), (second, "MEL 60%", True)]),
        ("other", [(first, "NV 80%", True), (second, "NV 70%", False)]),
    ]
    figure = figures.photograph_strips(rows, ["as it is", "-30"])
    axes = np.reshape(figure.axes, (2, 2))
    framed = [[one.spines["top"].get_visible() for one in row] for row in axes]
    assert framed == [[False, True], [True, False]]
    assert [one.get_xlabel() for one in axes[0]] == ["NV 90%", "MEL 60%"]
    assert [row[0].get_ylabel() for row in axes] == ["one", "other"]
    figure.canvas.draw()


@pytest.mark.parametrize("rows", [[], [("one", [])]])
def test_strips_refuse_rows_of_another_length(rows):
    with pytest.raises(ValueError, match="Each row needs 1 cells.*Received"):
        figures.photograph_strips(rows, ["as it is"])


def test_steps_are_drawn_with_their_intervals_where_there_are_any():
    curve = pd.DataFrame({"step": [-30.0, 0, 15], "value": [0.2, 0, 0.1]})
    curve = curve.assign(low=[0.1, np.nan, 0.05], high=[0.4, np.nan, 0.2])
    figure = figures.step_curves({"named otherwise": {"melanin": curve}})
    (axes,) = figure.axes
    (bars,) = axes.containers
    ends = np.array([segment[:, 1] for segment in bars.lines[2][0].get_segments()])
    np.testing.assert_allclose(ends, [[0.1, 0.4], [0, 0], [0.05, 0.2]])
    np.testing.assert_array_equal(axes.get_xticks(), [-30, 0, 15])
    figure.canvas.draw()


def test_steps_need_a_panel():
    with pytest.raises(ValueError, match="Received"):
        figures.step_curves({})


def test_class_bars_begin_at_zero_and_are_as_long_as_their_counts():
    counts = pd.DataFrame({"train": [700, 9], "val": [100, 0]}, index=["NV", "DF"])
    figure = figures.class_bars(counts, "Images")
    (axes,) = figure.axes
    bars = [bar for part in axes.containers for bar in part]
    assert [bar.get_width() for bar in bars] == [700, 9, 100, 0]
    assert axes.get_xlim()[0] == 0
    assert {"700", "9", "100", "0"} <= set(texts(figure))
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first class on top
    figures.class_bars(counts, "Images", log=True).canvas.draw()
    with pytest.raises(ValueError, match="none negative or missing"):
        figures.class_bars(counts - 10, "Images")


def test_arm_bars_have_their_intervals_and_say_what_was_not_judged():
    table = pd.DataFrame(
        {
            "arm": ["baseline", "augmented"] * 2,
            "label": ["AUC", "AUC", "missed", "missed"],
            "value": [0.7, np.nan, 55, 22],
            "value_low": [0.6, np.nan, 50, 20],
            "value_high": [0.8, np.nan, 60, 25],
        }
    )
    figure = figures.arm_bars(table)
    area, missed = figure.axes
    assert [bar.get_width() for bar in area.patches] == [0.7]
    assert [bar.get_width() for bar in missed.patches] == [55, 22]
    assert [line.get_xdata().tolist() for line in missed.lines] == [[50, 60], [20, 25]]
    written = texts(figure)
    assert {"AUC", "missed", "0.70", " not judged", "55", "22"} <= set(written)
    with pytest.raises(ValueError, match="value_low"):
        figures.arm_bars(table.drop(columns="value_low"))

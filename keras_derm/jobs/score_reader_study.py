"""Score the answers of a reader study, or plan one."""

from pathlib import Path

import pandas as pd

from keras_derm.catalog import SKIN_TONE_SCALES
from keras_derm.files import write_csv
from keras_derm.runs import Stage
from keras_derm.settings import MakeReaderStudySettings, ScoreReaderStudySettings

N_SHOWN = 6


def score_reader_study(
    answers: list[str] | str = (),
    run: str | None = None,
    least_checks_passed: float = 0.0,
    n_replicates: int = 200,
    seed: int = 0,
    plan: bool = False,
    half_width: float = 0.05,
    accuracy: float = 0.7,
    auc: float | None = None,
    reader_sd: float = 0.05,
    image_share: float = 0.25,
):
    """Score the answers of a reader study, or say how large one must be.

    score_reader_study.py ANSWERS [--run RUN]: writes the figures of the study, each
    with a 95 % interval for other readers and other images, into reader_study of the
    run, and the tones that readers named as a csv that any catalog takes. A file of
    answers that is damaged, of another study, or the second of a reader is named.

    score_reader_study.py --plan [--half_width 0.05]: prints the half width of the 95 %
    interval that is to be expected for numbers of readers and pictures.

    Args:
        answers: Files that readers saved.
        run: Run directory of the study; by default the one above the answers.
        least_checks_passed: Readers who passed a smaller share of the checks of
            attention are left out.
        n_replicates: Bootstrap replicates of the measures of agreement.
        seed: Seed of the bootstrap.
        plan: Plan a study, and score none.
        half_width: Of a plan: half of the interval that is wanted.
        accuracy: Of a plan: the accuracy that is expected.
        auc: Of a plan: the AUC that is expected, in place of an accuracy.
        reader_sd: Of a plan: standard deviation of it between readers.
        image_share: Of a plan: correlation of two readers' answers to one picture.
    """
    if plan:
        expected = {"reader_sd": reader_sd, "image_share": image_share}
        value = accuracy if auc is None else auc
        _print_plan(half_width, {"value": value, "auc": auc is not None, **expected})
        return
    asked = [answers] if isinstance(answers, str) else list(answers)
    if not asked:
        raise ValueError(
            "name the files of answers, as answers/*.json, or ask for a --plan. "
            "Received: none"
        )
    settings = ScoreReaderStudySettings(
        asked, float(least_checks_passed), n_replicates, seed
    )
    ScoreReaderStudy(_run_of(asked, run), settings).do()


class ScoreReaderStudy(Stage):
    """Score the answers of a reader study of a run.

    Example:
        >>> settings = ScoreReaderStudySettings(answers=["KTB.json", "RVW.json"])
        >>> ScoreReaderStudy("runs/first", settings).do()
    """

    Settings = ScoreReaderStudySettings
    after = ("make_reader_study",)
    writes = (
        "reader_study/scores.csv",
        "reader_study/readers.csv",
        "reader_study/agreement.csv",
        "reader_study/beside_screening.csv",
        "reader_study/skin_tone_labels.csv",
        "figures/reader_study.png",
        "figures/reader_study_pictures.png",
    )

    def inputs(self):
        return list(self.settings.answers)

    def make(self):
        from keras_derm import reader_study
        from keras_derm.report.run_files import read_json

        key = read_json(self.run.reader_study / "key.json", "make_reader_study")
        study = reader_study.Study.from_key(key)
        answers = reader_study.read_answers(self.settings.answers, study)
        answers = self._attentive(answers, study)
        shown = pd.DataFrame(key["shown"])
        scores = reader_study.score(answers, shown)
        readers = reader_study.score_readers(answers)
        draws = self.settings.n_replicates, self.settings.seed
        tables = {
            "scores": scores,
            "readers": readers,
            "agreement": reader_study.score_agreement(answers, study.questions, *draws),
            "beside_screening": reader_study.beside_screening(answers, shown),
        }
        for name, table in tables.items():
            if len(table):
                write_csv(self.run.reader_study / f"{name}.csv", table)
        made = self.run.settings(MakeReaderStudySettings)
        if "tone" in made.parts:
            self._write_labels(answers, study, made.tone_scale)
        self._draw(answers, shown, scores)
        overall = scores[scores["axis"] == "all"].round(3)
        print(overall.drop(columns=["axis", "level"]).to_string(index=False))
        print(readers.round(3).to_string(index=False))

    def _attentive(self, answers, study):
        """Answers of readers who passed enough checks; the others are named."""
        from keras_derm import reader_study

        readers = reader_study.score_readers(answers)
        for row in readers.to_dict("records"):
            n_steps = len(study.series[row["reader"]])
            if row["pictures"] + row["n_checks"] < n_steps:
                told = f"{row['pictures'] + row['n_checks']} of {n_steps}"
                print(f"reader {row['reader']} answered {told} pictures")
        share = readers["checks"] / readers["n_checks"].where(readers["n_checks"] > 0)
        failed = readers[share < self.settings.least_checks_passed]
        for row in failed.to_dict("records"):
            print(
                f"reader {row['reader']} is left out: passed {row['checks']} of "
                f"{row['n_checks']} checks of attention"
            )
        left = answers[~answers["reader"].isin(failed["reader"])]
        if left.empty:
            raise ValueError(
                "no reader passed enough checks of attention. Received: "
                f"least_checks_passed={self.settings.least_checks_passed}"
            )
        return left

    def _write_labels(self, answers, study, scale):
        from keras_derm import reader_study

        labelled = reader_study.labelled_catalog(
            answers, self.run.catalog, scale, study
        )
        if not len(labelled):
            print("no reader named the tone of a photograph")
            return
        path = self.run.reader_study / "skin_tone_labels.csv"
        labelled.save(path)
        order = list(SKIN_TONE_SCALES[scale])
        counts = labelled.table["skin_tone_label"].value_counts().reindex(order)
        told = ", ".join(f"{name} {n:.0f}" for name, n in counts.dropna().items())
        print(f"{len(labelled)} photographs with a label ({scale}: {told}): {path}")

    def _draw(self, answers, shown, scores):
        from keras_derm.report import figures, save_figure
        from keras_derm.report.sections.reader_study import forest_rows

        rows = forest_rows(scores)
        if len(rows):
            figure = figures.forest_plot(
                rows, "AUC minus 0.5 (guessing)", ("taken for each other", "told apart")
            )
            save_figure(self.run, "reader_study", figure)
        self._draw_misleading(answers, figures, save_figure)

    def _draw_misleading(self, answers, figures, save_figure):
        """The pictures that most readers took for what they are not."""
        from keras_derm.catalog import Catalog, read_image
        from keras_derm.reader_study import KEPT, REAL

        origin = answers[(answers["question"] == "origin") & answers["isic_id"].notna()]
        if origin.empty:
            return
        certainty = origin["value"].astype(int)
        mean = certainty.groupby([origin["kind"], origin["isic_id"]]).mean()
        catalogs = [self.run.catalog]
        catalogs.append(Catalog.load(self.run.synthetic / "catalog.csv"))
        paths = {
            name: path
            for catalog in catalogs
            for name, path in zip(catalog.table["isic_id"], catalog.paths, strict=True)
        }
        pictures, captions = [], []
        for kind, word, rising in (
            (KEPT, "synthetic", True),
            (REAL, "photograph", False),
        ):
            shown = mean.get(kind, mean.iloc[:0]).sort_values(ascending=rising)
            for name, value in shown.head(N_SHOWN).items():
                pictures.append(read_image(paths[name]))
                captions.append(f"{word}\ncertainty {value:.1f}")
        sheet = figures.contact_sheet(pictures, captions, N_SHOWN)
        save_figure(self.run, "reader_study_pictures", sheet)


def _run_of(answers, run):
    """The run: the one that is named, or the first above the answers with a study."""
    if run is not None:
        return run
    for folder in Path(answers[0]).resolve().parents:
        if (folder / "reader_study/key.json").is_file():
            return folder
    raise ValueError(
        "the answers do not lie in a run with a study: say --run RUN. "
        f"Received: {answers[0]}"
    )


def _print_plan(wanted, expected):
    from rich.console import Console
    from rich.table import Table

    from keras_derm.reader_study import plan_table

    table, smallest = plan_table(wanted, **expected)
    title = "AUC" if expected["auc"] else "accuracy"
    title = f"half width of the 95 % interval of {title} {expected['value']:g}"
    shown = Table("readers", title=f"{title}, by pictures", title_justify="left")
    for pictures in table:
        shown.add_column(str(pictures), justify="right")
    for readers, row in table.iterrows():
        cells = [f"{'*' if each <= wanted else ' '}{each:.3f}" for each in row]
        shown.add_row(str(readers), *cells)
    Console().print(shown)
    if smallest is None:
        print(f"none is precise enough for {wanted:g}: more readers are needed")
    else:
        print(
            f"* precise enough for {wanted:g}. The fewest answers: {smallest[0]} "
            f"readers and {smallest[1]} pictures, half of them synthetic."
        )

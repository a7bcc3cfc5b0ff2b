"""Make a blinded reader study of a run."""

import hashlib

import numpy as np
import pandas as pd
from rich.progress import track

from keras_derm.catalog import Catalog, read_image
from keras_derm.files import write_json
from keras_derm.layers import preparation
from keras_derm.pipeline import PreparedImages, resized_images
from keras_derm.reader_study import (
    CHECK,
    KEPT,
    PREPARED,
    SCREENED_OUT,
    draw_balanced,
    draw_pairs,
    encode_alike,
    instruction,
    make_study,
    questions_of,
    write_page,
)
from keras_derm.reader_study.questions import (
    PLAUSIBILITY,
    PLAUSIBILITY_LEVELS,
    is_of_pairs,
)
from keras_derm.runs import Stage
from keras_derm.settings import (
    MakeReaderStudySettings,
    PrepareDatasetSettings,
    TrainGeneratorSettings,
)

ABOUT = ("isic_id", "kind", "diagnosis", "tone_group", "generator")


class MakeReaderStudy(Stage):
    """Make a blinded study for dermatologists: one HTML page, and its key apart.

    Example:
        >>> run_stage("make_reader_study", "runs/first", n_readers=8)
    """

    Settings = MakeReaderStudySettings
    writes = ("reader_study/study.html", "reader_study/key.json")

    @property
    def after(self):
        """Photographs alone need no generator."""
        if self.settings.shows_synthetic:
            return ("prepare_dataset", "synthesize")
        return ("prepare_dataset",)

    def check(self):
        settings, run = self.settings, self.run
        if not settings.shows_synthetic or not run.done("synthesize"):
            return  # what is not done at all is told by the stage
        if run.synthetic_catalog is None:
            raise ValueError(
                "the run has no synthetic image that was kept: make some "
                "(apps/synthesize.py), or ask of photographs alone, as --parts "
                f"diagnosis --parts tone. Received: parts={list(settings.parts)}"
            )

    def make(self):
        settings = self.settings
        real = self.run.catalog.where(split=list(settings.splits))
        drawn, pairs = self._drawn(real)
        images = self._images(drawn, real)
        twins = self._twins(pairs, real)
        questions = self._questions(pd.concat([drawn, pairs]))
        checks = _checks(questions, settings.n_checks if len(drawn) else 0, settings)
        study = make_study(
            drawn,
            [question.to_dict() for question in questions],
            checks,
            settings.n_readers,
            settings.repeat_share,
            settings.seed,
            hashlib.sha256(b"".join(image.tobytes() for image in images)).digest(),
            pairs,
        )
        shown = _pictures(study, drawn, pairs, images, twins, questions, settings)
        files = encode_alike(
            track(shown.values(), "Encoding pictures", transient=True),
            settings.picture_size,
        )
        folder = self.run.reader_study
        page = folder / "study.html"
        files = dict(zip(shown, files, strict=True))
        write_page(study, files, page, settings.page_title)
        about = pd.concat([drawn, pairs]).set_index(["kind", "isic_id"])
        rows = [
            {"item": name, "isic_id": item.isic_id, "kind": item.kind}
            | about.loc[(item.kind, item.isic_id)].to_dict()
            for name, item in study.items.items()
            if item.kind != CHECK
        ]
        write_json(folder / "key.json", {**study.to_key(), "shown": _plain(rows)})
        self._tell(study, drawn, pairs, page)

    def _drawn(self, real):
        """Tables of the single pictures and of the pairs."""
        settings = self.settings
        drawn = pairs = pd.DataFrame(columns=[*ABOUT, "screening_reason"])
        if settings.shows_singles:
            made = self._synthetic() if settings.shows_synthetic else drawn
            drawn = draw_balanced(
                real,
                made,
                settings.n_pictures,
                settings.screened_out_share,
                settings.seed,
            )
            reasons = made.set_index("isic_id")["screening_reason"]
            drawn["screening_reason"] = drawn["isic_id"].map(reasons)
        if "preparation" in settings.parts:
            taken = set(drawn["isic_id"])
            pairs = draw_pairs(real, taken, settings.n_pairs, settings.seed)
        if not len(drawn) and not len(pairs):
            raise ValueError(
                f"no photograph is in the splits {list(settings.splits)}: name others "
                f"(--splits). Received: {len(real)} photographs"
            )
        return drawn, pairs

    def _synthetic(self):
        """Table of the synthetic images, those that screening rejected among them."""
        parts = [self.run.synthetic_catalog.table.assign(kind=KEPT)]
        rejected = self.run.screened_out / "catalog.csv"
        if rejected.is_file():
            parts.append(Catalog.load(rejected).table.assign(kind=SCREENED_OUT))
        elif self.settings.screened_out_share:
            print("no image that screening rejected is in the run: none is shown")
        table = pd.concat(parts, ignore_index=True)
        if "screening_reason" not in table:
            table["screening_reason"] = None
        return table

    def _images(self, drawn, real):
        """Images of the single pictures, all of one size, in the order of the table."""
        ids = drawn["isic_id"].tolist()
        if not ids:
            return []
        paths = dict(zip(real.table["isic_id"], real.paths, strict=True))
        if not self.settings.shows_synthetic:
            # Nothing is compared with synthetic images: skin in its own colours.
            return [self._square(paths[isic_id]) for isic_id in _shown(ids)]
        side = self.run.settings(TrainGeneratorSettings).image_size
        photographs = real.where(isic_id=ids)
        take = resized_images(
            PreparedImages.load(self.run.prepared_real), photographs, side
        )
        position = {name: i for i, name in enumerate(photographs.table["isic_id"])}
        made = self._synthetic_paths()
        return [
            take(np.array([position[name]]))[0]
            if name in position
            else read_image(made[name])
            for name in _shown(ids)
        ]

    def _synthetic_paths(self):
        catalogs = [self.run.synthetic_catalog]
        if (self.run.screened_out / "catalog.csv").is_file():
            catalogs.append(Catalog.load(self.run.screened_out / "catalog.csv"))
        return {
            name: path
            for catalog in catalogs
            for name, path in zip(catalog.table["isic_id"], catalog.paths, strict=True)
        }

    def _twins(self, pairs, real):
        """Of each pair the original and the prepared image."""
        if not len(pairs):
            return []
        paths = dict(zip(real.table["isic_id"], real.paths, strict=True))
        prepared = PreparedImages.load(self.run.prepared_real)
        position = {name: i for i, name in enumerate(prepared.ids)}
        return [
            (self._square(paths[name]), prepared.take([position[name]])[0])
            for name in _shown(pairs["isic_id"].tolist())
        ]

    def _square(self, path):
        """A photograph as a square of the prepared size, its values unchanged."""
        prepared = self.run.settings(PrepareDatasetSettings)
        chain = preparation(prepared.preset, prepared.image_size)
        square = np.asarray(chain.apply_geometry(read_image(path)[None])[0])
        return np.clip(np.rint(square), 0, 255).astype(np.uint8)

    def _questions(self, shown):
        return questions_of(
            self.settings.parts, shown["diagnosis"].unique(), self.settings.tone_scale
        )

    def _tell(self, study, drawn, pairs, page):
        settings = self.settings
        counts = drawn["kind"].value_counts()
        if settings.shows_singles and len(drawn) < settings.n_pictures:
            print(
                f"{len(drawn)} pictures, where {settings.n_pictures} were asked for: "
                "of each diagnosis there are as many photographs as synthetic images, "
                "and one photograph of each lesion"
            )
        said = [f"{n} {kind}" for kind, n in counts.items()]
        said += [f"{len(pairs)} pairs"] if len(pairs) else []
        print(f"study {study.name}: {', '.join(said)}")
        print(f"give each reader a code: {', '.join(study.series)}")
        print(f"page: {page} ({page.stat().st_size / 1e6:.1f} MB). Keep key.json.")


def _checks(questions, n_checks, settings):
    """What each check demands: an answer to every question that is always asked."""
    generator = np.random.default_rng([settings.seed, 2])
    asked = [
        question
        for question in questions
        if question.when is None and not is_of_pairs(question.name)
    ]
    checks = []
    for _ in range(n_checks):
        wanted = {one.name: str(generator.choice(one.values)) for one in asked}
        if PLAUSIBILITY in wanted:  # at the highest nothing more is asked
            wanted[PLAUSIBILITY] = str(PLAUSIBILITY_LEVELS)
        checks.append(wanted)
    return checks


def _pictures(study, drawn, pairs, images, twins, questions, settings):
    """Dict from the id of each picture to its image."""
    single = dict(zip(drawn["isic_id"], images, strict=True))
    twin = dict(zip(pairs["isic_id"], twins, strict=True))
    labels = {
        (question.name, option.value): option.label
        for question in questions
        for option in question.options
    }
    found = {}
    for item in study.items.values():
        if item.kind == CHECK:
            lines = [labels[answer] for answer in item.expected.items()]
            lines = ["Attention check", "Please answer:", *lines]
            shown = [instruction(lines, settings.picture_size)]
        elif item.kind == PREPARED:
            before, after = twin[item.isic_id]
            shown = [before, after] if item.before == 0 else [after, before]
        else:
            shown = [single[item.isic_id]]
        found |= dict(zip(item.pictures, shown, strict=True))
    return found


def _shown(names):
    return track(names, "Reading pictures", transient=True)


def _plain(rows):
    """Rows as JSON: what is not known is None."""
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in rows
    ]

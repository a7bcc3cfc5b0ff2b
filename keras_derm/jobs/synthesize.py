"""Make the images that are missing."""

import json

import numpy as np

from keras_derm.evaluation.image_quality.feature_extractor import feature_extractor
from keras_derm.files import write_csv, write_json
from keras_derm.generative import (
    generator_class,
    load_best,
    made_images,
    not_learned,
    plan_cells,
    plan_synthesis,
    write_synthetic,
)
from keras_derm.jobs.image_quality import ImageQuality
from keras_derm.jobs.train_generator import built_generator, training_images
from keras_derm.layers import preparation
from keras_derm.pipeline import PreparedImages, prepare
from keras_derm.report import figures, save_figure
from keras_derm.runs import Stage
from keras_derm.settings import (
    PrepareDatasetSettings,
    SynthesizeSettings,
    TrainGeneratorSettings,
)

N_SHOWN = 24
N_SCREENED_OUT = 100
FURTHER = ("image_type", "anatom_site_general", "known_by")
"""What the catalog of made images tells beside diagnosis and tone group."""


class Synthesize(Stage):
    """Make the diagnoses and tones that are short, screen the images, keep the rest.

    Example:
        >>> run_stage("synthesize", "runs/first", target_per_diagnosis=700)
    """

    Settings = SynthesizeSettings
    after = ("prepare_dataset", "train_generator")
    writes = (
        "synthetic",
        "prepared/synthetic",
        "screened_out",
        "wanted_cells.csv",
        "screening.csv",
        "screening_sets.csv",
        "synthesis.json",
        "figures/synthetic.png",
        "figures/synthetic_rejected.png",
        *ImageQuality.writes,  # numbers of these images, which do not outlive them
    )
    keeps = ("synthetic/catalog.csv", "screening.csv", "synthesis.json")

    def check(self):
        if self.run.done("prepare_dataset") and self.run.done("train_generator"):
            trained = self.run.settings(TrainGeneratorSettings)
            self._plan(trained, self.run.catalog.split("train"))

    def _plan(self, trained, train):
        """`Synthesis` of what is asked for, or of what is short."""
        settings, options = self.settings, trained.generator
        kind = generator_class(options.name)
        of_generator = {
            "kind": kind,
            "options": options,
            "candidates_per_image": settings.candidates_per_image,
            "folder": self.run.generator,
        }
        if settings.cells is not None:
            return plan_cells(train, settings.cells, **of_generator)
        target, ratio = settings.target_per_diagnosis, settings.max_ratio
        return plan_synthesis(train, target, ratio, **of_generator)

    def make(self):
        run = self.run
        trained = run.settings(TrainGeneratorSettings)
        train = run.catalog.split("train")
        plan = self._plan(trained, train)
        write_csv(run / "wanted_cells.csv", plan.table)
        if plan.none_because:
            write_json(run / "synthesis.json", {"none_because": plan.none_because})
            print(f"nothing to make: {plan.none_because}")
            return
        generator = load_best(built_generator(trained), run.generator)
        prepared = PreparedImages.load(run.prepared_real)
        take = training_images(run, trained, prepared, train)
        real = take(np.arange(len(train)))
        weights = self.settings.feature_weights
        made, verdicts, sets = made_images(
            generator,
            plan,
            train,
            real,
            self.settings.seed,
            None if weights is None else feature_extractor(weights),
        )
        write_csv(run / "screening.csv", verdicts)
        write_csv(run / "screening_sets.csv", sets)
        kept = verdicts["kept"].to_numpy(bool)
        self._say(verdicts, sets, made.seconds / len(made))
        self._keep_screened_out(made, verdicts, int(kept.sum()))
        real = real[..., :3]
        if kept.any():
            self._keep(made[kept], verdicts[kept], prepared.image_size[0])
            self._draw("synthetic", made.images[kept], verdicts[kept], real, train)
        failed = verdicts["set"].isin(sets.loc[~sets["passed"], "set"]).to_numpy(bool)
        if failed.any():
            parts = made.images[failed], verdicts[failed]
            self._draw("synthetic_rejected", *parts, real, train)

    def _say(self, verdicts, sets, seconds):
        """Say what passes, and what the generator did not learn, with the measures.

        How many seconds it took to make an image stands in synthesis.json with it.
        """
        alone, accepted = verdicts["passed_alone"].sum(), verdicts["accepted"].sum()
        kept = verdicts["kept"].sum()
        print(
            f"{alone} of {len(verdicts)} images pass alone, {accepted} in sets that "
            f"pass too, {kept} are kept"
        )
        because = not_learned(sets)
        said = {"sets": json.loads(sets.to_json(orient="records"))}
        said["seconds_an_image"] = seconds
        if because:
            rest = "nothing was kept" if not kept else "none of it was kept"
            said["not_learned"] = because
            print(f"{because}: {rest}")
            for row in sets[~sets["passed"]].itertuples():
                print(f"  {row.set} ({row.images} images): {row.reason}")
        if not kept:
            said["none_because"] = because or "no image passed the screening"
        write_json(self.run / "synthesis.json", said)

    def _keep(self, made, verdicts, side):
        """Write the images with their catalog, and prepare them as the real ones."""
        catalog = write_synthetic(
            made.images,
            made.conditions,
            self.settings.seed,
            self.run.settings(TrainGeneratorSettings).generator.name,
            self.run.synthetic,
            verdicts.get("parent_id"),
            masks=made.masks,
            further=verdicts[[name for name in FURTHER if name in verdicts]],
        )
        chain = preparation(self.run.settings(PrepareDatasetSettings).preset, side)
        prepare(catalog, chain.of_prepared(), self.run.prepared_synthetic)

    def _keep_screened_out(self, made, verdicts, first):
        """Write some of the rejected images for people to judge; none is trained on."""
        order = np.random.default_rng(self.settings.seed).permutation(len(made))
        rejected = ~verdicts["accepted"].to_numpy(bool)
        rows = np.sort(order[rejected[order]][:N_SCREENED_OUT])
        if not len(rows):
            return
        catalog = write_synthetic(
            made.images[rows],
            made.conditions[rows],
            self.settings.seed,
            self.run.settings(TrainGeneratorSettings).generator.name,
            self.run.screened_out,
            verdicts["parent_id"].iloc[rows] if "parent_id" in verdicts else None,
            first,
        )
        reasons = verdicts["reason"].to_numpy(object)[rows]
        catalog.with_columns(screening_reason=reasons).save(
            self.run.screened_out / "catalog.csv"
        )

    def _draw(self, name, images, verdicts, real, train):
        """Made images beside the real training image nearest to each.

        Between them stands the photograph that it was made of, where there is one.
        """
        position = {isic_id: i for i, isic_id in enumerate(train.table["isic_id"])}
        verdicts = verdicts.reset_index(drop=True)
        order = np.random.default_rng(self.settings.seed).permutation(len(images))
        beside = {"made of": "parent_id", "nearest real": "nearest_reference"}
        beside = {said: of for said, of in beside.items() if of in verdicts}
        pictures, captions = [], []
        for row in np.sort(order[: N_SHOWN // (1 + len(beside))]):
            ids = [verdicts[of][row] for of in beside.values()]
            pictures += [images[row], *(real[position[one]] for one in ids)]
            diagnosis, tone = verdicts.loc[row, ["diagnosis", "tone_group"]]
            said = "rejected" if name == "synthetic_rejected" else "made"
            captions += [f"{said}: {diagnosis}, tone {tone}", *beside]
        save_figure(self.run, name, figures.contact_sheet(pictures, captions, 6))

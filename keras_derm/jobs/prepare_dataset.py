"""Split a catalog and prepare its images."""

import numpy as np

from keras_derm.catalog import (
    Catalog,
    apply_split_file,
    read_image,
    split_catalog,
)
from keras_derm.files import write_csv
from keras_derm.layers import augmentation, preparation
from keras_derm.pipeline import exclusion_reasons, prepare
from keras_derm.report import figures, save_figure
from keras_derm.runs import Stage
from keras_derm.settings import PrepareDatasetSettings

N_SHOWN = 6
N_LOOKED_AT = 256


class PrepareDataset(Stage):
    """Split the audited images and prepare them (resize, hair removal).

    Example:
        >>> run_stage("prepare_dataset", "runs/first", image_size=96)
    """

    Settings = PrepareDatasetSettings
    after = ("audit_skin_tone",)
    writes = (
        "prepared/real",
        "catalog.csv",
        "excluded_images.csv",
        "figures/preparation.png",
    )
    keeps = ("catalog.csv",)

    @property
    def chain(self):
        """The `Preparation` of every image."""
        return preparation(self.settings.preset, self.settings.image_size)

    def inputs(self):
        split_file = self.settings.split_file
        return [] if split_file is None else [split_file]

    def make(self):
        settings = self.settings
        catalog = Catalog.load(self.run.audited_catalog)
        if settings.exclude_artefacts:
            catalog = self._without_artefacts(catalog)
        if settings.split_file is None:
            catalog = split_catalog(catalog, settings.fractions, settings.seed)
        else:
            catalog = apply_split_file(catalog, settings.split_file)
            catalog = catalog.where(split=["train", "val", "test"])
        self._draw(catalog, self._prepare(catalog))
        catalog.save(self.run.catalog_file)
        counts = catalog.table.groupby(["diagnosis", "split"]).size().unstack()
        counts = counts.reindex(columns=["train", "val", "test"]).fillna(0).astype(int)
        print(counts.to_string())

    def finish(self):
        """Prepare the images again where they were deleted."""
        if not self.run.prepared_real.exists():
            self._prepare(self.run.catalog)

    def _prepare(self, catalog):
        per_shard = self.settings.images_per_shard
        return prepare(
            catalog, self.chain, self.run.prepared_real, images_per_shard=per_shard
        )

    def _without_artefacts(self, catalog):
        reasons = exclusion_reasons(catalog)
        left_out = (reasons != "").to_numpy()
        excluded = catalog.table.loc[left_out, ["isic_id", "path", "diagnosis"]]
        excluded = excluded.assign(reason=reasons[left_out])
        write_csv(self.run / "excluded_images.csv", excluded)
        print(f"{len(excluded)} images left out for artefacts: excluded_images.csv")
        return catalog.where(~left_out)

    def _draw(self, catalog, prepared):
        """Show the training images on which preparation changed most."""
        train, seed = catalog.split("train"), self.settings.seed
        paths = np.array(train.paths)
        rows = np.random.default_rng(seed).permutation(len(train))[:N_LOOKED_AT]
        originals = [read_image(path) for path in paths[rows]]
        chain = self.chain
        squares = [chain.apply_geometry(image[None])[0] for image in originals]
        done = prepared.take(prepared.indices(train)[rows])
        change = np.abs(np.stack(squares) - done).mean(axis=(1, 2, 3))
        shown = np.argsort(-change, kind="stable")[:N_SHOWN]
        stages = {
            "original": [originals[i] for i in shown],
            "prepared": done[shown],
            "in training": np.asarray(
                augmentation(self.settings.preset, seed)(done[shown])
            ),
        }
        save_figure(self.run, "preparation", figures.preparation_stages(stages))

"""Split a catalog and prepare its images."""

import functools

import numpy as np
import pandas as pd

from keras_derm.catalog import (
    Catalog,
    apply_split_file,
    keep_test_set,
    read_image,
    split_catalog,
)
from keras_derm.cluster.work import work_on_each
from keras_derm.files import write_csv
from keras_derm.jobs.preprocessing import preparation_strategy
from keras_derm.layers import RandomDarkening, augmentation, preparation
from keras_derm.lesion_finders import shipped_finder
from keras_derm.lesion_finders.crop import (
    crop_boxes,
    cropped,
    photograph_box,
    with_crop_boxes,
)
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
    writes = (
        "prepared/real",
        "catalog.csv",
        "excluded_images.csv",
        "figures/preparation.png",
    )
    keeps = ("catalog.csv",)

    @property
    def after(self):
        """The audit, and duplicates where they were searched for since."""
        found = self.run.is_current("find_duplicates")
        return ("audit_skin_tone", *(["find_duplicates"] if found else []))

    @property
    def chain(self):
        """The `Preparation` of every image."""
        return preparation(self.settings.preset, self.settings.image_size)

    def inputs(self):
        split_file = self.settings.split_file
        return [] if split_file is None else [split_file]

    def make(self):
        settings = self.settings
        catalog = self._with_duplicates(Catalog.load(self.run.audited_catalog))
        if settings.exclude_artefacts:
            catalog = self._without_artefacts(catalog)
        catalog = self._split(catalog)
        if settings.crop == "lesion":
            catalog = with_crop_boxes(catalog, self._boxes(catalog))
        self._draw(catalog, self._prepare(catalog))
        catalog.save(self.run.catalog_file)
        counts = catalog.table.groupby(["diagnosis", "split"]).size().unstack()
        counts = counts.reindex(columns=["train", "val", "test"]).fillna(0).astype(int)
        print(counts.to_string())

    def finish(self):
        """Prepare the images again where they were deleted."""
        if not self.run.prepared_real.exists():
            self._prepare(self.run.catalog)

    def _split(self, catalog):
        settings = self.settings
        if settings.split_file is not None:
            catalog = apply_split_file(catalog, settings.split_file)
            return catalog.where(split=["train", "val", "test"])
        if settings.split == "archive":
            return keep_test_set(catalog, settings.val_share, settings.seed)
        return split_catalog(catalog, settings.fractions, settings.seed)

    def _with_duplicates(self, catalog):
        """The catalog with the duplicates that were found in it."""
        if "find_duplicates" not in self.after:
            if self.run.done("find_duplicates"):
                print(
                    "The archive was audited anew since its duplicates were searched "
                    "for: these are not used. Run apps/find_duplicates.py again."
                )
            return catalog
        groups = pd.read_csv(self.run.duplicate_groups, dtype=str)
        groups = groups.set_index("isic_id")["duplicate_group"]
        found = catalog.table["isic_id"].map(groups)
        print(f"{found.notna().sum()} images are in {found.nunique()} duplicate groups")
        return catalog.with_columns(duplicate_group=found)

    def _prepare(self, catalog):
        settings, boxes = self.settings, crop_boxes(catalog)
        return prepare(
            catalog,
            self.chain,
            self.run.prepared_real,
            images_per_shard=settings.images_per_shard,
            boxes=boxes,
            factors=self._factors(catalog),
            strategy=preparation_strategy(
                self.run, settings, catalog, self.chain, boxes
            ),
        )

    def _factors(self, catalog):
        """What the values of each photograph are multiplied by, float `(n,)`."""
        share, factor = self.settings.darkened, self.settings.darkening
        if not share:
            return None
        layer = RandomDarkening(share, factor, seed=self.settings.seed)
        drawn = layer(np.ones((len(catalog), 1, 1, 3), "uint8"), training=True)
        train = (catalog.table["split"] == "train").to_numpy()
        return np.where(train, np.asarray(drawn)[:, 0, 0, 0], 1.0)

    def _boxes(self, catalog):
        """Square around the lesion of each photograph, int `(n, 4)`."""
        files = list(zip(catalog.paths, catalog.mask_paths, strict=True))
        margin = self.settings.crop_margin
        find = functools.partial(photograph_box, shipped_finder(), margin)
        boxes = list(work_on_each(find, files, "Finding lesions"))
        n_found = sum(mask is None for mask in catalog.mask_paths)
        print(f"cropped to the lesion: {n_found} of {len(boxes)} without a mask")
        return boxes

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
        boxes = crop_boxes(train)
        parts = [None] * len(train) if boxes is None else boxes
        originals = [cropped(read_image(paths[row]), parts[row]) for row in rows]
        chain = self.chain
        squares = [chain.apply_geometry(image[None])[0] for image in originals]
        factors = self._factors(catalog)
        if factors is not None:
            of_train = (catalog.table["split"] == "train").to_numpy()
            squares = np.stack(squares) * factors[of_train][rows, None, None, None]
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

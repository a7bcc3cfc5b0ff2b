"""Find the photographs that stand in the audited archives twice."""

from keras_derm.catalog import Catalog, copy_groups, count_seen_in_training
from keras_derm.catalog.duplicates import (
    joined_in_spite,
    read_decisions,
    with_decisions,
    with_facts,
)
from keras_derm.files import write_csv
from keras_derm.pipeline import find_copies
from keras_derm.report.duplicates_page import write_duplicates_page
from keras_derm.runs import Stage
from keras_derm.settings import AuditSkinToneSettings, FindDuplicatesSettings


class FindDuplicates(Stage):
    """Find the photographs of an audited archive that are one, by file and by pixels.

    Example:
        >>> run_stage("find_duplicates", "runs/first")
    """

    Settings = FindDuplicatesSettings
    after = ("audit_skin_tone",)
    writes = ("duplicates", "duplicates.html", "figures/duplicates_*.png")

    def inputs(self):
        decisions = self.settings.decisions
        return [] if decisions is None else [decisions]

    def make(self):
        catalog = Catalog.load(self.run.audited_catalog).real()
        decisions = None
        if self.settings.decisions is not None:  # before the pixels, which take longer
            decisions = read_decisions(self.settings.decisions, catalog)
        pairs = with_decisions(find_copies(catalog), decisions)
        pairs = with_facts(pairs, catalog)
        groups = copy_groups(catalog, pairs)
        grouped = catalog.with_columns(duplicate_group=groups)
        write_csv(self.run / "duplicates/pairs.csv", pairs)
        named = grouped.table[["isic_id", "duplicate_group"]].dropna()
        write_csv(self.run.duplicate_groups, named)
        told = self._told(catalog, grouped, pairs)
        print("\n".join(told))
        archives = self.run.settings(AuditSkinToneSettings).archives
        page = write_duplicates_page(
            self.run, catalog, pairs, told, self.settings.n_shown, archives
        )
        print(f"\nreport: {page}")

    def _told(self, catalog, grouped, pairs):
        """What was found, in sentences."""
        copies = pairs[pairs["is_copy"]]
        apart = int((~copies["together"]).sum())
        unlike = int(copies["first_diagnosis"].ne(copies["second_diagnosis"]).sum())
        doubtful = int((~pairs["is_copy"] & pairs["decision"].isna()).sum())
        told = [
            f"{len(copies)} pair(s) of {len(catalog)} photographs count as one "
            f"photograph: {_counts(copies['kind'])}.",
            f"{apart} of them are of patients or lesions that nothing else told to be "
            "one. prepare_dataset.py keeps all of them together.",
            f"{unlike} of them have two diagnoses: one is wrong, or the picture shows "
            "two lesions.",
            f"{doubtful} pair(s) are doubtful and count as two: look at them in "
            "duplicates.html, and decide (--decisions).",
        ]
        leaked = count_seen_in_training(grouped) - count_seen_in_training(catalog)
        if leaked > 0:
            told.append(
                f"The published split leaks by copies: {leaked} test image(s) more "
                "have a training image of their group than patients and lesions told."
            )
        for pair in joined_in_spite(catalog, pairs).itertuples():
            told.append(
                f"{pair.first} and {pair.second} were decided to be two, and are one "
                "group all the same, through a third image that both are a copy of."
            )
        return told


def _counts(kinds):
    counts = kinds.value_counts()
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"

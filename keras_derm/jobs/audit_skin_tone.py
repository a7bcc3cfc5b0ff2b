"""Read an archive, and find out whose skin is in it."""

import numpy as np
import pandas as pd

from keras_derm.catalog import TONE_GROUPS, identical_files, of_types, read_image
from keras_derm.catalog.catalog import LABELLED
from keras_derm.catalog.duplicates import tell_identical
from keras_derm.evaluation import ToneTruth, tone_scores
from keras_derm.files import write_csv, write_json
from keras_derm.readers import read_data_source
from keras_derm.report import figures, save_figure
from keras_derm.report.audit_page import write_audit_page
from keras_derm.runs import Stage
from keras_derm.settings import AuditSkinToneSettings
from keras_derm.skin_tone import (
    RULES,
    ItaEstimator,
    as_estimates,
    cast_sensitivity,
    chosen_estimates,
    clinical_photographs,
    colour_table,
    estimate,
    load_estimator,
    look_at_each,
    rule_disagreement,
    shipped_networks,
    tone_of_people,
    tone_table,
)

N_ON_SHEET = 6
N_UNDER_CASTS = 60
NOT_PROVEN = (
    "its groups were not right often enough where labels could tell. Its estimates are "
    "in the column `tone`; --tone_estimators uses them all the same."
)
LEAST_LABELS = 30
"""Labelled photographs of a scale and type from which estimators are judged."""


class AuditSkinTone(Stage):
    """Read an archive, check every image, and find out whose skin is in it.

    Example:
        >>> run_stage("audit_skin_tone", "runs/first", data="phantom:n=200")
    """

    Settings = AuditSkinToneSettings
    writes = (
        "audit",
        "catalog.csv",
        "audit.html",
        "bad_images.csv",
        "figures/tone_by_diagnosis.png",
        "figures/colour_by_diagnosis.png",
        "figures/rule_disagreement.png",
        "figures/tone_sheet.png",
    )
    keeps = ("audit/catalog.csv", "audit/table.csv")

    def inputs(self):
        return list(self.settings.tone_estimators)

    @property
    def estimators(self):
        """`ToneEstimator`s that may say what no label says."""
        if self.settings.tone_by != "proven":
            return []
        given = self.settings.tone_estimators
        return [load_estimator(path) for path in given] or shipped_networks()

    def make(self):
        settings = self.settings
        with_images = not settings.table_only
        everything = read_data_source(settings.data, settings.skip_bad, with_images)
        catalog, told = of_types(everything, settings.image_types)
        if told:
            print(told)
        left_out = [*([told] if told else []), *everything.notes]
        if len(catalog.skipped):
            path = self.run / "bad_images.csv"
            write_csv(path, catalog.skipped)
            n_rows = len(catalog.skipped[["file", "row", "isic_id"]].drop_duplicates())
            left_out.insert(0, f"{n_rows} row(s) with a fault left out: {path.name}")
            print(f"{n_rows} row(s) with a fault left out: {path}")
        write_json(self.run / "audit/left_out.json", left_out)
        if settings.table_only:
            catalog.save(self.run / "audit/table.csv")
            self._count(catalog)
        else:
            self._look(catalog, everything)
        print(f"\nreport: {write_audit_page(self.run, settings.archives)}")

    def _look(self, catalog, everything):
        """Measure the photographs, and write what later stages build on."""
        settings = self.settings
        self._tell_of_copies(catalog)
        rules = [ItaEstimator.by_rule(rule, settings.thresholds) for rule in RULES]
        estimators = self.estimators
        works = {rule: one.angle.measure_photograph for rule, one in _named(rules)}
        works |= {one.name: one.estimate for one in (*rules, *estimators)}
        found = look_at_each(catalog, works)
        estimates = {
            one.name: as_estimates(found[one.name], one.scale)
            for one in (*rules, *estimators)
        }
        catalog = self._with_colour(catalog, found)
        catalog = self._with_people(catalog, everything, estimates, estimators)
        catalog.save(self.run.audited_catalog)
        catalog.save(self.run.catalog_file)
        self._count(catalog)
        self._judge_estimators(catalog, estimates, estimators)
        self._tell_of_rules(catalog, found)
        self._draw(catalog)

    def _tell_of_copies(self, catalog):
        """Warn of files that are equal: they are one photograph."""
        files = identical_files(catalog)
        if len(files):
            write_csv(self.run / "audit/identical_files.csv", files)
            print(f"{tell_identical(files)} List: audit/identical_files.csv")

    def _with_colour(self, catalog, found):
        """The catalog with the colour of each photograph."""
        chosen = found[self.settings.rule]
        columns = ("ita", "ita_low", "ita_high", "ita_type", "ita_reason", "contrast")
        return catalog.with_columns(
            **{name: chosen[name] for name in columns},
            ita_type_published=found["published"]["ita_type"],
        )

    def _with_people(self, catalog, everything, estimates, estimators):
        """The catalog with the tone group of each person, and where it comes from."""
        if self.settings.tone_by == "ita":
            rule = ItaEstimator.by_rule(self.settings.rule).name
            used = estimates[rule].assign(estimator=f"{rule} of the photograph")
            return tone_of_people(catalog, used)
        if not estimators:
            return tone_of_people(catalog)
        estimates = self._without_unproven(estimates, estimators)
        used = chosen_estimates(catalog, estimates, estimators)
        catalog = catalog.with_columns(
            tone=used["value"], tone_low=used["low"], tone_high=used["high"]
        )
        others = clinical_photographs(everything, catalog)
        if not len(others):
            return tone_of_people(catalog, used)
        found = self._without_unproven(estimate(others, estimators), estimators)
        of_others = chosen_estimates(others, found, estimators)
        both = tone_of_people(
            catalog.concat(others), pd.concat([used, of_others], ignore_index=True)
        )
        return both.where(np.arange(len(both)) < len(catalog))

    def _may_name(self, estimator):
        """Whether the groups of an estimator are used: proven, or asked for by name."""
        return estimator.is_proven or bool(self.settings.tone_estimators)

    def _without_unproven(self, estimates, estimators):
        """The estimates, without the groups of estimators that may not name any."""
        silent = [one.name for one in estimators if not self._may_name(one)]
        return estimates | {name: estimates[name].assign(group=None) for name in silent}

    def _write_counts(self, name, counts, title):
        """Write a table of counts with its totals, and draw it without."""
        write_csv(self.run / f"audit/{name}.csv", counts, index=True)
        inside = counts.drop(index="total", columns="total")
        save_figure(self.run, name, figures.counts_by_diagnosis(inside, title))

    def _count(self, catalog):
        people = tone_table(catalog)
        self._write_counts(
            "tone_by_diagnosis",
            people,
            "Photographs by diagnosis and tone group of the person",
        )
        sources = tone_sources(catalog)
        write_csv(self.run / "audit/tone_sources.csv", sources, index=True)
        print("\nPeople, by diagnosis and tone group (photographs)")
        print(people.to_string())
        print("\nWhere the tone group comes from")
        print(sources.to_string())

    def _judge_estimators(self, catalog, estimates, estimators):
        """Write how good each estimator is where people labelled."""
        told = [
            {"name": one.name, "worth": one.worth, "names": self._may_name(one)}
            for one in estimators
        ]
        for one in told:
            if not one["names"]:
                print(f"\n{one['name']} names no group: {NOT_PROVEN}")
        write_json(self.run / "audit/estimators.json", told)
        unseen = {one.name: ~one.learned_from(catalog) for one in estimators}
        scores = label_scores(catalog, estimates, unseen)
        if scores is not None:
            write_csv(self.run / "audit/label_scores.csv", scores)

    def _tell_of_rules(self, catalog, found):
        cross, counts = rule_disagreement(found["quadrant"], found["published"])
        write_csv(self.run / "audit/rule_disagreement.csv", cross, index=True)
        write_json(self.run / "audit/rule_disagreement.json", counts)
        casts = cast_sensitivity(
            catalog, self.settings.rule, self.settings.thresholds, N_UNDER_CASTS
        )
        write_csv(self.run / "audit/cast_sensitivity.csv", casts)
        save_figure(self.run, "rule_disagreement", figures.rule_disagreement(cross))

    def _draw(self, catalog):
        self._write_counts(
            "colour_by_diagnosis",
            colour_table(catalog),
            "Photographs by diagnosis and colour: no table of people",
        )
        images, captions = tone_sheet(catalog)
        sheet = figures.contact_sheet(images, captions, N_ON_SHEET)
        save_figure(self.run, "tone_sheet", sheet)


def _named(rules):
    return zip(RULES, rules, strict=True)


def tone_sources(catalog):
    """Count photographs by the source of the tone group.

    Args:
        catalog: `Catalog`.

    Returns:
        `pandas.DataFrame` of int: one row a source, such as "label on the scale
        milk10k, rater: not known"; columns light, medium, dark, unknown.
    """
    table = catalog.table
    source = table["tone_source"].fillna("nothing known")
    rater = table["skin_tone_rater"].fillna("not given")
    label = "label on the scale " + table["skin_tone_scale"] + ", rater: " + rater
    source = source.mask(source == LABELLED, label).rename("source")
    groups = table["tone_group"].fillna("unknown")
    counts = pd.crosstab(source.astype(str), groups.astype(str))
    return counts.reindex(columns=[*TONE_GROUPS, "unknown"], fill_value=0)


def label_scores(catalog, estimates, unseen):
    """Judge estimators where people labelled, by scale and type of photograph.

    Args:
        catalog: `Catalog`.
        estimates: Dict from the name of an estimator to its frame.
        unseen: Dict from a name to a bool array: the photographs that the estimator
            did not learn from; those not named learned from none.

    Returns:
        `pandas.DataFrame`, the rows of `tone_scores` with `estimator`, `scale` and
        `image_type` before them; None where too few were labelled.
    """
    table, tables = catalog.table, []
    table["image_type"] = table["image_type"].fillna("type not known")
    labelled = table["skin_tone_label"].notna()
    kinds = table[labelled].groupby(["skin_tone_scale", "image_type"], sort=True)
    for (scale, image_type), rows in kinds.groups.items():
        for name, frame in estimates.items():
            judged = rows[unseen.get(name, np.ones(len(table), bool))[rows]]
            if len(judged) < LEAST_LABELS or frame.loc[judged, "value"].isna().all():
                continue
            truth = ToneTruth.of(table.loc[judged], scale)
            scores = tone_scores(truth, frame.loc[judged].reset_index(), 200)
            scores.insert(0, "image_type", image_type)
            scores.insert(0, "scale", scale)
            scores.insert(0, "estimator", name)
            tables.append(scores)
    return pd.concat(tables, ignore_index=True) if tables else None


def tone_sheet(catalog, n_each=N_ON_SHEET, seed=0):
    """Some photographs of each tone group with their ITA, for a person to look at."""
    images, captions = [], []
    groups = catalog.table["tone_group"].fillna("unknown")
    for group in (*TONE_GROUPS, "unknown"):
        rows = catalog.where((groups == group).to_numpy(bool))
        table = rows.table
        chosen = table.sample(min(n_each, len(table)), random_state=seed).index
        for row in chosen:
            images.append(read_image(rows.paths[row]))
            ita = table["ita"][row]
            angle = "no ITA" if ita != ita else f"photograph's ITA {float(ita):.0f}°"
            captions.append(f"{group}\n{angle}")
    return images, captions

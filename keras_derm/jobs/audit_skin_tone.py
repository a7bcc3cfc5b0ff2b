"""Read an archive and measure the skin tones in it."""

from keras_derm.catalog import FITZPATRICK_TYPES, read_image
from keras_derm.files import write_csv, write_json
from keras_derm.readers import read_data_source
from keras_derm.report import figures, save_figure
from keras_derm.runs import Stage
from keras_derm.settings import AuditSkinToneSettings
from keras_derm.skin_tone import (
    audit_table,
    cast_sensitivity,
    describe_agreement,
    label_agreement,
    measure_by_rules,
    rule_disagreement,
)

N_ON_SHEET = 6
N_UNDER_CASTS = 60


class AuditSkinTone(Stage):
    """Read an archive, check every image, and measure the skin tones.

    Example:
        >>> run_stage("audit_skin_tone", "runs/first", data="phantom:n=200")
    """

    Settings = AuditSkinToneSettings
    writes = (
        "audit",
        "catalog.csv",
        "bad_images.csv",
        "figures/tone_by_diagnosis.png",
        "figures/rule_disagreement.png",
        "figures/tone_sheet.png",
    )

    def make(self):
        settings = self.settings
        catalog = read_data_source(settings.data, settings.skip_bad)
        if len(catalog.skipped):
            path = self.run / "bad_images.csv"
            write_csv(path, catalog.skipped)
            print(f"{len(catalog.skipped)} bad images left out: {path}")
        by_rule = measure_by_rules(catalog, thresholds=settings.thresholds)
        chosen, published = by_rule[settings.rule], by_rule["published"]
        catalog = catalog.with_columns(
            ita=chosen["ita"],
            ita_low=chosen["ita_low"],
            ita_high=chosen["ita_high"],
            ita_type=chosen["ita_type"],
            ita_reason=chosen["ita_reason"],
            contrast=chosen["contrast"],
            ita_type_published=published["ita_type"],
        )
        table = audit_table(catalog)
        cross, counts = rule_disagreement(by_rule["quadrant"], published)
        write_csv(self.run / "audit/tone_by_diagnosis.csv", table, index=True)
        write_csv(self.run / "audit/rule_disagreement.csv", cross, index=True)
        write_json(self.run / "audit/rule_disagreement.json", counts)
        casts = cast_sensitivity(
            catalog, settings.rule, settings.thresholds, N_UNDER_CASTS
        )
        write_csv(self.run / "audit/cast_sensitivity.csv", casts)
        self._compare_with_labels(catalog)
        self._draw(catalog, table, cross)
        catalog.save(self.run.audited_catalog)
        catalog.save(self.run.catalog_file)
        print(table.to_string())

    def _compare_with_labels(self, catalog):
        labels = catalog.table["skin_tone_label"]
        if not labels.isin(FITZPATRICK_TYPES).any():
            return
        cross, agreement = label_agreement(labels, catalog.table["ita_type"])
        write_csv(self.run / "audit/label_agreement.csv", cross, index=True)
        write_json(self.run / "audit/label_agreement.json", agreement)
        print(describe_agreement(agreement))

    def _draw(self, catalog, table, cross):
        counts = table.drop(index="total", columns="total")
        save_figure(self.run, "tone_by_diagnosis", figures.tone_by_diagnosis(counts))
        save_figure(self.run, "rule_disagreement", figures.rule_disagreement(cross))
        images, captions = tone_sheet(catalog)
        sheet = figures.contact_sheet(images, captions, N_ON_SHEET)
        save_figure(self.run, "tone_sheet", sheet)


def tone_sheet(catalog, n_each=N_ON_SHEET, seed=0):
    """Some photographs of each tone with their ITA, for a person to look at."""
    images, captions = [], []
    for tone in (*FITZPATRICK_TYPES, "undetermined"):
        rows = catalog.where(ita_type=tone)
        table = rows.table
        chosen = table.sample(min(n_each, len(table)), random_state=seed).index
        for row in chosen:
            images.append(read_image(rows.paths[row]))
            ita = table["ita"][row]
            angle = "no ITA" if ita != ita else f"ITA {float(ita):.0f}°"
            captions.append(f"{tone}\n{angle}")
    return images, captions

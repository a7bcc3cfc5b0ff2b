"""Job: read an archive and measure the skin tones in it."""

from typing import Literal

from keras_derm.runs import RunDirectory

N_ON_SHEET = 6
N_UNDER_CASTS = 60


def audit_skin_tone(
    run: str,
    data: str,
    rule: Literal["quadrant", "published"] = "quadrant",
    thresholds: Literal["del_bino", "kinyanjui", "groh"] = "del_bino",
    skip_bad: bool = False,
):
    """Read an archive, check every image, and measure the apparent skin tone (ITA).

    Writes catalog.csv, the table of diagnosis by tone (audit/tone_by_diagnosis.csv),
    what the two rules disagree on (audit/rule_disagreement.csv), how far a small
    colour cast moves the tone (audit/cast_sensitivity.csv), where people labelled
    tones how far the estimate agrees with them (audit/label_agreement.csv), and
    figures.

    Args:
        run: Run directory to write.
        data: Data source READER:PATH, such as ham10000:/data/HAM10000 or
            phantom:n=2000,seed=7.
        rule: How tone is measured: quadrant is ours, published that of the
            lora_diffusion paper. Both are measured; this one is used.
        thresholds: Table of ITA limits between the types I to VI.
        skip_bad: Go on without images that cannot be read; they are listed in
            bad_images.csv.
    """
    settings = {
        "data": data,
        "rule": rule,
        "thresholds": thresholds,
        "skip_bad": skip_bad,
    }
    run = RunDirectory(run)
    with run.stage("audit", settings, folders=["audit"]) as todo:
        if todo:
            _audit(run, **settings)


def _audit(run, data, rule, thresholds, skip_bad):
    from keras_derm.files import write_csv, write_json
    from keras_derm.readers import read_data_source
    from keras_derm.skin_tone import (
        audit_table,
        cast_sensitivity,
        measure_by_rules,
        rule_disagreement,
    )

    catalog = read_data_source(data, skip_bad)
    (run / "bad_images.csv").unlink(missing_ok=True)
    if len(catalog.skipped):
        write_csv(run / "bad_images.csv", catalog.skipped)
        print(f"{len(catalog.skipped)} bad images left out: {run / 'bad_images.csv'}")
    by_rule = measure_by_rules(catalog, thresholds=thresholds)
    chosen = by_rule[rule]
    catalog = catalog.with_columns(
        ita=chosen["ita"],
        ita_low=chosen["ita_low"],
        ita_high=chosen["ita_high"],
        skin_tone=chosen["skin_tone"],
        skin_tone_reason=chosen["reason"],
        contrast=chosen["contrast"],
        ita_tone=chosen["ita_tone"],
        ita_tone_published=by_rule["published"]["ita_tone"],
    )
    cross, counts = rule_disagreement(by_rule["quadrant"], by_rule["published"])
    write_csv(run / "audit/tone_by_diagnosis.csv", audit_table(catalog), index=True)
    write_csv(run / "audit/rule_disagreement.csv", cross, index=True)
    write_json(run / "audit/rule_disagreement.json", counts)
    casts = cast_sensitivity(catalog, rule, thresholds, N_UNDER_CASTS)
    write_csv(run / "audit/cast_sensitivity.csv", casts)
    _compare_with_labels(run, catalog)
    _figures(run, catalog, cross)
    catalog.save(run / "catalog.csv")
    print(audit_table(catalog).to_string())


def _compare_with_labels(run, catalog):
    from keras_derm.catalog import SKIN_TONES
    from keras_derm.files import write_csv, write_json
    from keras_derm.skin_tone import label_agreement

    labels = catalog.table["fitzpatrick_skin_type"]
    if not labels.isin(SKIN_TONES).any():
        return
    cross, agreement = label_agreement(labels, catalog.table["ita_tone"])
    write_csv(run / "audit/label_agreement.csv", cross, index=True)
    write_json(run / "audit/label_agreement.json", agreement)
    print(describe_agreement(agreement))


def describe_agreement(agreement):
    """Say how often ITA agrees with people's labels; figures as `label_agreement`."""
    said = f"People labelled {agreement['labelled']:,} images. "
    if not agreement["both"]:
        return said + "None of these could be measured."
    return said + (
        f"Of the {agreement['both']:,} that could be measured, ITA gives the same type "
        f"in {agreement['exact']:.0%} and is within one type in "
        f"{agreement['within_one']:.0%}."
    )


def _figures(run, catalog, cross):
    from keras_derm.jobs.figure_files import save_figure
    from keras_derm.report import figures
    from keras_derm.skin_tone import audit_table

    counts = audit_table(catalog)
    counts = counts.drop(index="total", columns="total")
    save_figure(run, "tone_by_diagnosis", figures.tone_by_diagnosis(counts))
    save_figure(run, "rule_disagreement", figures.rule_disagreement(cross))
    images, captions = tone_sheet(catalog)
    save_figure(run, "tone_sheet", figures.contact_sheet(images, captions, N_ON_SHEET))


def tone_sheet(catalog, n_each=N_ON_SHEET, seed=0):
    """Some photographs of each tone with their ITA, for a person to look at."""
    from keras_derm.catalog import SKIN_TONES, read_image

    images, captions = [], []
    for tone in (*SKIN_TONES, "undetermined"):
        rows = catalog.where(skin_tone=tone)
        table = rows.table
        chosen = table.sample(min(n_each, len(table)), random_state=seed).index
        for row in chosen:
            images.append(read_image(rows.paths[row]))
            ita = table["ita"][row]
            angle = "no ITA" if ita != ita else f"ITA {float(ita):.0f}°"
            captions.append(f"{tone}\n{angle}")
    return images, captions

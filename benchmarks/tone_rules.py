"""The two rules of ITA on an archive, and a sheet of all photographs called V or VI.

Usage: python benchmarks/tone_rules.py --data ham10000:PATH
"""

from pathlib import Path

from jsonargparse import auto_cli

from keras_derm.catalog import read_image
from keras_derm.readers import read_data_source
from keras_derm.report import figures
from keras_derm.skin_tone import measure_by_rules, rule_disagreement

N_ON_SHEET = 60


def main(
    data: str = "phantom:n=300,seed=7,size=224,tones=balanced",
    sheet: str = "runs/dark_tones.png",
) -> None:
    """Measure every image by both rules.

    Args:
        data: Data source READER:PATH.
        sheet: Picture to write: the images that our rule calls V or VI, darkest
            first, at most 60.
    """
    catalog = read_data_source(data)
    by_rule = measure_by_rules(catalog)
    ours, published = by_rule["quadrant"], by_rule["published"]
    table, counts = rule_disagreement(ours, published)
    print(table.to_string())
    for name, count in counts.items():
        print(f"{name:28s} {count:6d}")
    dark = ours[ours["ita_type"].isin(["V", "VI"])].sort_values("ita")[:N_ON_SHEET]
    paths = dict(zip(catalog.table.index, catalog.paths, strict=True))
    images = [read_image(paths[row]) for row in dark.index]
    captions = [
        f"{tone}  ITA {ita:.0f}°\nL* {lightness:.0f}  b* {b:.0f}"
        for tone, ita, lightness, b in dark[
            ["ita_type", "ita", "lightness", "b"]
        ].itertuples(index=False)
    ]
    if images:
        Path(sheet).parent.mkdir(parents=True, exist_ok=True)
        figures.contact_sheet(images, captions, 8).savefig(sheet, dpi=110)
        print(f"{len(images)} images called V or VI: {Path(sheet).absolute()}")


if __name__ == "__main__":
    auto_cli(main)

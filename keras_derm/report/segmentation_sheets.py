"""Pictures of what segmenters found: the best, the worst, and those hard to see."""

from keras_derm.catalog import read_image
from keras_derm.lesion_finders.drawing import (
    FOUND_COLOUR,
    OTHER_COLOUR,
    TRUE_COLOUR,
    outlined,
)
from keras_derm.photographs import read_mask
from keras_derm.report import figures

N_SHOWN = 12


def segmentation_sheets(scores, outlines, shown):
    """Draw the photographs of most and of least Dice, and the most unsure ones.

    Args:
        scores: Frame with `isic_id`, `finder`, `dice`, `entropy`.
        outlines: Dict from `isic_id` to the photograph's file, the mask's file, and a
            dict from the name of a finder to its mask.
        shown: Names of the finder whose outlines are drawn (orange), over those of
            another (black), both over the truth (blue).

    Yields:
        Name of a sheet and its `Figure`.
    """
    own = scores[scores["finder"] == shown[0]].dropna(subset=["dice"])
    sheets = {
        "worst": own.sort_values("dice"),
        "best": own.sort_values("dice", ascending=False),
        "unsure": own.sort_values("entropy", ascending=False),
    }
    for name, rows in sheets.items():
        rows = rows.head(N_SHOWN)
        if len(rows):
            pictures = [_picture(outlines[i], shown) for i in rows["isic_id"]]
            captions = [f"{r.isic_id}\nDice {r.dice:.2f}" for r in rows.itertuples()]
            yield name, figures.contact_sheet(pictures, captions, 4)


def _picture(outline, shown):
    path, mask, found = outline
    image, truth = read_image(path), read_mask(mask, path)
    same = {name: own for name, own in found.items() if own.shape == truth.shape}
    return outlined(
        image,
        {
            OTHER_COLOUR: same.get(shown[1]),
            TRUE_COLOUR: truth,
            FOUND_COLOUR: same.get(shown[0]),
        },
    )

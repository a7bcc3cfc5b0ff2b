"""Tones that readers named, as labels that any catalog takes."""

import pandas as pd

from keras_derm.reader_study.questions import CANNOT_SAY, TONE
from keras_derm.reader_study.series import FIRST, REAL


def labelled_catalog(answers, catalog, scale, study):
    """The photographs with the label of the skin tone that readers gave them.

    Of several readers' labels it is the middle one; of two middle ones the lighter. An
    earlier label, and the tone group that came with it, is replaced.

    Args:
        answers: Table of `read_answers`.
        catalog: `Catalog` of the photographs.
        scale: Scale of the answers, a name of `SKIN_TONE_SCALES`.
        study: `Study`.

    Returns:
        `Catalog` of the photographs that a reader gave a label, with
        `skin_tone_label`, `skin_tone_scale`, `skin_tone_rater` (which study, how many
        readers), `tone_group`, and `skin_tone_labels`: all that were given.
    """
    (question,) = [one for one in study.questions if one["name"] == TONE]
    order = [option["value"] for option in question["options"]]
    given = answers[
        answers["question"].eq(TONE)
        & answers["kind"].eq(REAL)
        & answers["showing"].eq(FIRST)
        & answers["value"].ne(CANNOT_SAY)
    ]
    labels = given.groupby("isic_id")["value"].agg(list)
    found = catalog.where(isic_id=list(labels.index))
    labels = labels.reindex(found.table["isic_id"])
    counts = labels.map(len)
    return found.with_columns(
        skin_tone_label=[middle_label(each, order) for each in labels],
        skin_tone_scale=scale,
        skin_tone_rater=[
            f"reader study {study.name}, {n} reader{'s' * (n > 1)}" for n in counts
        ],
        skin_tone_labels=[" ".join(each) for each in labels],
        tone_group=pd.NA,
        tone_source=pd.NA,
    )


def middle_label(labels, order):
    """The median of labels; of two middle ones the lighter.

    Args:
        labels: Labels, one or more.
        order: All labels, the lightest first.
    """
    ranks = sorted(map(order.index, labels))
    return order[ranks[(len(ranks) - 1) // 2]]

"""Model card beside a saved model."""

import pandas as pd

from keras_derm.files import write_text
from keras_derm.report.html import Table

SECTIONS = (
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
)
NOT_A_DEVICE = (
    "Research use only. Not a medical device: not for diagnosis, triage or treatment "
    "of anyone."
)
NOT_STATED = "Not stated."


def write_model_card(
    path,
    name,
    model_details=None,
    intended_use=None,
    factors=None,
    metrics=None,
    evaluation_data=None,
    training_data=None,
    quantitative_analyses=None,
    ethical_considerations=None,
    caveats_and_recommendations=None,
):
    """Write a model card in Markdown with the nine sections of Mitchell et al.

    A section that is not given says "Not stated.", so that the gap shows.

    Args:
        path: Where the card shall lie, for instance `model_card.md`.
        name: Name of the model.
        model_details: Who made it, when, architecture, version, licence, input and
            the class-index map. This and every further section: a text in Markdown,
            a `dict` (a list of terms), a `pandas.DataFrame` (a table), or a
            sequence of these.
        intended_use: Uses and users it was made for, and uses it was not. That it
            is no medical device is always written.
        factors: Groups and conditions over which it may differ: tone of skin
            and who gave it, diagnosis, camera.
        metrics: What was measured, at which thresholds, with which intervals.
        evaluation_data: The real images it was judged on.
        training_data: What it learned from, real and synthetic apart.
        quantitative_analyses: The figures, overall and per group with n.
        ethical_considerations: Risks and harms.
        caveats_and_recommendations: What else a user must know.

    Returns:
        The text of the card.

    Raises:
        TypeError: If a section is none of the kinds above.

    Reference:
        - [Mitchell et al., 2019](https://arxiv.org/abs/1810.03993)
    """
    contents = (
        model_details,
        [NOT_A_DEVICE] + ([] if intended_use is None else [intended_use]),
        factors,
        metrics,
        evaluation_data,
        training_data,
        quantitative_analyses,
        ethical_considerations,
        caveats_and_recommendations,
    )
    parts = [f"# Model card: {name}"]
    for title, content in zip(SECTIONS, contents, strict=True):
        body = NOT_STATED if content is None else _markdown(content, title)
        parts.append(f"## {title}\n\n{body or NOT_STATED}")
    text = "\n\n".join(parts) + "\n"
    write_text(path, text)
    return text


def _markdown(content, title):
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, dict):
        return "\n".join(f"- **{term}**: {value}" for term, value in content.items())
    if isinstance(content, pd.DataFrame):
        return _markdown_table(content)
    if isinstance(content, (list, tuple)):
        return "\n\n".join(_markdown(part, title) for part in content)
    raise TypeError(
        f"Section {title!r} must be a text, a dict, a DataFrame or a sequence of "
        f"these. Received: {type(content).__name__}"
    )


def _markdown_table(frame):
    table = Table(frame, "")
    rules = ["---:" if numeric else "---" for numeric in table.numeric]
    lines = [table.header, rules, *table.rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"
        for line in lines
    )

"""Sections of the report: `section(run)` each, None where there is nothing to say."""

from keras_derm.report.sections import (
    audit,
    counterfactual_tone,
    explanation,
    export,
    feature_map,
    generator,
    group_gaps,
    image_quality,
    judgement,
    preparation,
    reader_study,
    segmentation,
    subgroups,
    synthesis,
    thresholds,
    training,
)

SECTIONS = (
    audit.section,
    preparation.section,
    generator.section,
    synthesis.section,
    image_quality.section,
    reader_study.section,
    training.section,
    judgement.section,
    subgroups.section,
    group_gaps.section,
    thresholds.section,
    segmentation.section,
    explanation.section,
    counterfactual_tone.section,
    feature_map.section,
    export.section,
)
"""In reading order."""

"""Settings of the judgement of segmenters."""

from dataclasses import dataclass
from typing import Literal

from keras_derm.settings.kinds import Count, Seed, limited
from keras_derm.settings.stage import StageSettings

Rule = Literal["otsu", "rule", "max_flow"]


@dataclass(frozen=True)
class EvaluateSegmenterSettings(StageSettings, stage="evaluate_segmenter"):
    """Judge all segmenters of a run on the real test photographs, beside rules.

    Every mask is held against that of the archive at the size of the photograph.
    Writes segmentation/scores.csv (each photograph), segmentation/summary.csv (means
    with 95 % intervals by lesion, overall and by image type, diagnosis, tone group,
    contrast, colour of the photograph), segmentation/differences.csv (paired, from the
    reference), figures, and a card beside each exported segmenter.

    Args:
        reference: Arm that the others are compared with; the first one where it was
            not trained.
        rules: Finders that learn nothing and are judged too: otsu, the darker class of
            Otsu's threshold; rule, what is used where there is no network; max_flow,
            the benchmark of lora_diffusion, which needs the extra max_flow.
        n_photographs: Number of test photographs, drawn at random; by default all.
        n_timed: Photographs by which milliseconds an image are measured.
        n_replicates: Bootstrap replicates; lesions (or patients) are drawn.
        seed: Seed of the bootstrap.

    Example:
        >>> EvaluateSegmenterSettings(rules=("otsu",))
    """

    reference: str = "baseline"
    rules: tuple[Rule, ...] = ("otsu", "rule")
    n_photographs: int | None = limited(Count | None, None)
    n_timed: int = limited(Count, 20)
    n_replicates: int = limited(Count, 1000)
    seed: int = limited(Seed, 0)

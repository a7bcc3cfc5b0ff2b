"""Settings of the scoring of a reader study."""

from dataclasses import dataclass

from keras_derm.settings.kinds import Count, Seed, Share, limited
from keras_derm.settings.stage import StageSettings


@dataclass(frozen=True)
class ScoreReaderStudySettings(StageSettings, stage="score_reader_study"):
    """Score the answers of a reader study.

    Args:
        answers: Files of answers.
        least_checks_passed: Readers who passed a smaller share of the checks of
            attention are left out.
        n_replicates: Bootstrap replicates of the measures of agreement.
        seed: Seed of the bootstrap.

    Example:
        >>> ScoreReaderStudySettings(answers=["KTB.json", "RVW.json"])
    """

    answers: tuple[str, ...] = ()
    least_checks_passed: float = limited(Share, 0.0)
    n_replicates: int = limited(Count, 200)
    seed: int = limited(Seed, 0)

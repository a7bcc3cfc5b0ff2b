"""What the settings of trainings that several machines do together have in common."""

from dataclasses import dataclass, field

from keras_derm.settings.kinds import ClusterPlace, Count
from keras_derm.settings.settings import SettingsError


@dataclass(frozen=True)
class TrainsTogether:
    """Settings with fields `cluster` and `n_workers`: who trains.

    Args:
        cluster: Where the workers are started: local, on a Ray cluster of this machine
            alone; or the address of a cluster.
        n_workers: Workers that train together; 1 is this process, without Ray.

    Example:
        >>> TrainClassifierSettings(cluster="10.0.0.1:6379", n_workers=4).n_workers
        4
    """

    cluster: str = field(
        default="none", compare=False, kw_only=True, metadata={"kind": ClusterPlace}
    )
    n_workers: int = field(
        default=1, compare=False, kw_only=True, metadata={"kind": Count}
    )

    def check_workers(self) -> None:
        """Refuse several workers without a cluster, and a cluster without these."""
        if (self.n_workers > 1) != (self.cluster != "none"):
            raise SettingsError(
                "`n_workers` that train together need a Ray cluster that starts them, "
                "and it needs them: --cluster local --n_workers 2, or neither. "
                f"Received: n_workers={self.n_workers}, cluster={self.cluster!r}"
            )

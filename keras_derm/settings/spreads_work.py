"""What the settings of stages that spread their work over machines have in common."""

from dataclasses import dataclass, field

from keras_derm.settings.kinds import ClusterPlace


@dataclass(frozen=True)
class SpreadsWork:
    """Settings with a field `cluster`: where the work on every photograph is done.

    Args:
        cluster: none for the processors of this machine, without Ray; local for a Ray
            cluster of this machine alone; or the address of a cluster. It changes no
            result.

    Example:
        >>> AuditSkinToneSettings(data="phantom:n=200", cluster="local").cluster
        'local'
    """

    cluster: str = field(
        default="none", compare=False, kw_only=True, metadata={"kind": ClusterPlace}
    )

"""What the settings of stages that are done once for every arm have in common."""

import re

from keras_derm.settings.settings import SettingsError

ARMS = ("baseline", "augmented")
"""Arms that every recipe trains; the first is what the others are compared with."""


class OfAnArm:
    """Settings of a stage with the fields `arm`, its name, and `adds`.

    Example:
        >>> TrainSegmenterSettings(arm="augmented").added
        'synthetic'
    """

    stage: str
    arm: str
    adds: str | None

    @property
    def record(self) -> str:
        """What the stage is called in a run."""
        return f"{self.stage}.{self.arm}"

    @property
    def added(self) -> str:
        """What the arm has besides the real images."""
        usual = "synthetic" if self.arm == ARMS[1] else "nothing"
        return self.adds or usual

    def check_name(self, reserved: tuple[str, ...] = ()) -> None:
        """Refuse what is no plain name, or one that means something else.

        Raises:
            SettingsError: It is so.
        """
        if not re.fullmatch(r"[\w-]+", self.arm) or self.arm in reserved:
            other = f", other than {' and '.join(reserved)}" if reserved else ""
            raise SettingsError(
                f"`arm` must be a plain name of letters, digits, _ and -{other}. "
                f"Received: {self.arm!r}"
            )

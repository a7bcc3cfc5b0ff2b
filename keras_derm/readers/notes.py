"""What readers leave out or do not know: said at once, and kept for the audit."""

import contextlib
import contextvars
import dataclasses
import sys
import warnings

_heard = contextvars.ContextVar("what the readers said", default=None)


@dataclasses.dataclass
class Heard:
    """What readers said and took.

    Attributes:
        said: Sentences.
        taken: dict of archive root -> absolute paths of the photographs in its tables.

    Example:
        >>> with listening() as heard:
        ...     catalog = read("/data/HAM10000")
        >>> heard.said
        ['2 column(s) of the tables are not read: dx_note, camera']
    """

    said: list = dataclasses.field(default_factory=list)
    taken: dict = dataclasses.field(default_factory=dict)


@contextlib.contextmanager
def listening():
    """Keep what readers say meanwhile.

    Yields:
        `Heard`, which grows.
    """
    token = _heard.set(Heard())
    try:
        yield _heard.get()
    finally:
        _heard.reset(token)


def take(root, paths):
    """Keep which photographs under a root are in the tables of the archive."""
    heard = _heard.get()
    if heard is not None:
        heard.taken.setdefault(root, set()).update(paths)


def note(sentence):
    """Say something of an archive that a user will want to find in the audit."""
    if _keep(sentence):
        print(sentence)


def _keep(sentence):
    """Whether somebody listens who has not heard it yet."""
    heard = _heard.get()
    if heard is None or sentence in heard.said:
        return False
    heard.said.append(sentence)
    return True


def warn(sentence):
    """As `note`, and warn whoever called the readers, however deep it is noticed."""
    _keep(sentence)
    level, frame = 1, sys._getframe(0)
    while frame and frame.f_globals["__name__"].startswith("keras_derm.readers"):
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, UserWarning, stacklevel=level)

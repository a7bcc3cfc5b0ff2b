"""Our docstrings' `Example:` is the section that Google style calls `Examples:`."""

import re

import griffe


class DocstringSections(griffe.Extension):
    """Let the parser see the section as what it is, so that code is shown as code."""

    def on_object(self, *, obj, **kwargs):
        """Rename the heading in the docstring of every object that has one."""
        if obj.docstring:
            obj.docstring.value = re.sub(
                r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE
            )

"""What holds of the whole package."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "keras_derm"


def test_every_public_class_shows_how_it_is_used():
    without = [
        f"{path.relative_to(PACKAGE)}: {node.name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and "Example" not in (ast.get_docstring(node) or "")
    ]
    assert without == []

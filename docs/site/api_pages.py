"""Pages of the API reference: one for each room of keras_derm, read from its sources.

A room's public names are those in `__all__` of its `__init__.py`, those of a module of
the package itself all without underscore. Nothing is imported.
"""

import ast
from pathlib import Path

from mkdocs.structure.files import File

PACKAGE = "keras_derm"


def on_config(config):
    """Put the pages at the end of the navigation."""
    pages = [{room: page_path(room)} for room in rooms(config)]
    config.nav.append({"API reference": [{"Rooms": "api/index.md"}, *pages]})
    return config


def on_files(files, config):
    """Add the pages, and one that lists them."""
    listed = []
    for room, init in rooms(config).items():
        module = ast.parse(init.read_text(encoding="utf-8"))
        text = page(room, public_names(module))
        files.append(File.generated(config, page_path(room), content=text))
        summary = (ast.get_docstring(module) or "").partition("\n")[0]
        listed.append(f"- [`{room}`]({Path(page_path(room)).name}): {summary}")
    index = "# API reference\n\nThe public names of each room.\n\n" + "\n".join(listed)
    files.append(File.generated(config, "api/index.md", content=index))
    return files


def rooms(config):
    """The source of every room and module that has public names, by its name."""
    root = Path(config.config_file_path).parent
    sources = [
        *sorted((root / PACKAGE).glob("[!_]*.py")),
        *sorted((root / PACKAGE).rglob("*/__init__.py")),
    ]
    return {
        ".".join(source.relative_to(root).with_suffix("").parts).removesuffix(
            ".__init__"
        ): source
        for source in sources
        if source.name != "__init__.py" or "__all__" in source.read_text()
    }


def page_path(room):
    """Where the page of a room lies."""
    return f"api/{room.removeprefix(PACKAGE + '.')}.md"


def public_names(module):
    """Where each name of `__all__` is defined.

    Args:
        module: `ast.Module` of an `__init__.py`.

    Returns:
        dict from the name to the submodule that `_LOADED_LATER` gives for it, or to
        None where the module itself imports or defines it; empty without `__all__`.
    """
    values = {
        target.id: ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("__all__", "_LOADED_LATER")
    }
    later = values.get("_LOADED_LATER", {})
    return {name: later.get(name) for name in values.get("__all__", ())}


def page(room, names):
    """Markdown of a room's page, with directives for mkdocstrings."""
    here = [name for name, submodule in names.items() if submodule is None]
    only = f"\n    options:\n      members: {here}" if names else ""
    parts = [f"# {room}", f"::: {room}{only}"]
    parts += [
        f"::: {room}.{submodule}.{name}\n    options:\n      show_root_heading: true"
        for name, submodule in names.items()
        if submodule is not None
    ]
    return "\n\n".join(parts) + "\n"

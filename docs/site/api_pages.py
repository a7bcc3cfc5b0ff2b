"""Pages of the API reference: one for each room of keras_derm, read from its sources.

A room's public names are those in `__all__` of its `__init__.py`; of a module of the
package itself, its functions and classes without underscore. A name that several give
stands on the first page alone. Nothing is imported.
"""

import ast
from pathlib import Path

from mkdocs.structure.files import File

PACKAGE = "keras_derm"


def on_config(config):
    """Put the pages at the end of the navigation."""
    pages = [{room: page_path(room)} for room in reference(config)]
    config.nav.append({"API reference": [{"Rooms": "api/index.md"}, *pages]})
    return config


def on_files(files, config):
    """Add the pages, and one that lists them."""
    listed = []
    for room, (docstring, paths) in reference(config).items():
        directives = [f"::: {path}" for path in paths]
        text = "\n\n".join([f"# {room}", docstring, *directives])
        files.append(File.generated(config, page_path(room), content=text))
        summary = docstring.partition("\n")[0]
        listed.append(f"- [`{room}`]({Path(page_path(room)).name}): {summary}")
    index = "# API reference\n\nThe public names of each room.\n\n" + "\n".join(listed)
    files.append(File.generated(config, "api/index.md", content=index))
    return files


def page_path(room):
    """Where the page of a room lies."""
    return f"api/{room.removeprefix(PACKAGE + '.')}.md"


def reference(config):
    """What there is to show.

    Returns:
        dict from the name of a room or module to its docstring and the paths of what
        its public names name, such as `"keras_derm.layers.clahe.CLAHE"`.
    """
    root = Path(config.config_file_path).parent / PACKAGE
    sources = [*sorted(root.rglob("*/__init__.py")), *sorted(root.glob("[!_]*.py"))]
    shown, rooms = set(), {}
    for source in sources:
        parts = source.relative_to(root.parent).with_suffix("").parts
        room = ".".join(parts).removesuffix(".__init__")
        module = ast.parse(source.read_text(encoding="utf-8"))
        paths = [path for path in public_paths(room, module) if path not in shown]
        shown.update(paths)
        if paths:
            rooms[room] = (ast.get_docstring(module) or "", paths)
    return rooms


def public_paths(room, module):
    """Where the public names of a module are defined.

    Args:
        room: Name of the module.
        module: Its `ast.Module`.

    Returns:
        List of str.
    """
    imported, values, defined = {}, {}, []
    # `jobs` imports its names for readers alone, and those who use them later.
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            imported |= {each.name: node.module for each in node.names}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = node.value
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.append(node.name)
    # `export` imports these when they are first used.
    if "_LOADED_LATER" in values:
        later = ast.literal_eval(values["_LOADED_LATER"])
        imported |= {name: f"{room}.{part}" for name, part in later.items()}
    public = [name for name in defined if not name.startswith("_")]
    names = ast.literal_eval(values["__all__"]) if "__all__" in values else public
    return [f"{imported.get(name, room)}.{name}" for name in names]

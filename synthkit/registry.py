"""A room is a package, a plugin is a file, and the file's name is the plugin's name.

`names("synthkit.generate")` lists what a room offers without importing any of it, so that
`synthkit list` loads no heavy library. Third parties add plugins by entry points in the group of
the room's name (`[project.entry-points."synthkit.generate"]`); a name of our own wins a clash.
Files that start with an underscore, and those a room lists in `NOT_PLUGINS`, are not plugins.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.metadata
import importlib.util
from pathlib import Path
from types import ModuleType

from synthkit.errors import InputError

_KINDS = {"synthkit.generate": "generator", "synthkit.gate.rules": "policy rule"}


def _folder(package: str) -> Path:
    """Returns the folder of `package` without importing the package's plugins."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"There is no room named {package}.", hint="This is a fault of synthkit.")
    return Path(next(iter(spec.submodule_search_locations)))


def _not_plugins(folder: Path) -> frozenset[str]:
    """Reads the literal `NOT_PLUGINS = (...)` of a room's `__init__.py`."""
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "NOT_PLUGINS" for t in node.targets
        ):
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


def names(package: str) -> tuple[str, ...]:
    """Lists the plugin names of a room, sorted, importing none of them.

    Args:
        package: Dotted name of the room, for example `synthkit.generate`.
    """
    folder = _folder(package)
    hidden = _not_plugins(folder)
    own = {
        p.stem for p in folder.glob("*.py") if not p.stem.startswith("_") and p.stem not in hidden
    }
    foreign = {e.name for e in importlib.metadata.entry_points(group=package)}
    return tuple(sorted(own | foreign))


def summary(package: str, name: str) -> str:
    """Returns the first line of a plugin's module docstring, read as text."""
    path = _folder(package) / f"{name}.py"
    if not path.exists():
        return "(from another package)"
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return doc.partition("\n")[0].strip()


def load(package: str, name: str) -> ModuleType:
    """Imports one plugin of a room.

    Raises:
        InputError: If the room has no such plugin; the hint names the nearest ones.
    """
    known = names(package)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        meant = f"Did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"There is no {_KINDS.get(package, package + ' plugin')} named {name!r}.",
            hint=f"{meant}Available: {', '.join(known)}.",
        )
    if (_folder(package) / f"{name}.py").exists():
        return importlib.import_module(f"{package}.{name}")
    for entry in importlib.metadata.entry_points(group=package, name=name):
        module = entry.load()
        if isinstance(module, ModuleType):
            return module
    raise InputError(
        f"The plugin {name!r} of {package} does not name a module.",
        hint="Its entry point must point at a module, as a file in the room is one.",
    )

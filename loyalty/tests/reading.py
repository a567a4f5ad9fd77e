"""The project's own source as the house-rules tests read it: files, syntax trees, doors."""

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
APPS = ("loyalty", "members", "rewards", "campaigns")
NOT_OURS = {".git", ".venv", ".venv-postgresql", "var", "__pycache__", "vendor", ".hypothesis"}
# Doors, as are modules called ..._api, ..._views and ..._desk (pages of the admin): where a request, a click, a command line or a nudge comes in (docs/architecture.md).
DOOR_NAMES = {"api", "views", "admin", "tasks"}
# Doors too, but each the only one of its kind.
ODD_DOORS = {
    "loyalty/pos/doors.py",  # the frame around every API door
    "loyalty/middleware.py",
    "loyalty/health.py",
    "loyalty/demonstration.py",
    "campaigns/dashboard.py",
    "campaigns/standing.py",  # the second half of the campaigns' admin
    "campaigns/deeds.py",  # and its deeds
    "campaigns/showing.py",  # and its columns and filters
    "campaigns/trying.py",  # and its page to try a basket
}
# These are about the machine's own time, not the program's: signs of life of a running job, when a letter really went
# out, a session left alone.
CLOCK_READERS = {
    "loyalty/jobs/running.py",
    "loyalty/mail/delivery.py",
    "loyalty/mail/handing_on.py",
    "loyalty/mail/webhooks.py",
    "loyalty/mail/demo.py",
    "loyalty/desk/sessions.py",
}


@cache
def project_files() -> tuple[Path, ...]:
    """Every file of the project: not of its environment, its data or somebody else's code kept in it."""
    found = []
    for folder, inner, names in os.walk(TOP):
        inner[:] = [name for name in inner if name not in NOT_OURS and not name.endswith("_cache")]
        found += [Path(folder) / name for name in names]
    return tuple(sorted(found))


def shown(path: Path) -> str:
    """The path as people write it: from the top of the repository."""
    return path.relative_to(TOP).as_posix()


@cache
def modules() -> tuple[Path, ...]:
    """Every Python module of the four floors that is neither a migration nor a test."""
    found = (p for p in project_files() if p.suffix == ".py" and p.relative_to(TOP).parts[0] in APPS)
    return tuple(p for p in found if not {"migrations", "tests"} & set(p.relative_to(TOP).parts))


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def is_command(path: Path) -> bool:
    """Whether the module is a management command."""
    return "management" in path.relative_to(TOP).parts


def is_door(path: Path) -> bool:
    """Whether the module is a door: there a request, a command line or a nudge comes in."""
    name = path.relative_to(TOP)
    return (
        name.stem in DOOR_NAMES
        or name.stem.endswith(("_api", "_views", "_desk"))
        or bool(DOOR_NAMES & set(name.parts[:-1]))
        or is_command(path)
        or name.as_posix() in ODD_DOORS
    )


def may_read_the_clock(path: Path) -> bool:
    """Doors, the forms that belong to them, and the few that are about the machine's own time."""
    return is_door(path) or path.stem == "forms" or shown(path) in CLOCK_READERS


def calls(path: Path) -> Iterator[ast.Call]:
    """Every call in a module."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method in a module."""
    return (n for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))

"""What the documents name is there: links, functions, files, figures, commands, settings."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.utils.module_loading import import_string

from campaigns.figures import FIGURES
from loyalty.tests import reading

PAGES = [path for path in reading.project_files() if path.suffix == ".md"]
LINK = re.compile(r"""(?:\]\(|src=")(?!https?:|mailto:|#)([^)"#]+)""")
NAME = re.compile(r"`((?!\w+\.example)(?:loyalty|members|rewards|campaigns)(?:\.[A-Za-z_]\w*)+)(?:\([^`]*\))?`")
FILE = re.compile(r"`((?:loyalty|members|rewards|campaigns|templates|docs|bench)/[\w./-]+\.\w+)`")
COMMAND = re.compile(r"manage\.py (\w+)")
SETTING = re.compile(r"`(SETIA_\w+)`")


@pytest.mark.parametrize("document", PAGES, ids=reading.shown)
def test_a_document_names_only_what_is_there(document: Path):
    text = document.read_text(encoding="utf-8")
    wrong = [f"link {to}" for to in LINK.findall(text) if not (document.parent / to).exists()]
    wrong += [f"name {name}" for name in NAME.findall(text) if not is_there(name)]
    wrong += [f"file {name}" for name in FILE.findall(text) if not (reading.TOP / name).exists()]
    wrong += [f"command {name}" for name in COMMAND.findall(text) if name not in get_commands()]
    wrong += [f"setting {name}" for name in SETTING.findall(text) if not is_setting(name)]
    assert not wrong


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or something inside one."""
    if (reading.TOP / name.replace(".", "/")).is_dir() or (reading.TOP / (name.replace(".", "/") + ".py")).exists():
        return True
    try:
        return import_string(name) is not None
    except ImportError:
        return False


def is_setting(name: str) -> bool:
    """Whether the settings know it, or read it from the environment."""
    return hasattr(settings, name) or name in (reading.TOP / "loyalty/settings.py").read_text(encoding="utf-8")


def test_every_figure_stands_in_the_list_of_figures_with_its_definition():
    text = (reading.TOP / "docs/figures.md").read_text(encoding="utf-8")
    missing = [name for name, f in FIGURES.items() if f"| {f.title} | {f.definition} | `{name}` |" not in text]
    assert missing == []


def test_every_decision_stands_in_their_list():
    folder = reading.TOP / "docs/decisions"
    listed = set(re.findall(r"\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8")))
    assert listed == {path.name for path in folder.glob("[0-9]*.md")}


@pytest.mark.parametrize("name", ["SETIA_EXPLAIN", "SETIA_NEWS"])
def test_what_the_ground_names_by_string_is_there(name):
    assert callable(import_string(getattr(settings, name)))


def test_every_job_is_named_by_a_string_that_leads_to_its_verb():
    for job in settings.SETIA_JOBS.values():
        assert callable(import_string(job["run"])), job["run"]

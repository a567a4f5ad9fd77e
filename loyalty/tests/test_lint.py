"""The floors, the production settings and the migrations, checked with the tests so that nobody has to remember it.

`make test` also runs ruff and mypy over everything.
"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from loyalty.tests import reading

PRODUCTION = {
    "DEBUG": "false",
    "SETIA_DEMO": "false",
    "SECRET_KEY": "k" * 25 + "0123456789abcdefghijklmnopqrstuvwxyz",
    "BOOKS_KEY": "b" * 25 + "0123456789abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "loyalty.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://loyalty.example.com",
    "SITE_URL": "https://loyalty.example.com",
    "EMAIL_URL": "smtp://mail.example.com:25",
}


def run(*command: str, **environment: str) -> None:
    """Run a tool at the top of the repository; its output is the failure."""
    answer = subprocess.run(
        command, cwd=reading.TOP, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def tool(name: str) -> str:
    """The tool installed beside this Python."""
    return str(Path(sysconfig.get_path("scripts")) / name)


def test_imports_go_down_the_floors_only():
    run(tool("lint-imports"), "--no-cache")


def test_production_settings_pass_every_deployment_check(tmp_path):
    run(
        *(sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        **PRODUCTION,
        SETIA_DATA_DIR=str(tmp_path),
        DATABASE_URL=f"sqlite:///{tmp_path}/check.sqlite3",
    )


@pytest.mark.parametrize("secret", ["SECRET_KEY", "BOOKS_KEY"])
def test_production_does_not_start_without_its_secrets(tmp_path, secret):
    environment = {name: value for name, value in PRODUCTION.items() if name != secret}
    kept = {name: value for name, value in os.environ.items() if name not in PRODUCTION}
    answer = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=reading.TOP,
        env=kept | environment | {"SETIA_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode != 0
    assert secret in answer.stderr


def test_models_and_migrations_agree(tmp_path):
    run(
        *(sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"),
        SETIA_DATA_DIR=str(tmp_path),
        DATABASE_URL=f"sqlite:///{tmp_path}/check.sqlite3",
    )

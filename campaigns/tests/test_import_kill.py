"""An import that is killed half-way and started again gives the same figures as one that ran through."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPEN = """
import datetime
from campaigns.demo.program import open_program
open_program(first_day=datetime.date(2024, 1, 1), at=datetime.datetime(2026, 3, 1, 5, tzinfo=datetime.UTC))
"""
# The process ends itself before it writes a batch's purchases for the twelfth time: in the middle, however fast or slow it is.
KILLED = """
import itertools, os, signal, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
times = itertools.count(1)

def die_in_the_middle(execute, sql, *more):
    if sql.lstrip().startswith("INSERT") and "members_purchase" in sql.partition("(")[0] and next(times) == 12:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, *more)

with connection.execute_wrapper(die_in_the_middle):
    call_command(*sys.argv[1:])
"""
FIGURES = {
    "purchases": "SELECT receipt, points, qualifying_points, total, tier_id FROM members_purchase ORDER BY receipt",
    "members": "SELECT m.source_key, m.tier_id, m.enrolled_at, a.available, a.last_number FROM members_member m "
    "JOIN members_memberaccount ma ON ma.member_id = m.id JOIN ledger_account a ON a.id = ma.account_id ORDER BY 1",
    "entries": "SELECT reference, amount, effective_at, explanation FROM ledger_entry ORDER BY reference",
    "lots": "SELECT e.reference, l.granted, l.remaining, l.expires_at, l.rule_version FROM ledger_lot l "
    "JOIN ledger_entry e ON e.id = l.entry_id ORDER BY e.reference",
    "stays": "SELECT m.source_key, s.tier_id, s.since, s.until, s.measured, s.cause FROM members_tierstay s "
    "JOIN members_member m ON m.id = s.member_id ORDER BY 1, 3, 2",
}


def run(folder, *arguments):
    """A Python process on an installation, to its end: how it ended, what it said."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"SETIA_DATA_DIR": str(folder), "SETIA_DEMO": "true", "DJANGO_SETTINGS_MODULE": "loyalty.settings"}
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


def manage(folder, *arguments):
    code, told = run(folder, "manage.py", *arguments)
    assert code == 0, told
    return told


def ask(folder, sql):
    connection = sqlite3.connect(folder / "setia.sqlite3", timeout=60)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(1800)
def test_a_killed_import_started_again_gives_the_figures_of_an_unkilled_one(tmp_path):
    first, second = tmp_path / "killed", tmp_path / "whole"
    first.mkdir()
    manage(first, "migrate", "-v0")
    manage(first, "shell", "-v0", "-c", OPEN)
    shutil.copytree(first, second)
    sales = tmp_path / "sales.csv"
    sales.write_text("receipt,customer,date,amount\n" + "".join(
        f"R{n:05},C{n % 700},2025-{1 + n // 500:02}-{1 + n % 28:02},{n % 97}.{n % 100:02}\n" for n in range(5000)
    ))  # fmt: skip
    order = ("import_purchases", str(sales), "--program", "setia-records", "--batch", "100")

    code, told = run(first, "-c", KILLED, *order)
    assert code == -signal.SIGKILL, told
    there = ask(first, "SELECT count(*) FROM members_purchase")[0][0]
    assert there == 1100

    told = manage(first, *order)
    assert f"{5000 - there} imported, {there} there already, 0 rejected" in told
    manage(second, *order)
    for what, sql in FIGURES.items():
        assert ask(first, sql) == ask(second, sql), what
    manage(first, "verify_ledger")

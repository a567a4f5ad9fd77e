"""An import that is killed half-way and started again gives the same figures as one that ran through."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPEN = """
import datetime
from campaigns.demo.program import open_program
now = datetime.datetime.now(datetime.UTC)
open_program(first_day=datetime.date(2024, 1, 1), at=now)
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


def manage(folder, *arguments, **more):
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"SETIA_DATA_DIR": str(folder), "SETIA_DEMO": "true"}
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **more,
    )


def finish(process):
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err.decode()
    return out.decode()


def ask(folder, sql):
    connection = sqlite3.connect(folder / "setia.sqlite3", timeout=20)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(300)
def test_a_killed_import_started_again_gives_the_figures_of_an_unkilled_one(tmp_path):
    first, second = tmp_path / "killed", tmp_path / "whole"
    first.mkdir()
    finish(manage(first, "migrate", "-v0"))
    finish(manage(first, "shell", "-v0", "-c", OPEN))
    shutil.copytree(first, second)
    sales = tmp_path / "sales.csv"
    sales.write_text("receipt,customer,date,amount\n" + "".join(
        f"R{n:05},C{n % 700},2025-{1 + n // 500:02}-{1 + n % 28:02},{n % 97}.{n % 100:02}\n" for n in range(5000)
    ))  # fmt: skip
    order = ("import_purchases", str(sales), "--program", "setia-records", "--batch", "100")

    process = manage(first, *order)
    while process.poll() is None and ask(first, "SELECT count(*) FROM members_purchase")[0][0] < 1000:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    there = ask(first, "SELECT count(*) FROM members_purchase")[0][0]
    assert 1000 <= there < 5000
    assert there % 100 == 0

    told = finish(manage(first, *order))
    assert f"{5000 - there} imported, {there} there already, 0 rejected" in told
    finish(manage(second, *order))
    for what, sql in FIGURES.items():
        assert ask(first, sql) == ask(second, sql), what
    finish(manage(first, "verify_ledger"))

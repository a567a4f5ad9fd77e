"""A job that reads for long while others write, on an SQLite file: its signs of life may fail, the job does not."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = [pytest.mark.slow, pytest.mark.processes]

STORY = """
import sqlite3, time
import django
django.setup()
from django.conf import settings
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.utils import timezone
from loyalty.common.tally import Tally
from loyalty.jobs import registry, running
from loyalty.ledger.models import Program

call_command("migrate", verbosity=0)
program = Program.objects.create(slug="p", name="P", created_at=timezone.now())
path = settings.DATABASES["default"]["NAME"]


def somebody_writes():
    other = sqlite3.connect(path)
    other.execute("INSERT INTO jobs_heartbeat (name, seen_at) VALUES (?, '2026-01-01')", [str(time.monotonic())])
    other.commit()
    other.close()


def read(program, *, at, dry_run=False, progress):
    done = 0
    for _ in Permission.objects.order_by("id").iterator(chunk_size=1):
        done += 1
        if done in (1, 2):
            somebody_writes()
            time.sleep(1.1)
            assert progress(done, done, 0)
        if done == 3 and at.year == 2001:
            raise RuntimeError("in the middle")
    return Tally(found=done, done=done)


registry.Job.verb = property(lambda job: read)
for year in (2000, 2001):
    at = timezone.now().replace(year=year, day=1)
    run = running.run("verify_books", program=program, as_of=at, started_by="test")
    print(run.status, run.done > 3, run.error)
"""


def test_a_job_reads_on_while_others_write_and_ends_as_what_it_was(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    environment |= {"SETIA_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "loyalty.settings"}
    told = subprocess.run(
        [sys.executable, "-c", STORY],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert told.returncode == 0, told.stderr
    first, second = [line for line in told.stdout.splitlines() if line.startswith(("done", "failed"))]
    assert first == "done True "
    assert second.startswith("failed False RuntimeError: in the middle")

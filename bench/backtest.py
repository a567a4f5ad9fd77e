"""How fast recorded purchases are replayed, and how much longer that takes than reading their rows.

    python bench/backtest.py [--program setia-records]

Reads the configured database and writes nothing: first only the rows, then the live rules over them.
"""

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

import django

django.setup()

from campaigns.proving import FIRST  # noqa: E402
from campaigns.replaying import batches, replay_live  # noqa: E402
from loyalty.ledger.models import Program  # noqa: E402


def main() -> None:
    """Measure the reading, then the replay."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default="setia-records")
    program = Program.objects.get(slug=parser.parse_args().program)
    until = datetime.now(UTC)
    began = time.perf_counter()
    count = sum(len(batch) for batch in batches(program, since=FIRST, until=until))
    reading = time.perf_counter() - began
    replay, began = replay_live(program, since=FIRST, until=until), time.perf_counter()
    for batch in batches(program, since=FIRST, until=until):
        replay.walk(batch)
    took = time.perf_counter() - began
    print(f"{count:,} purchases: read in {reading:.2f} s, replayed in {took:.2f} s")
    print(f"{count / took:,.0f} a second, {took / reading:.1f} times the reading")


if __name__ == "__main__":
    main()

"""Codes of partners: a file is looked through, then taken in; each code is given out once, and kept sealed until then.

Looking through tells what is new, what stands twice in the file, what the pool has already and what is no code. Nothing is
given out before somebody has seen that. Codes keep their capitals and signs: they are the partner's.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_rows, is_postgresql
from loyalty.common.sealing import fingerprint, opened, seal, seal_many
from loyalty.ledger.models import Program
from rewards import code_files
from rewards.code_files import AsNumber, CodesRefused
from rewards.models import CodePool, PoolCode, PoolImport, Redemption
from rewards.stocks import out_of_stock

PURPOSE = "partner codes"
MOST_BYTES = 5 * 1024 * 1024
MOST_CODES = 100_000
SHORTEST, LONGEST = 4, 100
SHOWN = 20


def look_through(pool: CodePool, uploaded: bytes, *, file_name: str, at: datetime, actor: str) -> PoolImport:
    """Keep what a CSV file or workbook would add, with a report; nothing is taken in yet. Raises CodesRefused."""
    if len(uploaded) > MOST_BYTES:
        raise CodesRefused(_("This file is larger than 5 MB. Split it."))
    rows = code_files.rows(uploaded)
    if len(rows) > MOST_CODES:
        raise CodesRefused(_("This file has more than 100,000 lines. Split it."))
    fresh, again, bad, numbers = _sorted_out(rows)
    known = _known(pool, fresh)
    new = [code for code in fresh if code not in known]
    report = {
        "lines": len(rows), "new": len(new), "twice": len(again), "known": len(known), "bad": len(bad),
        "numbers": len(numbers), "number_lines": numbers[:SHOWN],
        "twice_lines": again[:SHOWN], "known_lines": [fresh[code] for code in known][:SHOWN], "bad_lines": bad[:SHOWN],
    }  # fmt: skip
    return PoolImport.objects.create(
        pool=pool, file_name=file_name[-120:], sealed=seal(json.dumps(new), purpose=PURPOSE) if new else "", report=report,
        looked_at=at, looked_by=actor,
    )  # fmt: skip


@transaction.atomic
def take_in(looked: PoolImport, *, at: datetime, actor: str) -> PoolImport:
    """Take in the new codes of a file; twice gives the first answer. Raises CodesRefused when it has none."""
    CodePool.objects.select_for_update(no_key=True).get(pk=looked.pool_id)
    looked = PoolImport.objects.select_related("pool").get(pk=looked.pk)
    if looked.taken_in_at:
        return looked
    if not looked.sealed:
        raise CodesRefused(_("This file has no new code."))
    codes = json.loads(opened(looked.sealed, purpose=PURPOSE))
    known = _known(looked.pool, codes)
    fresh = [code for code in codes if code not in known]
    prints = [fingerprint(code, purpose=PURPOSE) for code in fresh]
    rows = [(looked.pool_id, sealed, found) for sealed, found in zip(seal_many(fresh, purpose=PURPOSE), prints, strict=True)]  # fmt: skip
    insert_rows(PoolCode, ("pool", "sealed", "fingerprint"), rows)
    looked.sealed, looked.taken_in_at, looked.taken_in_by = "", at, actor
    looked.report = looked.report | {"taken_in": len(fresh)}
    looked.save(update_fields=["sealed", "taken_in_at", "taken_in_by", "report"])
    return looked


def give_out(pool_id: int, redemption: Redemption) -> PoolCode:
    """Give the oldest free code to a redemption. Raises OutOfStock."""
    free = PoolCode.objects.filter(pool=pool_id, redemption__isnull=True).order_by("id")
    chosen = free.select_for_update(no_key=True, skip_locked=True).first() if is_postgresql() else free.first()
    if chosen is None and is_postgresql():  # whoever holds the last one may yet give it back
        chosen = free.select_for_update(no_key=True).first()
    if chosen is None or not PoolCode.objects.filter(pk=chosen.pk, redemption__isnull=True).update(
        redemption=redemption
    ):
        raise out_of_stock()
    chosen.redemption = redemption
    return chosen


def shown(redemption: Redemption) -> str:
    """The partner's code of a redemption; empty where it has none."""
    code = PoolCode.objects.filter(redemption=redemption).values_list("sealed", flat=True).first()
    return opened(code, purpose=PURPOSE) if code else ""


def find(program: Program, typed: str) -> PoolCode | None:
    """The code of a partner that was given out in a program, as it is printed."""
    found = PoolCode.objects.filter(fingerprint=fingerprint(typed.strip(), purpose=PURPOSE), pool__program=program)
    return found.filter(redemption__isnull=False).order_by("id").first()


def left(pool_ids: Iterable[int]) -> dict[int, int]:
    """How many codes each pool can still give out; one query."""
    free = PoolCode.objects.filter(pool__in=list(pool_ids), redemption__isnull=True).order_by()
    return dict(free.values_list("pool").annotate(count=Count("id")))


def running_low(program: Program) -> list[Any]:
    """The pools that rewards on offer draw from and that have fewer codes than they should, with `free`."""
    used = CodePool.objects.filter(program=program, rewards__is_active=True).distinct()
    counted = used.annotate(free=Count("codes", filter=Q(codes__redemption__isnull=True), distinct=True))
    return list(counted.filter(free__lt=F("low_at")))


def _sorted_out(rows: list[tuple[int, str]]) -> tuple[dict[str, int], list[int], list[int], list[int]]:
    """Codes with their first line, lines that repeat one, lines that hold no code, and lines whose code became a number."""
    fresh: dict[str, int] = {}
    again, bad, numbers = [], [], []
    for line, code in rows:
        if isinstance(code, AsNumber):
            numbers.append(line)
        elif not SHORTEST <= len(code) <= LONGEST or not code.isprintable() or " " in code:
            bad.append(line)
        elif code in fresh:
            again.append(line)
        else:
            fresh[code] = line
    return fresh, again, bad, numbers


def _known(pool: CodePool, codes: Iterable[str]) -> set[str]:
    """Those of the codes that the pool has already."""
    by_print = {fingerprint(code, purpose=PURPOSE): code for code in codes}
    prints, found = list(by_print), set()
    for start in range(0, len(prints), 5_000):
        part = PoolCode.objects.filter(pool=pool, fingerprint__any_of=prints[start : start + 5_000])
        found |= {by_print[one] for one in part.order_by().values_list("fingerprint", flat=True)}
    return found

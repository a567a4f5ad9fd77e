"""Anchors outside the database: written to a file with their heads, checked against the key and against the books.

A file proves by itself, given the key, that it is what the installation signed. Compared with the database it names each
account whose history is no longer the one that was signed, also when it was rewritten with a chain that fits.
"""

import hmac
import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.anchors import FORMAT, Claim, Head, again, claim_of, make_anchor, sign
from loyalty.ledger.chain import instant
from loyalty.ledger.models import Anchor, Entry, Program

HEADS_AT_ONCE = 5000


class AnchorBroken(Refusal):
    """The books do not give the anchor any more: history was rewritten, or the key is another one."""

    code = "anchor_broken"


class NoAnchorFile(Refusal):
    """The file is no exported anchor."""

    code = "no_anchor_file"


def file_name(anchor: Anchor) -> str:
    """What the file of an anchor is called."""
    return f"anchor-{anchor.program.slug}-{anchor.day}.json"


def anchor_and_keep(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Anchor the books of a day, and put a copy outside when a place is named; the job `anchor_books`.

    The place is the setting SETIA_ANCHOR_DIR: a folder that the database server cannot write. A copy that could not be
    written fails the run, which makes it up when it is run again.
    """
    tally = make_anchor(program, at=at, dry_run=dry_run, progress=progress)
    if settings.SETIA_ANCHOR_DIR and not dry_run:
        kept = keep(program, Path(settings.SETIA_ANCHOR_DIR))
        tally.report |= {"kept": kept.name} if kept else {}
    return tally


def keep(program: Program, folder: Path) -> Path | None:
    """Write the last anchor of a program into a folder, unless it is there already; None when there is no anchor."""
    anchor = Anchor.objects.filter(program=program).select_related("program").order_by("-day").first()
    if anchor is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(anchor)
    if not path.exists():
        beginning = path.with_suffix(".part")
        with beginning.open("w", encoding="utf-8") as file:
            export(anchor, file)
        beginning.replace(path)
    return path


def kept_last(program: Program) -> Path | None:
    """The last copy of an anchor of a program in the place outside, if one is named and there."""
    if not settings.SETIA_ANCHOR_DIR:
        return None
    days = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
    return max(Path(settings.SETIA_ANCHOR_DIR).glob(f"anchor-{program.slug}-{days}.json"), default=None)


def export(anchor: Anchor, file: TextIO) -> None:
    """Write an anchor with its heads as JSON, one head a line. Raises AnchorBroken; then the file is worth nothing."""
    claim = claim_of(anchor)
    told = {
        "format": FORMAT,
        "program": claim.program,
        "day": claim.day.isoformat(),
        "made_at": instant(claim.made_at),
        "last_entry": claim.last_entry,
        "previous": claim.previous,
        "accounts": anchor.accounts,
        "points": anchor.points,
        "digest": anchor.digest,
    }
    file.write(json.dumps(told, indent=1)[:-2] + ',\n "heads": [')
    separator = "\n"

    def write(head: Head) -> None:
        nonlocal separator
        file.write(f"{separator}  {json.dumps([head.account, head.number, head.hash, head.points])}")
        separator = ",\n"

    signed = again(anchor, each=write)
    file.write("\n ]\n}\n")
    if not hmac.compare_digest(signed.digest, anchor.digest):
        raise AnchorBroken(
            _("The books do not give the anchor of %(day)s any more: run verify_ledger.") % {"day": anchor.day}
        )


def read(file: TextIO) -> dict[str, Any]:
    """An exported anchor. Raises NoAnchorFile."""
    try:
        told = json.load(file)
        if told["format"] == FORMAT and _is_complete(told):
            return told | {"heads": [Head(*head) for head in told["heads"]]}
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise NoAnchorFile(_("This file is no exported anchor."))


def _is_complete(told: dict[str, Any]) -> bool:
    """Whether every value is there and of its kind; raises what `read` catches when it is not."""
    date.fromisoformat(told["day"])
    datetime.fromisoformat(told["made_at"])
    texts = all(isinstance(told[name], str) for name in ("program", "previous", "digest"))
    numbers = all(isinstance(told[name], int) for name in ("last_entry", "accounts", "points"))
    heads = all(
        len(head) == 4
        and isinstance(head[2], str)
        and all(type(head[n]) is int and abs(head[n]) < 2**63 for n in (0, 1, 3))
        for head in told["heads"]
    )
    return texts and numbers and abs(told["last_entry"]) < 2**63 and heads


def problems(told: dict[str, Any], *, key: str | None = None) -> list[str]:
    """What is wrong with an exported anchor by itself, without any database; nothing when the signature holds."""
    claim = Claim(
        told["program"], date.fromisoformat(told["day"]), datetime.fromisoformat(told["made_at"]), told["last_entry"],
        told["previous"],
    )  # fmt: skip
    signed = sign(claim, told["heads"], key=key if key is not None else settings.BOOKS_KEY)
    found = []
    if not hmac.compare_digest(signed.digest, told["digest"]):
        found.append("the signature does not fit: the file was altered, or the key is another one")
    if (signed.accounts, signed.points) != (told["accounts"], told["points"]):
        found.append(f"the heads are {signed.accounts} with {signed.points} points, the anchor says otherwise")
    return found


def differences(told: dict[str, Any]) -> Iterator[str]:
    """Where the database no longer holds what was signed: by account, in words."""
    for account, found in departures(told):
        yield f"account {account}: {found}" if account else found


def departures(told: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """As `differences`, each with the number of its account; 0: of the anchor itself."""
    heads = told["heads"]
    for start in range(0, len(heads), HEADS_AT_ONCE):
        yield from _departures(heads[start : start + HEADS_AT_ONCE], told["last_entry"])
    stored = Anchor.objects.filter(program__slug=told["program"], day=told["day"]).first()
    if stored is None:
        yield 0, f"the anchor of {told['day']} is not in the database"
    elif stored.digest != told["digest"]:
        yield 0, f"the anchor of {told['day']} in the database is another one"


def _departures(heads: list[Head], last_entry: int) -> Iterator[tuple[int, str]]:
    accounts = [head.account for head in heads]
    entries = Entry.objects.filter(account__any_of=accounts, id__lte=last_entry).order_by()
    sums = dict(entries.values_list("account_id").annotate(points=Sum("amount")))
    numbered = {(head.account, head.number) for head in heads}
    numbers = {number for _, number in numbered}
    found = {
        (account, number): bytes(digest).hex()
        for account, number, digest in entries.filter(number__any_of=list(numbers)).values_list(
            "account_id", "number", "hash"
        )
        if (account, number) in numbered
    }
    for head in heads:
        stored = found.get((head.account, head.number))
        if stored is None:
            yield head.account, f"entry number {head.number} is gone"
        elif stored != head.hash:
            yield head.account, f"its history up to entry number {head.number} was rewritten"
        elif sums.get(head.account) != head.points:
            yield head.account, f"its entries add up to {sums.get(head.account)}, {head.points} was signed"

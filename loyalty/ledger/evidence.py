"""Anchors outside the database: written to a file with their heads, checked against the key and against the books.

A file proves by itself, given the key, that it is what the installation signed. Compared with the database it names each
account whose history is no longer the one that was signed, also when it was rewritten with a chain that fits.
"""

import hmac
import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, TextIO

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.ledger.anchors import FORMAT, Claim, Head, again, claim_of, sign
from loyalty.ledger.chain import instant
from loyalty.ledger.models import Anchor, Entry

HEADS_AT_ONCE = 5000


class AnchorBroken(Refusal):
    """The books do not give the anchor any more: history was rewritten, or the key is another one."""

    code = "anchor_broken"


class NoAnchorFile(Refusal):
    """The file is no exported anchor."""

    code = "no_anchor_file"


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
        if told["format"] == FORMAT:
            return told | {"heads": [Head(*head) for head in told["heads"]]}
    except (ValueError, TypeError, KeyError):
        pass
    raise NoAnchorFile(_("This file is no exported anchor."))


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
    heads = told["heads"]
    for start in range(0, len(heads), HEADS_AT_ONCE):
        yield from _differences(heads[start : start + HEADS_AT_ONCE], told["last_entry"])
    stored = Anchor.objects.filter(program__slug=told["program"], day=told["day"]).first()
    if stored is None:
        yield f"the anchor of {told['day']} is not in the database"
    elif stored.digest != told["digest"]:
        yield f"the anchor of {told['day']} in the database is another one"


def _differences(heads: list[Head], last_entry: int) -> Iterator[str]:
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
            yield f"account {head.account}: entry number {head.number} is gone"
        elif stored != head.hash:
            yield f"account {head.account}: its history up to entry number {head.number} was rewritten"
        elif sums.get(head.account) != head.points:
            yield f"account {head.account}: its entries add up to {sums.get(head.account)}, {head.points} was signed"

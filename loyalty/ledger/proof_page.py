"""The proof of the books told as data: the last verifications, violations in words, anchors, and a file that was compared."""

from itertools import islice
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.common.money import show_points
from loyalty.desk.panels import Panel, Stat, badge, day, link, moment, time
from loyalty.ledger import evidence
from loyalty.ledger.models import Anchor, Program, Verification

ROWS = 30
SHOWN = 200


def read(program: Program) -> dict[str, Any]:
    """What the page shows of a program; a constant number of queries."""
    verifications = list(Verification.objects.filter(program=program).order_by("-id")[:ROWS])
    anchors = list(Anchor.objects.filter(program=program).select_related("program").order_by("-day")[:ROWS])
    last = verifications[0] if verifications else None
    stats = [
        Stat(_("Last verified"), day(last.made_at) if last else _("never"), _("When the books were last read from the first entry to the last."), time(last.made_at) if last else ""),
        Stat(_("Entries read"), show_points(last.entries) if last else "–"),
        Stat(_("Violations"), show_points(last.violation_count) if last else "–", _("Lines that were altered, removed or inserted, and figures that are not their sum."), tone="bad" if last and last.violation_count else ""),
        Stat(_("Last anchor"), day(anchors[0].day) if anchors else _("none")),
    ]  # fmt: skip
    return {
        "program": program,
        "stats": stats,
        "violations": violations_panel(last) if last and last.violation_count else None,
        "is_proven": bool(last and last.is_whole and not last.violation_count),
        "verifications": _verifications(verifications),
        "anchors": _anchors(anchors),
    }


def result(verification: Verification) -> tuple[str, str]:
    """How a verification ended, in a word and a tone."""
    if verification.violation_count:
        said = ngettext("%(count)d violation", "%(count)d violations", verification.violation_count)
        return said % {"count": verification.violation_count}, "bad"
    return (_("all holds"), "good") if verification.is_whole else (_("stopped half-way"), "warn")


def law_in_words(law: str) -> str:
    """What a violation is about."""
    return {
        "chain": _("an entry was altered"),
        "numbering": _("an entry is missing or out of place"),
        "tail": _("the last entries are missing"),
        "allocations": _("what an entry took from its lots does not fit"),
        "lot parts": _("the parts of a lot do not add up"),
        "lot dates": _("the dates of a lot were altered"),
        "holds": _("a hold does not fit"),
        "balance": _("a balance is not the sum of its lots"),
        "orphans": _("a line belongs to nothing"),
        "expiry policy": _("an expiry policy was altered"),
        "closed month": _("a signed month was altered"),
        "settled month": _("a month settled with a partner was altered"),
        "anchor": _("an anchor does not hold"),
        "kept anchor": _("the anchor kept outside says otherwise"),
    }.get(law, law)


def violations_panel(verification: Verification) -> Panel:
    """The first violations, each with the place it leads to."""
    rows = []
    for found in verification.violations[:SHOWN]:
        account = found["account"]
        place = link(reverse("admin:ledger_account_change", args=[account]), f"#{account}") if account else "–"
        rows.append((badge(law_in_words(found["law"]), "bad"), place, found["found"]))
    note = _("Do not mend rows by hand: look at what wrote to the account last, restore it from a backup, or correct it with a new entry.") if rows else ""  # fmt: skip
    return Panel(_("What was found"), [_("What"), _("Account"), _("Found")], rows, _("Nothing: all holds."), note=note)


def _verifications(found: list[Verification]) -> Panel:
    rows = [(moment(v.made_at), show_points(v.entries), badge(*result(v))) for v in found]
    headers = [_("When"), _("Entries read"), _("Result")]
    empty = _("The books were not verified yet.")
    return Panel(_("Verifications"), headers, rows, empty, numeric=frozenset({1}))


def _anchors(found: list[Anchor]) -> Panel:
    rows = [
        (
            day(a.day),
            a.number,
            show_points(a.accounts),
            show_points(a.points),
            f"{a.digest[:12]}…",
            link(reverse("admin:ledger_anchor_file", args=[a.pk]), _("Take it out")),
        )
        for a in found
    ]
    headers = [_("Day"), _("Number"), _("Accounts"), _("Sum of entries"), _("Digest"), _("File")]
    note = _("An anchor signs, once a day, where the chain of every account stands. Whoever rewrites history has other chains, and cannot sign them without the key. An anchor that never leaves the house proves little: take it out, or name a folder in SETIA_ANCHOR_DIR.")  # fmt: skip
    more = reverse("admin:ledger_anchor_changelist")
    return Panel(_("Anchors"), headers, rows, _("No anchor yet. The nightly job makes one a day."), note=note, more=more, numeric=frozenset({1, 2, 3}))  # fmt: skip


def compared(told: dict[str, Any]) -> dict[str, Any]:
    """Whether an anchor file is what was signed, and whether the books still say the same."""
    words = {"day": told["day"], "program": told["program"][:100]}
    alone = evidence.problems(told)
    if alone:
        return {"tone": "bad", "said": _("The file of %(day)s is not what was signed.") % words, "found": alone}
    found = list(islice(evidence.differences(told), SHOWN))
    if found:
        return {"tone": "bad", "said": _("The books no longer say what was signed on %(day)s.") % words, "found": found}
    count = {"accounts": show_points(told["accounts"]), "points": show_points(told["points"])} | words
    said = _("The anchor of %(day)s holds: %(accounts)s accounts with %(points)s points in “%(program)s” are what was signed.")  # fmt: skip
    return {"tone": "good", "said": said % count, "found": []}

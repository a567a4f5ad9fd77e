"""Entries, lots and policies as lines of tables and short phrases, for the desk."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.backoffice import explain, why
from loyalty.common.money import show_points
from loyalty.desk.panels import Panel, Stat, badge, day, link, moment, signed
from loyalty.ledger import statements
from loyalty.ledger.models import Account, Allocation, Entry, ExpiryPolicy, Lot

LIST_LIMIT = 100
KIND_TONES = {
    "accrual": "good",
    "reversal": "good",
    "reinstatement": "good",
    "redemption": "info",
    "expiry": "warn",
    "claw_back": "bad",
}
ENTRY_HEADERS = [_("When"), _("What"), _("Points"), _("Why"), _("Entry")]
LOT_HEADERS = [_("Lot"), _("Granted"), _("Remaining"), _("Can be spent from"), _("Last valid day"), _("Rule")]


def holder_page(account_id: int) -> str:
    """The address that leads to whoever holds this account; the floor above answers it."""
    return reverse("admin:members_member_holder", args=[account_id])


def points_of(record: Any, amount: int) -> str:
    """An amount of the record's account in the reader's numbers."""
    return show_points(amount, record.account.wallet.decimals)


def words_of(policy: ExpiryPolicy) -> str:
    """An expiry policy in a few words."""
    count = {"count": policy.count}
    said = {
        "never": _("never"),
        "days": _("%(count)s days after activation") % count,
        "months": _("%(count)s months after activation") % count,
        "years": _("%(count)s years after activation") % count,
        "date": _("on %(day)s") % {"day": day(policy.last_day)},
    }[policy.kind]
    if policy.round_to:
        return _("%(when)s, then to the %(end)s") % {"when": said, "end": policy.get_round_to_display()}
    return str(said)


def entry_row(entry: Entry, decimals: int) -> tuple[Any, ...]:
    """One entry as a line of a table, with its explanation in words."""
    kind = badge(entry.get_kind_display(), KIND_TONES.get(entry.kind, ""))
    points = signed(entry.amount, show_points(entry.amount, decimals))
    page = link(reverse("admin:ledger_entry_change", args=[entry.pk]), f"{entry.account_id}/{entry.number}")
    return moment(entry.effective_at), kind, points, why(entry), page


def lot_row(lot: Lot, decimals: int) -> tuple[Any, ...]:
    """One lot as a line of a table."""
    return (
        link(reverse("admin:ledger_lot_change", args=[lot.pk]), str(lot)),
        show_points(lot.granted, decimals),
        show_points(lot.remaining, decimals),
        day(lot.available_at),
        last_day_of(lot),
        lot.rule_version or "–",
    )


def last_day_of(lot: Lot) -> str:
    """The last valid day of a lot, or that it never ends."""
    return day(lot.expires_at - timedelta(microseconds=1)) if lot.expires_at else str(_("never"))


def account_page(record: Account, *, at: datetime) -> dict[str, Any]:
    """Figures and tables of an account's page."""
    decimals = record.wallet.decimals
    held = statements.balance(record.pk, at=at)
    entries = record.entries.order_by("-number")[:LIST_LIMIT]
    lots = record.lots.filter(remaining__gt=0).order_by(F("expires_at").asc(nulls_last=True), "available_at", "id")[
        :LIST_LIMIT
    ]
    return {
        "stats": [
            Stat(_("Available"), show_points(held.available, decimals), _("Can be spent right now.")),
            Stat(_("Pending"), show_points(held.pending, decimals), _("Earned, but cannot be spent yet.")),
            Stat(_("Held"), show_points(held.held, decimals), _("Reserved for a redemption that is not finished.")),
            Stat(_("Owed"), show_points(held.debt, decimals), _("Owed after goods were returned; the next points repay it.")),
        ],
        "panels": [
            Panel(_("Latest entries"), ENTRY_HEADERS, [entry_row(e, decimals) for e in entries], numeric=frozenset({2})),
            Panel(_("Open lots, in the order in which they are spent"), LOT_HEADERS, [lot_row(lot, decimals) for lot in lots], numeric=frozenset({1, 2})),
        ],
    }  # fmt: skip


def entry_page(record: Entry) -> dict[str, Any]:
    """Why an entry is there, and which lots it touched."""
    decimals = record.account.wallet.decimals
    drawn = record.allocations.select_related("lot")[:LIST_LIMIT]
    rows = [
        (*lot_row(a.lot, decimals)[:1], show_points(a.amount, decimals), *lot_row(a.lot, decimals)[2:]) for a in drawn
    ]
    lot = Lot.objects.filter(entry=record).first()
    corrections = [entry_row(e, decimals) for e in record.corrections.all()[:LIST_LIMIT]]
    title = _("Given back to these lots") if record.amount > 0 else _("Taken from these lots")
    return {
        "panels_before": [Panel(_("In words"), [], [], explain(record.explanation) or record.reason or _("This entry carries no explanation."))],
        "panels": [
            *([Panel(_("The lot it made"), LOT_HEADERS, [lot_row(lot, decimals)], numeric=frozenset({1, 2}))] if lot else []),
            *([Panel(title, [_("Lot"), _("Points"), *LOT_HEADERS[2:]], rows, numeric=frozenset({1, 2}))] if rows else []),
            *([Panel(_("Corrected by"), ENTRY_HEADERS, corrections, numeric=frozenset({2}))] if corrections else []),
        ],
    }  # fmt: skip


def lot_page(record: Lot) -> dict[str, Any]:
    """What became of a lot."""
    decimals = record.account.wallet.decimals
    moves = Allocation.objects.filter(lot=record).select_related("entry").order_by("id")[:LIST_LIMIT]
    rows = [
        (*entry_row(m.entry, decimals)[:2], signed(m.entry.amount, show_points(m.amount if m.entry.amount > 0 else -m.amount, decimals)), *entry_row(m.entry, decimals)[3:])
        for m in moves
    ]  # fmt: skip
    return {"panels": [Panel(_("What became of these points"), ENTRY_HEADERS, rows, _("Nothing was taken from this lot yet."), numeric=frozenset({2}))]}  # fmt: skip

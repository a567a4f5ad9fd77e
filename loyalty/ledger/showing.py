"""Entries, lots and policies as lines of tables and short phrases, for the desk."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from loyalty.backoffice import explain, why
from loyalty.common.clock import local_day
from loyalty.common.money import show_points
from loyalty.desk.panels import Panel, Stat, badge, day, link, moment, signed
from loyalty.ledger import statements
from loyalty.ledger.asof import LotAt
from loyalty.ledger.models import Account, Allocation, Entry, ExpiryPolicy, Lot
from loyalty.ledger.policies import days_of, last_day, terms_of
from loyalty.ledger.seasons import periods_of

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
    count = {"count": policy.count, "days": policy.at_least}
    said = {
        "never": _("never"),
        "days": _("%(count)s days after activation") % count,
        "months": _("%(count)s months after activation") % count,
        "years": _("%(count)s years after activation") % count,
        "idle_days": _("%(count)s days after the last activity") % count,
        "idle_months": _("%(count)s months after the last activity") % count,
        "date": _("on %(day)s") % {"day": day(policy.last_day)},
        "dates": _("every year on %(days)s") % {"days": days_in_words(policy)},
        "season": _("at the end of %(season)s") % {"season": policy.season},
    }[policy.kind]
    if policy.at_least:
        said = _("%(when)s, at least %(days)s days away") % {"when": said, "days": policy.at_least}
    if policy.round_to:
        said = _("%(when)s, then to the %(end)s") % {"when": said, "end": policy.get_round_to_display()}
    if policy.activation_days is not None:
        said = _in_days(policy.activation_days) % {"when": said, "days": policy.activation_days}
    if policy.confirmed_by:
        waits = {"when": said, "event": policy.confirmed_by, "days": policy.confirm_days}
        said = _("%(when)s; purchases wait for “%(event)s”, at most %(days)s days") % waits
    return str(said)


def _in_days(days: int) -> str:
    """When points of a policy can be spent, beside when they end."""
    if not days:
        return str(_("%(when)s; can be spent at once"))
    return ngettext("%(when)s; can be spent after %(days)s day", "%(when)s; can be spent after %(days)s days", days)


def example_in_words(policy: ExpiryPolicy, *, at: datetime) -> str:
    """What a policy would mean for points earned at an instant, as a sentence or two."""
    said = _end_in_words(policy, at)
    if policy.activation_days:
        begin = local_day(_begin(policy, at), policy.wallet.program.time_zone)
        said += " " + _("They can be spent from %(day)s.") % {"day": date_format(begin, "j F Y")}
    if not policy.confirmed_by:
        return said
    until = local_day(at, policy.wallet.program.time_zone) + timedelta(days=policy.confirm_days)
    waits = _("Those of a purchase wait for “%(event)s” through %(day)s, and their time begins then.")
    return f"{said} {waits % {'event': policy.confirmed_by, 'day': date_format(until, 'j F Y')}}"


def _begin(policy: ExpiryPolicy, at: datetime) -> datetime:
    """From when points earned at an instant could be spent under a policy that may not be stored yet."""
    terms = terms_of([policy.wallet_id])[policy.wallet_id]
    if policy.activation_days is not None:
        terms = replace(terms, activation_days=policy.activation_days)
    return terms.available_at(at)


def _end_in_words(policy: ExpiryPolicy, at: datetime) -> str:
    """When points earned at an instant would end."""
    wallet = policy.wallet
    begin = _begin(policy, at)
    periods = periods_of([policy.season_id])[policy.season_id] if policy.season_id else ()
    last = last_day(policy, local_day(begin, wallet.program.time_zone), periods)
    if last is None:
        return str(_("Points earned today would never expire."))
    told = {"day": date_format(last, "j F Y")}
    if policy.kind == "date" and last != policy.last_day:
        return str(
            _("That day is over, so it counts again a year later: points earned today would last through %(day)s.")
            % told
        )
    if policy.is_idle:
        return str(
            _("Points earned today would last through %(day)s, and longer with every activity before then.") % told
        )
    return str(_("Points earned today would last through %(day)s.") % told)


def days_in_words(policy: ExpiryPolicy) -> str:
    """The days of the year of a policy, as people write them."""
    return (
        ", ".join(date_format(date(2028, month, number), "j F") for month, number in sorted(days_of(policy)))
        if policy.days
        else ""
    )


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


def last_day_of(lot: Lot | LotAt) -> str:
    """The last valid day of a lot, or that it never ends."""
    return day(lot.expires_at - timedelta(microseconds=1)) if lot.expires_at else str(_("never"))


def with_balances(accounts: Iterable[Account], *, at: datetime) -> list[tuple[Account, statements.Balance]]:
    """Accounts with what they hold at an instant: one query."""
    listed = list(accounts)
    found = statements.balances([account.pk for account in listed], at=at)
    return [(account, found[account.pk]) for account in listed]


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
            *_activity_panel(record),
            Panel(_("Open lots, in the order in which they are spent"), LOT_HEADERS, [lot_row(lot, decimals) for lot in lots], numeric=frozenset({1, 2}), more=holder_page(record.pk) + "?past=1", more_words=_("As of an instant")),
        ],
    }  # fmt: skip


def _activity_panel(record: Account) -> list[Panel]:
    """What kept the points alive besides the entries, for accounts whose points end by inactivity."""
    if not record.has_idle_lots:
        return []
    told = record.activities.order_by("-occurred_at")[:LIST_LIMIT]
    rows = [(moment(act.occurred_at), act.get_kind_display(), moment(act.recorded_at)) for act in told]
    note = _(
        "Points that end by inactivity last longer with each of these, and with what the account earns and spends."
    )
    return [
        Panel(
            _("Activity"), [_("When"), _("What"), _("Recorded at")], rows, _("Nothing besides the entries."), note=note
        )
    ]


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

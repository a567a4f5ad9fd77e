"""A member as of any instant, told as data for the desk: tier, balances and lots, and what changed until another instant."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from loyalty.common.money import show_points
from loyalty.desk.panels import Panel, Stat, badge, day, moment
from loyalty.ledger import asof
from loyalty.ledger.models import Account
from loyalty.ledger.showing import ENTRY_HEADERS, entry_row, last_day_of
from members import statements
from members.models import Member

ROWS = 100
STATES = {"open": "good", "pending": "info", "expired": "warn"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The instant that is looked at, another one to compare with, and whether only what was known then counts."""

    at: datetime
    is_known: bool = False
    other: datetime | None = None

    def known(self, at: datetime) -> datetime | None:
        """Until when things have to have been recorded to count."""
        return at if self.is_known else None


def page(member: Member, asked: Asked) -> dict[str, Any]:
    """Figures and tables of a member at an instant; a constant number of queries per wallet."""
    told = statements.statement(member, at=asked.at, known_at=asked.known(asked.at))
    stats = [Stat(_("Tier"), told.stay.tier if told.stay else _("not enrolled yet"), note=_("since %(day)s") % {"day": day(told.stay.since)} if told.stay else "")]  # fmt: skip
    panels = []
    for held, position in told.positions:
        wallet = held.wallet
        balance = position.balance
        shown = {name: show_points(getattr(balance, name), wallet.decimals) for name in ("available", "pending", "held", "debt")}  # fmt: skip
        stats += [
            Stat(_("Available"), shown["available"], _("Could be spent at that instant."), wallet.name_of(balance.available)),
            Stat(_("Pending"), shown["pending"], _("Earned, but could not be spent yet."), wallet.name_of(balance.pending)),
            *([Stat(_("Held"), shown["held"], _("Reserved for a redemption that was not finished."))] if balance.held else []),
            Stat(_("Owed"), shown["debt"], _("Owed after goods were returned."), wallet.name_of(balance.debt)),
        ]  # fmt: skip
        if asked.other:
            panels.append(_difference(position, asked))
        panels.append(_lots(position, wallet, is_only=len(told.positions) == 1))
    return {"stats": stats, "panels": panels}


def _lots(position: asof.Position, wallet: Any, *, is_only: bool) -> Panel:
    rows = [
        (
            f"#{lot.id}",
            badge(_state(lot.state(position.at)), STATES[lot.state(position.at)]),
            show_points(lot.granted, wallet.decimals),
            show_points(lot.remaining, wallet.decimals),
            day(lot.available_at),
            last_day_of(lot),
        )
        for lot in position.lots[:ROWS]
    ]
    headers = [_("Lot"), _("State"), _("Granted"), _("Remaining"), _("Can be spent from"), _("Last valid day")]
    title = _("Lots that had points") if is_only else _("Lots that had %(points)s") % {"points": wallet.name_of(0)}
    return Panel(title, headers, rows, _("No lot had points then."), numeric=frozenset({2, 3}))


def _state(state: str) -> str:
    return {"open": _("open"), "pending": _("pending"), "expired": _("past its end")}[state]


def _difference(position: asof.Position, asked: Asked) -> Panel:
    """The entries that explain how the position became the other one."""
    other = asked.other or asked.at
    second = asof.position(position.account_id, at=other, known_at=asked.known(other))
    first, last = (position, second) if position.at <= second.at else (second, position)
    told = asof.difference(first, last)
    entries = [*told.added, *told.removed]
    decimals = _decimals(position.account_id)
    numbers = {
        "before": show_points(first.balance.available, decimals),
        "after": show_points(last.balance.available, decimals),
        "activated": show_points(told.activated, decimals),
        "ran_out": show_points(told.ran_out, decimals),
        "since": moment(first.at),
        "until": moment(last.at),
    }
    note = _("Available went from %(before)s to %(after)s. By time alone, %(activated)s became spendable and %(ran_out)s passed their end without an entry.") % numbers  # fmt: skip
    return Panel(
        _("What changed from %(since)s to %(until)s") % numbers,
        ENTRY_HEADERS,
        [entry_row(entry, decimals) for entry in entries[:ROWS]],
        _("No entry lies between the two instants."),
        numeric=frozenset({2}),
        note=note,
    )


def _decimals(account_id: int) -> int:
    return Account.objects.values_list("wallet__decimals", flat=True).get(id=account_id)

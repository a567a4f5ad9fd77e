"""Months signed off while facts still arrive: what was known of them then stays, and what comes late lies in the open one (DOMAIN 13.2)."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from loyalty.ledger import asof, closing, finance
from loyalty.ledger.models import Entry, Program, Wallet

# What states a fact of time keeps the instant of that fact, and is recorded in the open month.
BY_TIME = (Entry.Kind.EXPIRY,)


@dataclass
class SignedMonths:
    """The months of a program that were signed off, with what was known of one account."""

    program: Program
    account: int
    months: list[tuple[date, datetime, datetime, asof.Position, dict[str, Any]]] = field(default_factory=list)

    def sign(self, *, at: datetime) -> None:
        """Sign the last month off, unless that was done."""
        wallet = self._wallet()
        month = closing.last_month(wallet, at=at)
        last = closing.last_closed(wallet)
        while last and last.month < month:
            last = self._sign(wallet, closing.add_months(last.month, 1), at)
        if last is None:
            self._sign(wallet, month, at)

    def _sign(self, wallet: Wallet, month: date, at: datetime) -> Any:
        close = closing.close_month(wallet, month, at=at, actor="staff:1")
        _since, until = finance.month_bounds(month, self.program.time_zone)
        self.months.append((month, until, at, self._known(until, at), close.figures))
        return close

    def broken(self) -> list[Any]:
        """What of a signed month reads otherwise now, and entries that came into one afterwards."""
        found: list[Any] = []
        for month, until, at, position, figures in self.months:
            if finance.roll_forward(self._wallet(), month).as_json() != figures:
                found.append((month, "figures"))
            if self._known(until, at) != position:
                found.append((month, "known then", position, self._known(until, at)))
            later = Entry.objects.filter(account=self.account, recorded_at__gt=at, effective_at__lt=until)
            found += [(month, one.kind, one.amount) for one in later.exclude(kind__in=BY_TIME) if one.amount]
        return found

    def _known(self, until: datetime, at: datetime) -> asof.Position:
        return asof.position(self.account, at=until - timedelta(microseconds=1), known_at=at)

    def _wallet(self) -> Wallet:
        return Wallet.objects.select_related("program").get(program=self.program, is_main=True)

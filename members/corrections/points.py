"""The lines of adjustments and of their undo, looked up for many accounts with a constant number of queries.

Added points live as the wallet's policy says from the day they were asked for, unless a last valid day is given. What
is taken comes from lots in burn order. An undo takes added points from their own lot first and then from others, never
below zero: what was spent meanwhile is short. Taken points return with the end they had, at least GRACE_DAYS ahead.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from loyalty.common.changes import Asked, Plan, Row
from loyalty.common.clock import day_start, last_valid_day, local_day
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.ledger import policies
from loyalty.ledger.adjusting import Adjustment, adjust_many, draws, settled
from loyalty.ledger.models import Entry, Lot, Wallet
from loyalty.ledger.posting import BY_POLICY, InsufficientPoints
from loyalty.ledger.statements import balances

GRACE_DAYS = 14
KIND = Entry.Kind.ADJUSTMENT.value


class NothingToAdjust(Refusal):
    """An adjustment of no points at all."""

    code = "nothing_to_adjust"
    status = 422


def plan(
    asked: Asked,
    wallet: Wallet,
    amounts: Mapping[int, int],
    names: Mapping[int, str],
    *,
    at: datetime,
    locked: bool,
    last_day: Any = BY_POLICY,
) -> Plan:
    """The lines of these adjustments: points by account. What does not fit is left out with the numbers.

    Raises NothingToAdjust.
    """
    if not all(amounts.values()):
        raise NothingToAdjust(
            _("Say how many points to add, or with a minus to take: 0 changes nothing."), field="points"
        )
    if locked:
        settled(amounts, at=at)
    debts = {account: held.debt for account, held in balances(amounts, at=at).items() if held.debt}
    facts = _dates(asked, wallet, last_day)
    found = draws({account: -n for account, n in amounts.items() if n < 0}, at=at)
    made = Plan([], wallet)
    for account, amount in amounts.items():
        if amount > 0:
            repaid = {"repays": min(amount, debts[account])} if account in debts and "from" not in facts else {}
            made.rows.append(Row(str(account), account, KIND, amount, facts | repaid))
            continue
        parts, missing = found[account]
        if missing or account in debts:
            has = show_points(-amount - missing, wallet.decimals)
            made.refusal = InsufficientPoints(
                _("The member has only %(has)s points that can be taken.") % {"has": has}, missing=missing
            )
            made.left_out.append((names[account], str(made.refusal)))
            continue
        made.rows.append(Row(str(account), account, KIND, amount, {"lots": [list(part) for part in parts]}))
    return made


def post(asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
    """Write the lines of an adjustment or of its undo."""
    adjust_many(
        [
            Adjustment(
                account_id=row.account_id or 0,
                amount=row.amount,
                reference=asked.reference(row),
                available_at=instant(row.facts.get("from")),
                expires_at=instant(row.facts.get("until")),
                lots=[(lot, part) for lot, part in row.facts.get("lots", [])],
            )
            for row in rows
        ],
        at=at,
        actor=actor,
        reason=asked.reason,
    )


def plan_undo(
    asked: Asked,
    done: Sequence[Row],
    *,
    at: datetime,
    locked: bool,
    only: Sequence[Row] | None,
    names: Mapping[int, str],
) -> Plan:
    """The lines that take adjustments back."""
    keys = {row.key.partition(":")[0] for row in only} if only is not None else None
    done = [row for row in done if keys is None or row.key in keys]
    accounts = [row.account_id or 0 for row in done]
    wallet = Wallet.objects.select_related("program").filter(accounts__in=accounts[:1]).first()
    if locked:
        settled(accounts, at=at)
    made = Plan([], wallet)
    _take_back(asked, made, [row for row in done if row.amount > 0], names, at=at)
    _give_back(asked, made, [row for row in done if row.amount < 0])
    return made


def _take_back(asked: Asked, made: Plan, added: Sequence[Row], names: Mapping[int, str], *, at: datetime) -> None:
    own = {
        account: (lot, gone + (left if end is not None and end <= at else 0))
        for account, lot, gone, left, end in Lot.objects.filter(
            entry__reference__any_of=[f"change:{asked.undoes}:{row.key}" for row in added], entry__kind=KIND
        ).values_list("account_id", "id", "expired", "remaining", "expires_at")
    }
    due = {row.account_id or 0: row.amount - own[row.account_id or 0][1] for row in added}
    found = draws(due, at=at, first={account: [lot] for account, (lot, _gone) in own.items()})
    for row in added:
        account = row.account_id or 0
        parts, missing = found[account]
        if not parts:
            made.left_out.append((names.get(account, row.key), _("These points were spent or have run out.")))
            continue
        facts = {"lots": [list(part) for part in parts]}
        made.rows.append(Row(row.key, account, KIND, missing - due[account], facts, short=missing))
    if short := sum(missing for _parts, missing in found.values()):
        decimals = made.wallet.decimals if made.wallet else 0
        made.warnings.append(
            _("%(short)s points were spent meanwhile and cannot be taken back.")
            % {"short": show_points(short, decimals)}
        )


def _give_back(asked: Asked, made: Plan, taken: Sequence[Row]) -> None:
    lots = {lot for row in taken for lot, _part in row.facts["lots"]}
    ends = dict(Lot.objects.filter(id__any_of=list(lots)).values_list("id", "expires_at"))
    zone = asked.program.time_zone
    least = day_start(local_day(asked.asked_at, zone) + timedelta(days=GRACE_DAYS + 1), zone)
    for row in taken:
        parts: dict[datetime | None, int] = {}
        for lot, part in row.facts["lots"]:
            end = ends[lot]
            until = max(end, least) if end is not None else None
            parts[until] = parts.get(until, 0) + part
        for number, (until, part) in enumerate(parts.items()):
            facts = {"until": until.isoformat() if until else None}
            made.rows.append(Row(f"{row.key}:{number}", row.account_id, KIND, part, facts))


def _dates(asked: Asked, wallet: Wallet, last_day: Any) -> dict[str, Any]:
    """From when and until when added points live, as facts of a line."""
    terms = policies.terms_of([wallet.pk])[wallet.pk]
    begin = terms.available_at(asked.asked_at)
    zone = wallet.program.time_zone
    if last_day is BY_POLICY:
        until = terms.expires_at(begin)
    else:
        until = day_start(last_day + timedelta(days=1), zone) if last_day else None
    facts: dict[str, Any] = {"until": until.isoformat() if until else None}
    return facts | ({"from": begin.isoformat()} if begin > asked.asked_at else {})


def words(asked: Asked, row: Row) -> str:
    """The dates of a line in words."""
    if "until" not in row.facts:
        return _("taken from what runs out soonest")
    until = instant(row.facts["until"])
    day = last_valid_day(until, asked.program.time_zone) if until else None
    said = _("valid through %(day)s") % {"day": shown_day(day)} if day else _("never expires")
    if row.facts.get("repays"):
        said += ", " + _("%(points)d of them repay a debt") % {"points": row.facts["repays"]}
    return said


def shown_day(day: date) -> str:
    """A day as it is read."""
    return date_format(day, "j M Y")


def instant(text: str | None) -> datetime | None:
    """An instant of a line's facts."""
    return datetime.fromisoformat(text) if text else None


def day_of(parameters: Mapping[str, Any]) -> Any:
    """The last valid day that was asked for: a day, None for never, BY_POLICY when nothing was said."""
    if "last_day" not in parameters:
        return BY_POLICY
    return date.fromisoformat(parameters["last_day"]) if parameters["last_day"] else None

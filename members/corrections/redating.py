"""Points that members have already are given the end of another expiry policy, explicitly and through a preview (DOMAIN 9.4).

Nothing ends sooner than the wallet's days of notice after it was asked for. An undo gives each lot its policy and its end
back, again not sooner than the days of notice.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.clock import day_start, last_valid_day, local_day
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.ledger import policies, trails
from loyalty.ledger.ends import Moved, move_ends
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Entry, ExpiryPolicy, Lot, Wallet
from loyalty.ledger.showing import words_of
from members.corrections.points import shown_day
from members.corrections.selecting import in_words, select

KIND = Entry.Kind.EXTENSION.value


class PolicyUnknown(Refusal):
    """The program has no expiry policy of this id."""

    code = "policy_unknown"
    status = 422


class RedatePoints(ChangeKind):
    """Re-date points. Parameters: selection, policy (id of a version), since, until (days earned), rule (how its version begins)."""

    name = "redate"
    title = gettext_lazy("Re-date points")
    question = gettext_lazy("Which points get the end of another expiry policy?")
    form = "members.corrections.redating_form.RedateForm"

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        wallet = _wallet(asked)
        chosen = select(asked, asked.parameters["selection"], only=only, wallet=wallet)
        if locked:
            lock(*chosen.accounts.values())
        lots = _lots(asked, list(chosen.accounts.values()), at=at)
        found = _Found(wallet)
        rows = _rows(asked, wallet, lots, found)
        if only is not None:
            return Plan(rows, wallet, left_out=chosen.left_out)
        return Plan(rows, wallet, found.said(rows), chosen.left_out, months=found.months())

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        _post(asked, rows, at=at, actor=actor)

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        keys = {row.key for row in only} if only is not None else None
        done = [row for row in done if keys is None or row.key in keys]
        wallet = _wallet(asked)
        if locked:
            lock(*(row.account_id or 0 for row in done))
        lots = [int(lot) for row in done for lot in row.facts["lots"]]
        still = Lot.objects.filter(id__any_of=lots, remaining__gt=0).exclude(expires_at__lte=at)
        now = {lot: (end, policy) for lot, end, policy in still.values_list("id", "expires_at", "expiry_policy_id")}
        least = _least(asked, wallet)
        made = Plan([], wallet)
        for row in done:
            back = {
                lot: [_text(now[int(lot)][0]), _text(_at_least(_instant(was), least)), before, policy]
                for lot, (was, _until, policy, before) in row.facts["lots"].items()
                if int(lot) in now and now[int(lot)][1] == policy
            }
            if back:
                made.rows.append(Row(row.key, row.account_id, KIND, 0, {"lots": back}))
        return made

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        _post(asked, rows, at=at, actor=actor)

    def limits(self, plan: Plan) -> list[Limit] | None:
        points = sum(row.facts.get("points", 0) for row in plan.rows)
        return [Limit("bulk_members", len(plan.rows)), Limit("bulk_points", points)]

    def words(self, asked: Asked, row: Row) -> str:
        ends = sorted({told[1] for told in row.facts["lots"].values()}, key=lambda end: end or "9999")
        shown = [_day(_instant(end), asked.program.time_zone) for end in ends]
        days = (
            ", ".join(shown) if len(shown) < 3 else _("%(first)s to %(last)s") % {"first": shown[0], "last": shown[-1]}
        )
        if "points" in row.facts:
            points = show_points(row.facts["points"], row.facts.get("decimals", 0))
            return _("%(points)s points valid through %(days)s") % {"points": points, "days": days}
        return _("valid through %(days)s again") % {"days": days}

    def summary(self, asked: Asked) -> str:
        policy = ExpiryPolicy.objects.select_related("wallet", "season").get(pk=asked.parameters["policy"])
        words = {"policy": policy, "when": words_of(policy), "who": in_words(asked.parameters["selection"])}
        return _("Under expiry policy “%(policy)s” (%(when)s): %(who)s") % words


def _wallet(asked: Asked) -> Wallet:
    """The wallet of the policy that is asked for. Raises PolicyUnknown."""
    policy = ExpiryPolicy.objects.filter(pk=asked.parameters["policy"], wallet__program=asked.program)
    found = policy.select_related("wallet__program").first()
    if found is None:
        raise PolicyUnknown(_("This program has no such expiry policy."))
    return found.wallet


def _lots(asked: Asked, accounts: list[int], *, at: datetime) -> QuerySet[Lot]:
    """The open lots that are asked for: what has run out stays gone, what waits for an event is left."""
    told, zone = asked.parameters, asked.program.time_zone
    lots = Lot.objects.filter(account__any_of=accounts, remaining__gt=0, available_at__isnull=False)
    lots = lots.exclude(expires_at__lte=at).filter(granted_at__lte=asked.asked_at)
    if told.get("since"):
        lots = lots.filter(granted_at__gte=day_start(date.fromisoformat(told["since"]), zone))
    if told.get("until"):
        lots = lots.filter(granted_at__lt=day_start(date.fromisoformat(told["until"]) + timedelta(days=1), zone))
    if told.get("rule"):
        lots = lots.filter(rule_version__startswith=told["rule"])
    return lots.order_by("account_id", "id")


def _rows(asked: Asked, wallet: Wallet, lots: QuerySet[Lot], found: "_Found") -> list[Row]:
    """By account: its lots with the end and the policy before and since."""
    policy_id = int(asked.parameters["policy"])
    terms = policies.terms_of([wallet.pk])[wallet.pk]
    policy, least = terms.named[policy_id], _least(asked, wallet)
    columns = ("id", "account_id", "available_at", "expires_at", "expiry_policy_id", "remaining")
    read: list[Any] = list(lots.values_list(*columns))
    told = trails.trails({lot[1] for lot in read}, at=asked.asked_at) if policy.is_idle else {}
    by_account: dict[int, dict[str, list[Any]]] = {}
    points: Counter[int] = Counter()
    for lot_id, account, available_at, expires_at, before, left in read:
        end = terms.expires_at(available_at, policy_id)
        if policy.is_idle:
            end = trails.fold(end, policy, told[account].acts, (), terms)
        until = _at_least(end, least)
        if until != expires_at or before != policy_id:
            by_account.setdefault(account, {})[str(lot_id)] = [_text(expires_at), _text(until), policy_id, before]
            points[account] += left
            found.add(expires_at, until, left)
    more = {"decimals": wallet.decimals} if wallet.decimals else {}
    return [Row(str(a), a, KIND, 0, {"lots": told, "points": points[a]} | more) for a, told in by_account.items()]


class _Found:
    """What whoever decides has to see: how many points end in which month before and after, and what ends sooner."""

    def __init__(self, wallet: Wallet) -> None:
        self.wallet, self.zone = wallet, wallet.program.time_zone
        self.before: Counter[str] = Counter()
        self.after: Counter[str] = Counter()
        self.lots = self.sooner = 0
        self.first: datetime | None = None

    def add(self, was: datetime | None, until: datetime | None, points: int) -> None:
        """One lot that moves."""
        self.before[self._month(was)] += points
        self.after[self._month(until)] += points
        self.lots += 1
        self.sooner += until is not None and (was is None or until < was)
        if until is not None:
            self.first = min(self.first or until, until)

    def said(self, rows: Sequence[Row]) -> list[str]:
        """The earliest new end, how many get less time, and the largest, as sentences."""
        if not rows:
            return []
        told = [] if self.first is None else [_("The earliest new last day is %(day)s.") % {"day": _day(self.first, self.zone)}]  # fmt: skip
        most = show_points(max(row.facts["points"] for row in rows), self.wallet.decimals)
        return [
            *told,
            _("%(sooner)d of %(lots)d lots end sooner than now.") % {"sooner": self.sooner, "lots": self.lots},
            _("The member with the most has %(points)s points in it.") % {"points": most},
        ]

    def months(self) -> list[tuple[str, int, int]]:
        """Points by the month they end in, before and after; those that never end come last."""
        months = sorted({*self.before, *self.after}, key=lambda month: month or "9999")
        return [(month, self.before[month], self.after[month]) for month in months]

    def _month(self, end: datetime | None) -> str:
        return "" if end is None else last_valid_day(end, self.zone).isoformat()[:7]


def _post(asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
    moves = [
        Moved(
            row.account_id or 0,
            asked.reference(row),
            {int(lot): (_instant(was), _instant(until)) for lot, (was, until, *_p) in row.facts["lots"].items()},
            {int(lot): (policy, before) for lot, (_w, _u, policy, before) in row.facts["lots"].items()},
        )
        for row in rows
    ]
    move_ends(moves, at=at, actor=actor, reason=asked.reason)


def _least(asked: Asked, wallet: Wallet) -> datetime:
    """The earliest end anything may be given: after the days of notice from when it was asked for."""
    zone = wallet.program.time_zone
    return day_start(local_day(asked.asked_at, zone) + timedelta(days=wallet.notice_days + 1), zone)


def _at_least(end: datetime | None, least: datetime) -> datetime | None:
    return None if end is None else max(end, least)


def _day(end: datetime | None, zone: str) -> str:
    return _("for ever") if end is None else shown_day(last_valid_day(end, zone))


def _text(end: datetime | None) -> str | None:
    return end.isoformat() if end else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None

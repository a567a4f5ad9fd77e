"""Staff move points for a member, and undo what a member or they moved (DOMAIN 12.4).

Points move at the agreed rate and keep their end, also to another program; the wallet's limits are the members' own and do not bind
staff, the approval limits do. An undo takes what is left of the received points, from their own lots first and never below zero, and
gives the giver the same part back, those that live longest first, with the end they had, at least GRACE_DAYS ahead.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.clock import day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.common.ids import show_member_number
from loyalty.common.money import show_points
from loyalty.ledger import statements, transfers
from loyalty.ledger.adjusting import draws, settled
from loyalty.ledger.drawing import InsufficientPoints
from loyalty.ledger.models import Account, Allocation, Entry, ExchangeRate, Lot, Wallet
from members import lookup, passing
from members.corrections import points
from members.models import Member, MemberAccount

KIND = Entry.Kind.TRANSFER.value
OUT, IN = "out", "in"


class NothingToUndo(Refusal):
    """No transfer that can be undone: none of this program, undone before, or nothing is left of it."""

    code = "nothing_to_undo"


class MovePoints(ChangeKind):
    """Move a member's points. Parameters: number, to, amount, and into (the id of an exchange rate; 0 for the same kind)."""

    name = "move_points"
    title = gettext_lazy("Move points")
    question = gettext_lazy("Whose points are moved, to whom, and what do they become?")
    may_ask = "jobs.ask_adjustment"
    form = "members.corrections.moving_form.MoveForm"
    is_whole = True

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        giver, taker, _to = _sides(asked)
        wallet, amount = giver.wallet, asked.parameters["amount"]
        if giver.pk == taker.pk:
            raise transfers.TransferNotAllowed(_("These points are on this account already."))
        rate = transfers.rate_between(wallet, taker.wallet)
        if locked:
            settled([giver.pk, taker.pk], at=at)
        made = Plan([], wallet)
        drawn, missing = draws({giver.pk: amount}, at=at)[giver.pk]
        if missing:
            has = statements.balance(giver.pk, at=at).available
            words = _("The member has only %(has)s points that can be taken.")
            made.refusal = InsufficientPoints(words % {"has": show_points(has, wallet.decimals)}, missing=missing)
            return made
        arrives = transfers.by_expiry(drawn, rate)
        received = sum(part for _end, part in arrives)
        if not received:
            raise transfers.NothingArrives(
                _("So few points become none of the other kind. Pass on more."), rate=str(rate)
            )
        told = {
            "rate": str(rate),
            "received": received,
            "ends": [[end and end.isoformat(), part] for end, part in arrives],
        }
        same = wallet.decimals == taker.wallet.decimals
        made.rows = [
            Row(OUT, giver.pk, KIND, -amount, {"lots": [list(part) for part in drawn]}),
            Row(IN, taker.pk, KIND, received if same else 0, told),
        ]
        if rate != 1:
            made.warnings.append(_in_words(taker.wallet, amount, received, giver.wallet))
        return made

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        out = next(row for row in rows if row.key == OUT)
        giver, taker, to = _sides(asked)
        passing.pass_on(
            giver, to, -out.amount, at=at, reference=asked.reference(out), source="desk", actor=actor,
            to_wallet=taker.wallet.slug, is_limited=False, reason=asked.reason,
        )  # fmt: skip

    def plan_undo(
        self, asked: Asked, done: Sequence[Row], *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None
    ) -> Plan:  # fmt: skip
        entry = Entry.objects.get(account=_of(done, OUT), reference=f"change:{asked.undoes}:{OUT}", kind=KIND)
        return plan_back(asked, entry, at=at, locked=locked)

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        points.post(asked, rows, at=at, actor=actor)

    def limits(self, plan: Plan) -> list[Limit] | None:
        moved = max((abs(row.amount) for row in plan.rows), default=0)
        return [Limit("adjustment_points", moved), Limit("adjustment_points_a_day", moved)]

    def words(self, asked: Asked, row: Row) -> str:
        if "received" not in row.facts:
            return points.words(asked, row)
        wallet = Wallet.objects.select_related("program").get(accounts=row.account_id)
        received: int = row.facts["received"]
        shown = f"{show_points(received, wallet.decimals)} {wallet.name_of(received)}"
        return _("receives %(points)s of %(program)s, which keep their end") % {
            "points": shown,
            "program": wallet.program,
        }

    def summary(self, asked: Asked) -> str:
        told = asked.parameters
        return _("%(points)s points from %(number)s to %(to)s") % {
            "points": show_points(told["amount"]), "number": show_member_number(told["number"]), "to": show_member_number(told["to"]),
        }  # fmt: skip


class UndoTransfer(MovePoints):
    """Undo what a member passed on. Parameters: entry, the id of the debit."""

    name = "undo_transfer"
    title = gettext_lazy("Undo a transfer of points")
    question = gettext_lazy("Which transfer is taken back?")
    form = "members.corrections.moving_form.UndoTransferForm"
    can_undo = False

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        return plan_back(asked, debit_of(asked.program, asked.parameters["entry"]), at=at, locked=locked)

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        points.post(asked, rows, at=at, actor=actor)

    def summary(self, asked: Asked) -> str:
        entry = debit_of(asked.program, asked.parameters["entry"])
        number = MemberAccount.objects.select_related("member").get(account=entry.account_id).member.shown_number
        shown = show_points(-entry.amount, entry.account.wallet.decimals)
        return _("%(points)s points that %(number)s passed on") % {"points": shown, "number": number}


def debit_of(program: Any, entry_id: int) -> Entry:
    """The debit of a transfer out of an account of this program. Raises NothingToUndo."""
    entries = Entry.objects.filter(account__wallet__program=program, kind=KIND, amount__lt=0)
    found = entries.select_related("account__wallet__program").filter(pk=entry_id).first()
    if found is None:
        raise NothingToUndo(
            _("There is no transfer out of an account with this number. Look it up in the ledger entries.")
        )
    return found


def plan_back(asked: Asked, entry: Entry, *, at: datetime, locked: bool) -> Plan:
    """The lines that take a transfer back. Raises NothingToUndo."""
    giver = Account.objects.select_related("wallet__program").get(pk=entry.account_id)
    taker = Account.objects.select_related("wallet").get(pk=entry.explanation["to"])
    if giver.wallet.decimals != taker.wallet.decimals:
        raise NothingToUndo(_("These two kinds of points have different decimals: adjust both members instead."))
    if locked:
        settled([giver.pk, taker.pk], at=at)
    key = f"back{entry.pk}"
    undone = Entry.objects.filter(account=taker, kind=Entry.Kind.ADJUSTMENT, reference__startswith="change:", reference__endswith=f":{key}")  # fmt: skip
    if undone.exists():
        raise NothingToUndo(_("This transfer was undone before."))
    credits = Entry.objects.filter(account=taker, kind=KIND, amount__gt=0, reference__startswith=f"{entry.reference}/")
    received = credits.aggregate(points=Sum("amount"))["points"] or 0
    own = list(Lot.objects.filter(entry__in=credits).values_list("pk", flat=True))
    drawn, missing = draws({taker.pk: received}, at=at, first={taker.pk: own})[taker.pk]
    taken = received - missing
    back = -entry.amount if not missing else -entry.amount * taken // received
    if not back:
        raise NothingToUndo(_("Nothing is left of these points: they were spent or have run out."))
    made = Plan(
        [Row(key, taker.pk, points.KIND, -taken, {"lots": [list(part) for part in drawn]}, short=missing)], giver.wallet
    )
    for number, (until, part) in enumerate(_ends(asked, entry, back)):
        facts = {"until": until.isoformat() if until else None}
        made.rows.append(Row(f"giver{number}", giver.pk, points.KIND, part, facts))
    if missing:
        words = _("%(short)s points were spent meanwhile and cannot be taken back.")
        made.warnings.append(words % {"short": show_points(missing, giver.wallet.decimals)})
    return made


def _ends(asked: Asked, entry: Entry, back: int) -> list[tuple[datetime | None, int]]:
    """What the giver gets back by its end, those that live longest first."""
    zone = asked.program.time_zone
    least = day_start(local_day(asked.asked_at, zone) + timedelta(days=points.GRACE_DAYS + 1), zone)
    drawn: dict[datetime | None, int] = {}
    for end, part in Allocation.objects.filter(entry=entry).values_list("lot__expires_at", "amount"):
        until = max(end, least) if end else None
        drawn[until] = drawn.get(until, 0) + part
    found, left = [], back
    for until in sorted(drawn, key=lambda end: (end is None, end or least), reverse=True):
        if part := min(left, drawn[until]):
            found.append((until, part))
            left -= part
    return found


def _sides(asked: Asked) -> tuple[Account, Account, Member]:
    """Whose points move, where to, and to whom. Raises NoExchange, ReceiverUnknown, MemberUnknown."""
    told = asked.parameters
    giver = passing.account_in(lookup.by_number(asked.program, told["number"]))
    if not told.get("into"):
        to = passing.receiver(asked.program, told["to"])
        return giver, passing.account_in(to, giver.wallet.slug), to
    agreed = (
        ExchangeRate.objects.select_related("to_wallet__program")
        .filter(pk=told["into"], from_wallet=giver.wallet)
        .first()
    )
    if agreed is None or not agreed.is_active:
        raise transfers.NoExchange(_("Points of the one kind cannot become points of the other: no rate was agreed."))
    to = passing.receiver(agreed.to_wallet.program, told["to"])
    return giver, passing.account_in(to, agreed.to_wallet.slug), to


def _of(done: Sequence[Row], key: str) -> int | None:
    return next(row.account_id for row in done if row.key == key)


def _in_words(taker: Wallet, amount: int, received: int, giver: Wallet) -> str:
    """What becomes of how much."""
    return _("%(points)s become %(received)s of %(program)s, rounded down.") % {
        "points": f"{show_points(amount, giver.decimals)} {giver.name_of(amount)}",
        "received": f"{show_points(received, taker.decimals)} {taker.name_of(received)}",
        "program": taker.program,
    }


def shown_rate(agreed: ExchangeRate) -> str:
    """A rate in words for choices: `Teh: points, 1 becomes 0.3`."""
    wallet = agreed.to_wallet
    rate = Decimal(agreed.rate).normalize()
    return _("%(program)s: %(units)s, 1 becomes %(rate)s") % {
        "program": wallet.program, "units": wallet.name_of(0), "rate": f"{rate:f}",
    }  # fmt: skip

"""Changing what one point is worth: the liability before and after is previewed, and applied exactly so or not at all (DOMAIN 8.4).

No points move. What changes is the money that all outstanding points stand for, so they and those who hold them count against the
limits of bulk changes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.errors import Refusal
from loyalty.common.money import show_money, show_points
from loyalty.ledger.models import Lot, Program, Wallet

KIND = "worth"
CENT = Decimal("0.01")


class NoNewWorth(Refusal):
    """The wallets are worth what was asked for already."""

    code = "nothing_to_do"
    status = 422


class ChangeWorth(ChangeKind):
    """Change what one of a wallet's points is worth. Parameters: worths, by the wallet's short name an amount as text."""

    name = "worth"
    title = gettext_lazy("Change what points are worth")
    question = gettext_lazy("How much money does one point stand for? Liability, costs and budgets in money follow it.")
    form = "loyalty.ledger.worth_form.WorthForm"
    is_whole = True
    is_personal = False

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        made = _plan(asked.program, asked.parameters["worths"], at=at, locked=locked)
        made.refusal = NoNewWorth(_("Nothing would change: this is what points are worth already."))
        return made

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        for row in rows:
            Wallet.objects.filter(program=asked.program, slug=row.key).update(money_per_unit=Decimal(row.facts["to"]))

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        now = _wallets(asked.program, locked=locked)
        worths = {slug: text_of(wallet.money_per_unit) for slug, wallet in now.items()}
        still = {row.key: row.facts["from"] for row in done if worths.get(row.key) == row.facts["to"]}
        made = _plan(asked.program, still, at=at, locked=locked)
        changed = [row.facts["wallet"] for row in done if row.key not in still]
        made.left_out = [(wallet, _("It was changed again since.")) for wallet in changed]
        return made

    def limits(self, plan: Plan) -> list[Limit] | None:
        return [Limit("bulk_members", plan.worth.get("members", 0)), Limit("bulk_points", plan.worth.get("points", 0))]

    def words(self, asked: Asked, row: Row) -> str:
        money = {name: _shown(Decimal(row.facts[name]), asked.program) for name in ("from", "to")}
        told = {"what": row.facts["wallet"], "before": money["from"], "after": money["to"]}
        return _("%(what)s: from %(before)s to %(after)s") % told

    def summary(self, asked: Asked) -> str:
        worths = asked.parameters["worths"]
        return ", ".join(f"{slug} {_shown(Decimal(worth), asked.program)}" for slug, worth in sorted(worths.items()))


def _plan(program: Program, wanted: Mapping[str, str], *, at: datetime, locked: bool) -> Plan:
    """A row for each wallet that would be worth something else, and what that makes of the liability."""
    wallets = _wallets(program, locked=locked)
    changed = {slug: one for slug, one in wallets.items() if slug in wanted and text_of(one.money_per_unit) != wanted[slug]}  # fmt: skip
    rows = [
        Row(slug, None, KIND, 0, {"from": text_of(one.money_per_unit), "to": wanted[slug], "wallet": str(one)})
        for slug, one in changed.items()
    ]
    only_one = next(iter(changed.values())) if len(changed) == 1 else None
    if locked:
        return Plan(rows, only_one)
    told = {slug: _held(one, at=at) for slug, one in changed.items()}
    said = [line for slug, one in changed.items() for line in _said(one, Decimal(wanted[slug]), *told[slug])]
    totals = {
        "members": sum(count for count, _points in told.values()),
        "points": sum(n for _count, n in told.values()),
    }
    return Plan(rows, only_one, said, worth=totals)


def _wallets(program: Program, *, locked: bool) -> dict[str, Wallet]:
    """The program's wallets by short name, in the order of their ids."""
    found = Wallet.objects.filter(program=program).select_related("program").order_by("pk")
    if locked:
        found = found.select_for_update(no_key=True, of=("self",))
    return {wallet.slug: wallet for wallet in found}


def _held(wallet: Wallet, *, at: datetime) -> tuple[int, int]:
    """How many accounts have outstanding points at an instant, and how many points those are: one query."""
    open_lots = Lot.objects.filter(account__wallet=wallet, remaining__gt=0)
    open_lots = open_lots.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))
    found = open_lots.aggregate(members=Count("account", distinct=True), points=Sum("remaining"))
    return found["members"], int(found["points"] or 0)


def _said(wallet: Wallet, worth: Decimal, members: int, points: int) -> list[str]:
    """Who is touched and what becomes of the liability, for whoever decides."""
    before, after = (
        (points * one).scaleb(-wallet.decimals).quantize(CENT, ROUND_HALF_UP) for one in (wallet.money_per_unit, worth)
    )
    whose = ngettext("%(count)d member holds %(points)s %(units)s.", "%(count)d members hold %(points)s %(units)s.", members)  # fmt: skip
    held = {"count": members, "points": show_points(points, wallet.decimals), "units": wallet.name_of(points)}
    money = {"now": show_money(before, wallet.program.currency), "then": show_money(after, wallet.program.currency)}
    more = {"money": show_money(abs(after - before), wallet.program.currency)}
    said = [whose % held, _("Liability now: %(now)s. With the new worth: %(then)s.") % money]
    if after > before:
        said.append(_("That is %(money)s more.") % more)
    elif after < before:
        said.append(_("That is %(money)s less.") % more)
    return said


def _shown(worth: Decimal, program: Program) -> str:
    """The worth of one, exactly: a hundredth may be far too coarse."""
    return f"{text_of(worth)} {program.currency}"


def text_of(worth: Decimal) -> str:
    """An amount as JSON, always the same way."""
    return format(Decimal(worth).normalize(), "f")

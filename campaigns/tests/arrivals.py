"""Short histories and all the orders in which they may become known (DOMAIN 2.5).

What members did (purchases, refunds, events) may be told at any time after it happened; what we do ourselves (reviews, sweeps, tiers
given by hand, edits of the policy, redemptions, months signed off) happens when it happens. A history is told once as it happened, and then in every
order of arrival; everything that can be seen in the end has to be the same.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F

from campaigns import confirmations, events, purchases, refunds
from campaigns.confirmations import Happened
from campaigns.models import Campaign, RuleUse
from campaigns.refunds import Return
from campaigns.tests.closed import SignedMonths
from campaigns.tests.shop import add_campaign, add_rule, open_shop, sale
from campaigns.ways.recording import take_back
from loyalty.common.changes import Asked, Row
from loyalty.ledger import expiry, limiting, policies, posting
from loyalty.ledger.checking import verify
from loyalty.ledger.models import Lot, Program
from loyalty.ledger.statements import balance
from loyalty.tests import lock_order
from members.enrolment import main_account
from members.models import Event, Member, Purchase, Refund, Tier, TierGrant, TierPolicy, TierStay
from members.testing import make_member, make_program
from members.tiers.editing import EditTiers, terms_of
from members.tiers.going_back import NoWayBack
from members.tiers.granting import give, withdraw
from members.tiers.reviewing import counting, due, walk_on

FIRST = datetime(2026, 1, 2, 5, tzinfo=UTC)
DAY = timedelta(days=1)
LAST = 560
TOLD = ("sale", "return", "event", "take", "confirm")
BY_TIER = {"award": {"kind": "multiplier", "by_tier": {"silver": "1.5", "gold": "3"}, "qualifying": True}}


EVENTS = {
    "visits": {"award": {"kind": "fixed", "points": "30"}, "conditions": {"activity": "visit"}, "caps": {"month": "40"}},
    "second": {"award": {"kind": "fixed", "points": "25"}, "conditions": {"activity": "survey", "every_nth": 2}},
    "silver": {"award": {"kind": "fixed", "points": "20"}, "conditions": {"activity": "share", "tiers": ["silver"]}},
    "double": {"award": {"kind": "multiplier", "factor": "1.1"}},
    "gift": {"award": {"kind": "fixed", "points": "50"}, "conditions": {"activity": "gift"}},
}  # fmt: skip
EXPIRIES: dict[str, dict[str, Any]] = {
    "never": {"expiry": "never"},
    "months": {"expiry": "months"},
    "days": {"expiry": "days", "count": 45},
    "idle": {"expiry": "days", "count": 45},
    "two": {"expiry": "days", "count": 65},
}
# Of another length than purchases: what the event "gift" gives where points of two lengths meet.
SOON = {
    "gift": {
        "award": {"kind": "fixed", "points": "400"},
        "conditions": {"activity": "gift"},
        "expiry": {"policy": "Soon"},
    }
}
# The rules that share one campaign's budget.
SHARED = ("double", "gift")


class Fact(NamedTuple):
    """Something that happened on a day: a sale (amount), a return (of which sale, quarters), a review, and so on."""

    day: int
    kind: str
    what: tuple[Any, ...] = ()


@dataclass(frozen=True)
class History:
    """Facts in order of time, under a tier policy and rules."""

    facts: tuple[Fact, ...]
    policy: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=lambda: {"tiers": BY_TIER})
    returns: str = "kept"
    keeps: dict[str, str] = field(default_factory=dict)
    expiry: str = "never"
    budget: int = 0
    limits: dict[str, int] = field(default_factory=dict)
    last: int = LAST
    waits: str = ""  # "days": 20 of them; "event": until the delivery, at most 30 days


def arrivals(facts: Sequence[Fact]) -> Iterator[tuple[int, ...]]:
    """Every order in which facts may become known: what we do keeps its order, what is told comes no earlier than it happened."""

    def rest(done: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        left = [number for number in range(len(facts)) if number not in done]
        if not left:
            yield done
        ours = next((number for number in left if facts[number].kind not in TOLD), len(facts))
        for number in left:
            # What is told before our next deed happened before it; our deed waits for nothing.
            is_known = facts[number].kind != "take" or facts[number].what[0] in done
            if number == ours or (number < ours and facts[number].kind in TOLD and is_known):
                yield from rest((*done, number))

    return rest(())


class Told:
    """A history being told to one member of a program of its own."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.program: Program = open_shop(make_program("urut", **EXPIRIES[history.expiry]))
        if history.expiry == "idle":
            wallet, words = self.program.wallets.get(), {"at": FIRST - 40 * DAY, "actor": "t"}
            policies.set_expiry(wallet, kind="idle_days", count=60, resets="earn,redeem,purchase,event", **words)
        begins, ends = FIRST - 30 * DAY, FIRST + 2 * LAST * DAY
        if history.expiry == "two":
            soon = {"name": "Soon", "kind": "days", "count": 45, "at": FIRST - 40 * DAY, "actor": "t"}
            policies.set_expiry(self.program.wallets.get(), **soon)
        campaign = (
            add_campaign(self.program, "season", begins, ends, budget_points=history.budget) if history.budget else None
        )
        for slug, definition in history.rules.items():
            add_rule(self.program, slug, definition, campaign=campaign if slug in SHARED else None)
        if history.limits:
            limiting.limit(self.program.wallets.get(), history.limits, at=begins)
        if history.waits == "days":
            self.program.wallets.update(activation_days=20)
        elif history.waits == "event":
            kind = {"kind": history.expiry, "count": 12, "confirmed_by": "delivered", "confirm_days": 30}
            policies.set_expiry(self.program.wallets.get(), at=begins, actor="t", **kind)
        Program.objects.filter(pk=self.program.pk).update(returns=history.returns)
        self.program.refresh_from_db()
        for slug, least in history.keeps.items():
            Tier.objects.filter(program=self.program, slug=slug).update(keep_threshold=Decimal(least))
        TierPolicy.objects.filter(program=self.program).update(**history.policy)
        self.member: Member = make_member(self.program, "Ani", at=FIRST - DAY)
        self.granted = 0
        self.signed = SignedMonths(self.program, main_account(self.member).pk)

    def tell(self, order: Sequence[int]) -> dict[str, Any]:
        """All facts in an order of arrival, then what is due in the end; what is seen of the member then."""
        now = FIRST
        for place, number in enumerate(order, start=1):
            fact = self.history.facts[number]
            now = max(now + timedelta(seconds=1), self.instant(number)) if place else now
            self.one(number, fact, now)
        end = FIRST + self.history.last * DAY
        self._walk_on(end)
        expiry.run_sweep(self.program, at=end)
        return self.seen(end)

    def instant(self, number: int) -> datetime:
        """When a fact happened: facts of one day a minute after each other."""
        return FIRST + self.history.facts[number].day * DAY + timedelta(minutes=number)

    def one(self, number: int, fact: Fact, now: datetime) -> None:
        """One fact arrives."""
        at = self.instant(number)
        getattr(self, f"_{fact.kind}")(number, at, now, *fact.what)

    def _sale(self, number: int, at: datetime, now: datetime, amount: int) -> None:
        purchases.record(self.program, sale(self.member, str(amount), at, receipt=f"r{number}"), at=now, actor="t")

    def _return(self, number: int, at: datetime, now: datetime, of: int, quarters: int) -> None:
        amount = Decimal(self.history.facts[of].what[0] * quarters) / 4
        back = Return(source="test", receipt=f"r{of}", number=f"b{number}", occurred_at=at, amount=amount)
        refunds.refund(self.program, back, at=now, actor="t")

    def _confirm(self, number: int, at: datetime, now: datetime, of: int) -> None:
        """An order was delivered."""
        confirmations.confirm(self.program, Happened("test", f"r{of}", "delivered", at), at=now, actor="t")

    def _event(self, number: int, at: datetime, now: datetime, kind: str) -> None:
        events.record_event(
            self.program, self.member, kind=kind, source="test", key=f"e{number}", occurred_at=at, at=now, actor="t"
        )

    def _take(self, number: int, at: datetime, now: datetime, of: int) -> None:
        """What an event earned is taken back."""
        event = Event.objects.select_related("program").get(member=self.member, key=f"e{of}")
        take_back(event, at=now, actor="t", reason="because", since=at)

    def _review(self, number: int, at: datetime, now: datetime) -> None:
        self._walk_on(at)

    def _sweep(self, number: int, at: datetime, now: datetime) -> None:
        expiry.run_sweep(self.program, at=at)

    def _close(self, number: int, at: datetime, now: datetime) -> None:
        self.signed.sign(at=now)

    def _walk_on(self, at: datetime) -> None:
        """As the job `review_tiers`, without its letters."""
        if due(self.program, at=at).exists() or counting(self.program, at=at).exists():
            walk_on(self.program, [self.member.pk], at=at)

    def _give(self, number: int, at: datetime, now: datetime, tier: str, days: int) -> None:
        """A tier given by hand; written as a fact, for whoever gives it may know less than is known later."""
        given = Tier.objects.get(program=self.program, slug=tier)
        self.member.refresh_from_db()
        if given.rank >= self.member.tier.rank:
            give(self.member, given, until=at + days * DAY, reason="because", reference=f"g{number}", at=at, actor="t")
            self.granted += 1

    def _withdraw(self, number: int, at: datetime, now: datetime) -> None:
        for grant in TierGrant.objects.filter(member=self.member, until__gt=at):
            withdraw(grant, at=at, actor="t")

    def _edit(self, number: int, at: datetime, now: datetime, terms: dict[str, Any], at_once: bool) -> None:
        """The thresholds or the policy are edited."""
        self.before, told = terms_of(self.program), terms_of(self.program)
        for name, value in terms.items():
            told["tiers" if name in told["tiers"] else "policy"][name] = value
        parameters = {"terms": told, "moves_down_at_once": at_once}
        EditTiers().post(Asked(self.program, parameters, "because", at, "t"), (), at=at, actor="t")

    def _undo(self, number: int, at: datetime, now: datetime) -> None:
        """The edit is undone, unless a review was decided since."""
        edit = Row("policy", None, "tier", 0, {"terms": self.before, "before": terms_of(self.program)})
        asked = Asked(self.program, {}, "because", at, "t", undoes=1)
        with suppress(NoWayBack):
            EditTiers().post_undo(asked, [edit], at=at, actor="t")
            self.granted += 1

    def _redeem(self, number: int, at: datetime, now: datetime, points: int) -> None:
        account = main_account(self.member).pk
        if balance(account, at=at).available >= points:
            posting.redeem(account, points, at=at, reference=f"x{number}", source="t", actor="t")
            self.granted += 1 << number  # another one granted is another answer

    def seen(self, end: datetime) -> dict[str, Any]:
        """Everything that can be seen of the member in the end."""
        member, account = self.member, main_account(self.member)
        now, lots = balance(account.pk, at=end), Counter[Any]()
        for expires_at, remaining in Lot.objects.filter(account=account).values_list("expires_at", "remaining"):
            lots[expires_at] += remaining
        stays = TierStay.objects.filter(member=member).order_by("since", "id").select_related("tier")
        lasting = [one for one in stays if one.until != one.since]
        bought = Purchase.objects.filter(member=member).select_related("tier").order_by("receipt")
        uses = (
            RuleUse.objects.filter(member=member)
            .annotate(left=F("points") - F("points_back"))
            .order_by("rule__slug", "reference")
        )
        return {
            "granted": self.granted,
            "points": now.available + now.pending - now.debt,
            "lots": {until: points for until, points in lots.items() if points},
            "later": [balance(account.pk, at=end + days * DAY).available for days in (1, 5, 10, 20, 40, 80)],
            "tier": Member.objects.get(pk=member.pk).tier.slug,
            "stays": [(one.tier.slug, one.since, one.until, one.review_at, one.renewed_at) for one in lasting],
            "purchases": [(o.receipt, o.tier.slug, o.points, o.points_returned, o.qualifying_points) for o in bought],
            "refunds": list(
                Refund.objects.filter(purchase__member=member).order_by("number").values_list("number", "status", "points", "qualifying_points")
            ),
            "events": list(Event.objects.filter(member=member).order_by("key").values_list("key", "points", "taken_back_at")),
            "spent": list(Campaign.objects.filter(program=self.program).values_list("spent_points", flat=True)),
            "closed": self.signed.broken(),
            "uses": [use for use in uses.values_list("rule__slug", "reference", "left") if use[2]],
        }  # fmt: skip


def violations(history: History, *, most: int | None = None, chance: Random | None = None) -> list[Any]:
    """The orders of arrival of a history that end otherwise: (order, what differs). At most so many orders, by chance."""
    with transaction.atomic():
        told = Told(history)
        expected = _apart(told, range(len(history.facts)))
        orders = list(arrivals(history.facts))
        if most is not None and len(orders) > most:
            orders = (chance or Random(0)).sample(orders, most)
        found = []
        for order in orders:
            got = _apart(told, order, is_proven=order == orders[-1])
            if got["granted"] != expected["granted"]:
                continue
            unlike = {name: (expected[name], got[name]) for name in expected if expected[name] != got[name]}
            if unlike:
                found.append((order, unlike))
        transaction.set_rollback(True)
    lock_order.broken()  # one thing told after the other in one transaction: only here, and rolled back
    return found


def _apart(told: Told, order: Sequence[int], *, is_proven: bool = False) -> dict[str, Any]:
    """What one order of arrival ends in; nothing of it stays. The books may have to be proven, too."""
    told.granted = 0
    told.signed.months.clear()
    with transaction.atomic():
        seen = told.tell(order)
        seen["books"] = list(verify(told.program)) if is_proven else []
        transaction.set_rollback(True)
    return seen

"""What an edit of the tiers would have given over the last twelve months: set-based, in batches, and nothing is written (DOMAIN 8.4).

The purchases of the members whom the edit touches are rated twice where all points are computed: in the tier they have now under the
multipliers of now, and in the tier they will have under the edited ones, in both cases as if that had been so all year. What differs is
the edit alone. Refunds take back their part. Where many purchases are touched, one member in so many is looked at.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Mod

from campaigns import rules
from campaigns.models import Rule, RuleVersion
from campaigns.replaying import Replay, batches, versions_of
from campaigns.rules import RuleBook
from campaigns.tier_benefits import NAMES, SLUG, Benefits, benefits_of, definition_of
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.ledger.models import Program
from members import retracing
from members.ladders import ladder
from members.models import Member, Purchase, Tier

MONTHS = 12
# More purchases than this are estimated from a part of the members, so that a preview stays a matter of seconds.
MOST = 20_000
LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
Moves = Mapping[int, tuple[int, int]]


class Fixed(Replay):
    """A walk in which every member has one tier all the time: what purchases count towards tiers is of no account."""

    def __init__(self, *told: Any, held_as: Mapping[int, Tier], **terms: Any) -> None:
        """`held_as` names the tier of every member who bought."""
        super().__init__(*told, **terms)
        self.held_as = held_as

    def _admit(self, member_ids: set[int]) -> None:
        self.memory.read(member_ids, at=self.since)
        self.walks |= {member_id: retracing.Walk([self.steps], [], self.since) for member_id in member_ids}

    def _tier(self, bought: Purchase, walk: retracing.Walk) -> Tier:
        return self.held_as[bought.member_id]


def worth_of(program: Program, moves: Moves, benefits: Benefits, *, at: datetime) -> dict[str, int]:
    """What members would have had more: {"points", "gifts", "purchases", "every"}, see `members.tiers.impact.worth_of`."""
    now = benefits_of(program)
    since = day_start(add_months(local_day(at, program.time_zone), -MONTHS), program.time_zone)
    tiers = {tier.pk: tier for tier in Tier.objects.filter(program=program)}
    changed = [pk for pk, tier in tiers.items() if definition_of({"": now[tier.slug]}) != definition_of({"": benefits[tier.slug]})]  # fmt: skip
    touched = Member.objects.filter(program=program).filter(Q(tier__in=changed) | Q(pk__any_of=list(moves)))
    purchases = Purchase.objects.filter(member__in=touched.order_by().values("pk"), occurred_at__gte=since, occurred_at__lt=at).count()  # fmt: skip
    every = -(-purchases // MOST) or 1
    held = dict(_one_in(touched, every).values_list("pk", "tier_id"))
    before = {pk: tiers[moves.get(pk, (tier, tier))[0]] for pk, tier in held.items()}
    after = {pk: tiers[moves.get(pk, (tier, tier))[1]] for pk, tier in held.items()}
    sides = [(before, now), (after, benefits)]
    points = [_earned(program, held_as, told, since=since, until=at) for held_as, told in sides] if held else [0, 0]
    gifts = _gifts(program, moves, tiers, now, benefits)
    return {"points": (points[1] - points[0]) * every, "gifts": gifts, "purchases": purchases, "every": every}


def _one_in(members: QuerySet[Member], every: int) -> QuerySet[Member]:
    """Every so manieth member."""
    found = members.order_by()
    return found if every == 1 else found.annotate(turn=Mod("pk", every)).filter(turn=0)


def _earned(
    program: Program, held_as: Mapping[int, Tier], benefits: Benefits, *, since: datetime, until: datetime
) -> int:
    """What the purchases of these members earn, each in one tier all the time, under these multipliers all the time."""
    versions = versions_of(program)
    book = _book(program, benefits, versions)
    replay = Fixed(program, book, since=since, until=until, versions=versions, held_as=held_as)
    found = batches(program, since=since, until=until, members=held_as)
    return sum(one.award.points - one.returned for batch in found for one in replay.walk(batch))


def _book(program: Program, benefits: Benefits, versions: dict[tuple[str, int], RuleVersion]) -> RuleBook:
    """The live rules, with these multipliers in place of the present ones."""
    others = [terms for terms in rules.book(program).all if terms.slug != SLUG]
    rule = Rule.objects.filter(program=program, slug=SLUG).first() or Rule(pk=0, program=program, slug=SLUG, **NAMES)
    draft = RuleVersion(rule=rule, number=0, definition=definition_of(benefits), since=LONG_AGO, created_at=LONG_AGO)
    versions[SLUG, 0] = draft
    return RuleBook([*others, replace(rules.terms_of(draft, rule), since=None, until=None)])


def _gifts(program: Program, moves: Moves, tiers: Mapping[int, Tier], now: Benefits, then: Benefits) -> int:
    """What a year of birthdays gives more: one query for all who stay, and one for those who move."""
    born = Member.objects.filter(program=program, status=Member.Status.ACTIVE, birthday__isnull=False).order_by()
    count = dict(born.values_list("tier").annotate(members=Count("pk")))
    more = sum(number * (then[tiers[pk].slug]["gift"] - now[tiers[pk].slug]["gift"]) for pk, number in count.items())
    for pk in born.filter(pk__any_of=list(moves)).values_list("pk", flat=True):
        was, becomes = (tiers[tier] for tier in moves[pk])
        more += then[becomes.slug]["gift"] - then[was.slug]["gift"]
    return int(more * 10 ** ladder(program).decimals)

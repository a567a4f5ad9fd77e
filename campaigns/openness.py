"""Whom a campaign is open to, and since when: its audience, from which its control group is drawn (DOMAIN 3.2, 10.4).

A member belongs to the audience from the first moment of the campaign at which the conditions about who the member is hold: segments,
tiers, language, how long a member, the birthday. Whoever leaves the segment later still belongs, so that the two groups stay those that
were drawn. Which side a member is on is the draw's (`conditions.in_control`): somebody who enters late has had the place all along.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice

from campaigns import audience, rules
from campaigns.conditions import birthday_in, period_start
from campaigns.models import Campaign, RuleVersion
from campaigns.terms import RuleTerms
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.ledger.models import Program
from members.models import Member, Tier, TierStay

AT_ONCE = 5000
NAMED = ("segments", "languages", "new_within_days", "member_for_days", "birthday")
# Stretches of time [since, until), in order.
Spans = list[tuple[datetime, datetime]]
FIRST = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
LAST = datetime.fromisoformat("9999-01-01T00:00:00+00:00")
ALL_TIME: Spans = [(FIRST, LAST)]


@dataclass(frozen=True, slots=True)
class Person:
    """What the conditions about a member ask."""

    pk: int
    number: str
    enrolled_at: datetime
    birthday: date | None
    language: str
    segments: Sequence[audience.Stay] = ()
    tiers: Sequence[tuple[str, datetime, datetime | None]] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """A campaign with the times in which each version of its rules counts, until an instant."""

    campaign: Campaign
    terms: Sequence[RuleTerms]
    until: datetime

    @property
    def is_for_all(self) -> bool:
        """Whether some rule of it asks nothing about the member and counts all the time that is looked at."""
        return any(
            not one.tiers and not asked_of(one)
            and (one.since or FIRST) <= self.campaign.since and (one.until or LAST) >= self.until
            for one in self.terms
        )  # fmt: skip

    def since(self, person: Person, zone: str) -> datetime | None:
        """The first moment at which it is open to a member; None where it never was."""
        found = [span[0][0] for one in self.terms if (span := self._spans(one, person, zone))]
        return min(found, default=None)

    def _spans(self, terms: RuleTerms, person: Person, zone: str) -> Spans:
        """When a rule is open to a member, within the campaign's time."""
        begin = max(terms.since or FIRST, self.campaign.since, person.enrolled_at)
        spans: Spans = meet([(begin, min(terms.until or LAST, self.until))], ALL_TIME)
        if terms.tiers:
            spans = meet(spans, in_any(person.tiers, terms.tiers))
        for name, value in asked_of(terms):
            spans = spans and meet(spans, _told(name, value, person, spans, zone))
        return spans


def openings(campaigns: Sequence[Campaign], until: Mapping[int, datetime]) -> list[Opening]:
    """The openings of campaigns, each until its instant: one query."""
    found = RuleVersion.objects.filter(rule__campaign__in=campaigns).select_related("rule__campaign")
    by_rule: dict[int, list[RuleVersion]] = {}
    for version in found.order_by("rule_id", "number"):
        by_rule.setdefault(version.rule_id, []).append(version)
    terms: dict[int, list[RuleTerms]] = {}
    for versions in by_rule.values():
        campaign = versions[0].rule.campaign
        terms.setdefault(campaign.pk, []).extend(rules.spans_of(versions, {}))  # type: ignore[union-attr]
    return [Opening(one, terms.get(one.pk, []), until[one.pk]) for one in campaigns]


def asked_of(terms: RuleTerms) -> list[tuple[str, object]]:
    """The conditions of a rule that are about who the member is, tiers aside."""
    return [(name, value) for name, value in terms.conditions if name in NAMED]


def people(program: Program, opened: Sequence[Opening]) -> Iterator[Person]:
    """The active members of a program with what these campaigns ask about them, in id order, a chunk at a time."""
    asked = [one for opening in opened for one in opening.terms]
    slugs = {slug for one in asked for name, value in asked_of(one) if name == "segments" for slug in value}  # type: ignore[attr-defined]
    there = Member.objects.filter(
        program=program, status=Member.Status.ACTIVE, enrolled_at__lt=max((one.until for one in opened), default=FIRST)
    ).order_by("pk")
    rows = there.values_list("pk", "number", "enrolled_at", "birthday", "language").iterator(chunk_size=AT_ONCE)
    lowest = _lowest_tier(program) if any(one.tiers for one in asked) else None
    while chunk := list(islice(rows, AT_ONCE)):
        ids = [row[0] for row in chunk]
        segments = audience.stays_of(program, slugs, ids) if slugs else {}
        tiers = _tiers_of(ids, lowest) if lowest is not None else {}
        for row in chunk:
            yield Person(*row, segments=segments.get(row[0], ()), tiers=tiers.get(row[0], ()))


def in_any(stays: Iterable[tuple[str, datetime, datetime | None]], slugs: Iterable[str]) -> Spans:
    """When a member was in one of some segments or tiers."""
    wanted = frozenset(slugs)
    return sorted((since, until or LAST) for slug, since, until in stays if slug in wanted)


def meet(spans: Spans, others: Spans) -> Spans:
    """The stretches of time that lie in both."""
    both = ((max(a[0], b[0]), min(a[1], b[1])) for a in spans for b in others)
    return sorted(span for span in both if span[0] < span[1])


def _told(name: str, value: object, person: Person, spans: Spans, zone: str) -> Spans:
    """When a condition about a member holds, at least wherever `spans` are."""
    joined = local_day(person.enrolled_at, zone)
    if name == "segments":
        return in_any(person.segments, value)  # type: ignore[arg-type]
    if name == "languages":
        return ALL_TIME if person.language in value else []  # type: ignore[operator]
    if name == "new_within_days":
        return [(FIRST, day_start(joined + timedelta(days=value), zone))]  # type: ignore[arg-type]
    if name == "member_for_days":
        return [(day_start(joined + timedelta(days=value), zone), LAST)]  # type: ignore[arg-type]
    return _birthdays(str(value), person.birthday, spans, zone)


def _birthdays(period: str, born: date | None, spans: Spans, zone: str) -> Spans:
    """The days, weeks or months of the birthdays in and around some stretches of time."""
    if born is None:
        return []
    years = range(local_day(spans[0][0], zone).year - 1, local_day(spans[-1][1], zone).year + 2)
    firsts = [period_start(birthday_in(year, born), period) for year in years if 1 <= year <= 9998]
    length = {"day": timedelta(days=1), "week": timedelta(days=7)}
    ends = [first + length[period] if period in length else add_months(first, 1) for first in firsts]
    return [(day_start(first, zone), day_start(end, zone)) for first, end in zip(firsts, ends, strict=True)]


def _lowest_tier(program: Program) -> str:
    """The tier of who has not been in another; empty in a program without tiers."""
    return Tier.objects.filter(program=program).order_by("rank").values_list("slug", flat=True).first() or ""


def _tiers_of(ids: Sequence[int], lowest: str) -> dict[int, list[tuple[str, datetime, datetime | None]]]:
    """The tiers members were in, the lowest before the first that is kept: one query."""
    found: dict[int, list[tuple[str, datetime, datetime | None]]] = {}
    stays = TierStay.objects.filter(member__any_of=ids).order_by("member_id", "since", "id")
    for member_id, slug, since, until in stays.values_list("member_id", "tier__slug", "since", "until"):
        found.setdefault(member_id, [(lowest, FIRST, since)]).append((slug, since, until))
    return {pk: found.get(pk, [(lowest, FIRST, None)]) for pk in ids}

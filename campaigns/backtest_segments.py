"""Segments in a back-test: membership is kept from a segment's first refresh on, so nobody knows who was in it before.

A tried rule that asks for a segment finds the members of that moment, as live rules do; for purchases before the segment was first refreshed
it finds those who are in it today. Otherwise a campaign for a segment that was just written would seem to cost nothing. Live rules are
never judged so: they are replayed as they were (DOMAIN 10.5). In the arithmetic such a membership is a segment of its own, `BEFORE` and
the short name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from django.db.models import Min

from campaigns.audience import Stay
from campaigns.conditions import ABOUT_SEGMENTS
from campaigns.terms import RuleTerms
from loyalty.ledger.models import Program
from members.segments.membership import SETTLED_AFTER
from members.segments.models import Segment

BEFORE = "before:"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def with_todays_members(terms: RuleTerms) -> RuleTerms:
    """The terms with, for each segment asked for, its members of today in the time before it was known."""
    conditions = tuple(
        (name, (*value, *[BEFORE + slug for slug in value]) if name in ABOUT_SEGMENTS else value)
        for name, value in terms.conditions
    )
    return replace(terms, conditions=conditions)


def known_since(program: Program, slugs: Iterable[str]) -> dict[str, datetime]:
    """From when rules know who is in each of these segments; one that was never refreshed is not among them. One query."""
    found = Segment.objects.filter(program=program, slug__in=sorted(set(slugs)), stays__isnull=False).order_by()
    first = found.values_list("slug").annotate(first=Min("stays__since"))
    return {slug: since + SETTLED_AFTER for slug, since in first}


def assumed(slugs: Iterable[str]) -> list[str]:
    """The segments whose members of today are asked for before they were known."""
    return sorted(slug.removeprefix(BEFORE) for slug in slugs if slug.startswith(BEFORE))


def before_known(stays: Iterable[Stay], known: Mapping[str, datetime]) -> list[Stay]:
    """Stays of the time before: who is in a segment now was in it until it was known."""
    return [(BEFORE + slug, LONG_AGO, known[slug]) for slug, _since, until in stays if until is None and slug in known]

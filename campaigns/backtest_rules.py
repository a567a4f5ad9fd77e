"""The rules of a back-test: the live ones with what is another, as a rule book (DOMAIN 10.5)."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db.models import Prefetch

from campaigns import rules
from campaigns.backtest_segments import with_todays_members
from campaigns.models import Campaign, Rule, RuleVersion
from campaigns.rules import RuleBook, season_days
from campaigns.terms import RuleTerms
from loyalty.ledger.models import Program

LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
# Whole weeks keep the weekdays; 52 of them are a year for a shop.
A_YEAR = timedelta(weeks=52)
Versions = dict[tuple[str, int], RuleVersion]


def changed_book(program: Program, change: Mapping[str, Any], versions: Versions) -> RuleBook:
    """The rule book with what is another; the changed rules' versions join `versions`, for what refunds keep."""
    live, changes = rules.book(program), [change, *change.get("with", ())]
    slugs = {one["rule"] for one in changes}
    known = {
        rule.slug: rule for rule in Rule.objects.select_related("campaign").filter(program=program, slug__in=slugs)
    }
    days = season_days(program)
    tried = [_tried(known[one["rule"]], one, versions, days) for one in changes if not one.get("leave_out")]
    return RuleBook([*(terms for terms in live.all if terms.slug not in slugs), *tried], live.ceilings)


def _tried(rule: Rule, change: Mapping[str, Any], versions: Versions, days: Mapping[str, Any]) -> RuleTerms:
    """A rule as it is tried, on the days on which it is tried."""
    number = max((pair[1] for pair in versions if pair[0] == rule.slug), default=0) + 1
    draft = RuleVersion(rule=rule, number=number, definition=change["definition"], since=LONG_AGO, created_at=LONG_AGO)
    versions[rule.slug, number] = draft
    terms = with_todays_members(rules.terms_of(draft, rule, days))
    return replace(terms, since=_instant(change, "since"), until=_instant(change, "until"))


def drafts_beside(rule: Rule, *, before: datetime, all_the_time: bool) -> list[dict[str, Any]]:
    """The rules of every other campaign that is still a draft, by their newest terms, as changes. Two queries."""
    drafts = Rule.objects.filter(program=rule.program_id, campaign__status=Campaign.Status.DRAFT, is_active=True)
    newest = Prefetch("versions", RuleVersion.objects.order_by("-number"), to_attr="by_number")
    found = drafts.exclude(pk=rule.pk).select_related("campaign").prefetch_related(newest).order_by("slug")
    written = [(one, one.by_number[0].definition) for one in found if one.by_number]
    return [on_days(one, definition, before=before, all_the_time=all_the_time) for one, definition in written]


def on_days(rule: Rule, definition: Mapping[str, Any], *, before: datetime, all_the_time: bool) -> dict[str, Any]:
    """A rule with its terms as a change: on the days on which its campaign is tried, or all the time."""
    change: dict[str, Any] = {"rule": rule.slug, "definition": definition}
    days = days_tried(rule.campaign, at=before) if rule.campaign is not None and not all_the_time else None
    return change | {"since": days[0].isoformat(), "until": days[1].isoformat()} if days else change


def _instant(change: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(change[name]) if change.get(name) else None


def days_tried(campaign: Campaign, *, at: datetime) -> tuple[datetime, datetime] | None:
    """From when until when a campaign is tried; None for all the time.

    One that has begun counts on its own days. A draft, or one that is ahead, is moved back; one of a year or longer would hold every day.
    """
    if campaign.status != Campaign.Status.DRAFT and campaign.since <= at:
        return campaign.since, campaign.until
    if campaign.until - campaign.since >= A_YEAR:
        return None
    return moved_into(campaign.since, campaign.until, before=at)


def moved_into(since: datetime, until: datetime, *, before: datetime) -> tuple[datetime, datetime]:
    """The dates of a campaign that is still ahead, moved back by whole years of 52 weeks until it had ended."""
    years = 0 if until <= before else -(-(until - before) // A_YEAR)
    return since - years * A_YEAR, until - years * A_YEAR


def digest_of(book: RuleBook) -> str:
    """SHA-256 of all that the rules of a book say: the same rules give the same digest."""
    said = [_plain(terms) for terms in book.all] + ([book.ceilings.stored] if book.ceilings else [])
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _plain(terms: RuleTerms) -> dict[str, Any]:
    return {
        name: sorted(value) if isinstance(value, frozenset) else str(value)
        for name, value in asdict(terms).items()
        if name not in ("names", "rule_id", "campaign_id")
    }

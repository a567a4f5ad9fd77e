"""Earning rules as data: publishing a new version, and which versions count when.

A version counts from its `since` until the next version of the same rule; a campaign's rules count only inside the
campaign's dates, its pauses left out. Points keep the version that made them (DOMAIN 3.7).
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext as _

from campaigns import definitions
from campaigns.ceilings import NO_CEILINGS, Ceilings
from campaigns.definitions import check, problems
from campaigns.earning import ProgramTerms, RuleTerms
from campaigns.models import Campaign, Challenge, Rule, RuleVersion
from loyalty.common.errors import Refusal
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger import seasons
from loyalty.ledger.models import ExpiryPolicy, Program, Season
from rewards.models import PointsTerms

__all__ = ["RuleBook", "RuleRefused", "book", "check", "in_force", "live_stretches", "problems", "program_terms"]
__all__ += ["publish", "season_days", "spans_of", "terms_of"]

Spans = tuple[tuple[date, date], ...]
# From when until when (exclusive) a rule counts, and for which tier alone; None: for all.
EarlySpan = tuple[datetime | None, datetime | None, str | None]


class RuleRefused(Refusal):
    """A rule that cannot be published as it stands; `numbers["errors"]` names the fields."""

    code = "rule_refused"
    status = 422


@transaction.atomic
def publish(rule: Rule, definition: dict[str, Any], *, since: datetime, at: datetime, actor: str) -> RuleVersion:
    """Make a new version of a rule that counts from `since`. Raises RuleRefused.

    Only the first version may begin in the past: later ones would change what was already promised.
    """
    rule = Rule.objects.select_for_update().select_related("program").get(pk=rule.pk)
    errors = problems(definition, tiers=rule.program.tiers.values_list("slug", flat=True))
    errors = errors or _unknown_policy(rule.program, definition)
    last = rule.versions.order_by("-number").first()
    if last and since < at:
        errors["since"] = _("A new version cannot begin in the past. Choose a later time.")
    elif last and since <= last.since:
        errors["since"] = _("A new version must begin after the one before it.")
    if errors:
        raise RuleRefused(" ".join(errors.values()), errors=errors)
    return RuleVersion.objects.create(
        rule=rule,
        number=last.number + 1 if last else 1,
        definition=definition,
        since=since,
        created_at=at,
        created_by=actor,
    )


def _unknown_policy(program: Program, definition: Mapping[str, Any]) -> dict[str, str]:
    """A definition may name an expiry policy that the main wallet does not have."""
    name = definition.get("expiry", {}).get("policy")
    if not name or ExpiryPolicy.objects.filter(wallet__program=program, wallet__is_main=True, name=name).exists():
        return {}
    return {
        "expiry.policy": _("The main points have no expiry policy called “%(policy)s”. Make it first.")
        % {"policy": name}
    }


def terms_of(version: RuleVersion, rule: Rule, seasons: Mapping[str, Spans] | None = None) -> RuleTerms:
    """A stored version as the arithmetic reads it; `seasons` gives the days of the seasons it may name."""
    campaign = rule.campaign
    known_as = campaign or rule
    names = {"en": known_as.name, "id": known_as.name_id, "ms": known_as.name_ms}
    fields = definitions.terms_fields(version.definition, seasons or {})
    if campaign and campaign.control_percent:
        fields["conditions"] += (("control", (campaign.control_secret, campaign.control_percent)),)
    return RuleTerms(
        slug=rule.slug,
        version=version.number,
        campaign=campaign.slug if campaign else "",
        names={language: name for language, name in names.items() if name},
        rule_id=rule.pk,
        campaign_id=campaign.pk if campaign else 0,
        has_budget=campaign.has_budget if campaign else False,
        **fields,
    )


class RuleBook:
    """Every version of a program's counting rules, read once and asked for any instant (for batches)."""

    def __init__(self, terms: Iterable[RuleTerms], ceilings: Ceilings = NO_CEILINGS) -> None:
        """Cut time at every instant where some rule begins or ends; between two cuts the same rules count."""
        self.all, self.ceilings = list(terms), ceilings
        # Whether points pay at the till in this program, so that receipts may have been paid with them.
        self.points_pay = False
        # Whether the program has a challenge that somebody may follow, now or at another time.
        self.has_challenges = True
        self.cuts = sorted({edge for term in self.all for edge in (term.since, term.until) if edge is not None})
        self.known: dict[int, list[RuleTerms]] = {}

    def at(self, instant: datetime) -> list[RuleTerms]:
        """The rules that count at an instant."""
        span = bisect_right(self.cuts, instant)
        if span not in self.known:
            self.known[span] = [
                term
                for term in self.all
                if (term.since is None or term.since <= instant) and (term.until is None or instant < term.until)
            ]
        return self.known[span]


_versions = Prepared(
    lambda: (
        RuleVersion.objects.filter(
            rule__program=Given("program"), rule__is_active=True, rule__program__wallets__is_main=True
        )
        .select_related("rule__campaign")
        .annotate(
            limits=F("rule__program__wallets__earning_limits"),
            decimals=F("rule__program__wallets__decimals"),
            points_pay=Exists(PointsTerms.objects.filter(wallet__program=OuterRef("rule__program"))),
            has_challenges=Exists(
                Challenge.objects.filter(program=OuterRef("rule__program")).exclude(status=Campaign.Status.DRAFT)
            ),
        )
        .order_by("rule_id", "number")
    )
)


def book(program: Program) -> RuleBook:
    """The rule book of a program, with the limits of its main wallet: one query, and two more when a rule is about a season."""
    by_rule: dict[int, list[RuleVersion]] = {}
    seasonal, ceilings, points_pay, has_challenges = False, NO_CEILINGS, True, True  # without rules nobody has told
    for version in _versions(program=program.pk):
        by_rule.setdefault(version.rule_id, []).append(version)
        if version.limits and not ceilings:
            ceilings = Ceilings(version.limits, version.decimals)
        points_pay, has_challenges = version.points_pay, version.has_challenges
        seasonal = seasonal or "seasons" in version.definition.get("conditions", {})
    days = season_days(program) if seasonal else {}
    found = RuleBook((terms for versions in by_rule.values() for terms in spans_of(versions, days)), ceilings)
    found.points_pay, found.has_challenges = points_pay, has_challenges
    return found


def with_draft(program: Program, draft: Campaign) -> RuleBook:
    """The rule book as it would be if a draft were set live: to look at, never to post by."""
    live = book(program)
    versions = list(
        RuleVersion.objects.filter(rule__campaign=draft).select_related("rule__campaign").order_by("number")
    )
    for version in versions:
        version.rule.campaign.status = Campaign.Status.LIVE  # type: ignore[union-attr]
    spans = spans_of(versions, season_days(program)) if versions else []
    return RuleBook([*live.all, *spans], live.ceilings)


def season_days(program: Program) -> dict[str, Spans]:
    """The first and last days of a program's seasons, by short name: two queries."""
    slugs = dict(Season.objects.filter(program=program).values_list("id", "slug"))
    found = seasons.periods_of(slugs)
    return {slugs[pk]: tuple((p.first_day, p.last_day) for p in periods) for pk, periods in found.items()}


def in_force(program: Program, at: datetime) -> list[RuleTerms]:
    """The rules that count at an instant."""
    return book(program).at(at)


def program_terms(program: Program, decimals: int = 0) -> ProgramTerms:
    """The program's side of the arithmetic."""
    return ProgramTerms(
        program.currency, program.base_rules, program.rounding, decimals, program.time_zone, program.rounded_per
    )


def spans_of(versions: list[RuleVersion], days: Mapping[str, Spans]) -> list[RuleTerms]:
    """The versions of one rule, each cut to the times in which it counts."""
    campaign = versions[0].rule.campaign
    stretches: list[EarlySpan] = [(None, None, None)]
    stretches = [(begin, end, None) for begin, end in live_stretches(campaign)] if campaign else stretches
    stretches += early_stretches(campaign) if campaign and campaign.early else []
    spans = []
    for version, following in zip(versions, [*versions[1:], None], strict=True):
        for begin, end, early in stretches:
            since = version.since if begin is None else max(version.since, begin)
            ends = [edge for edge in (following.since if following else None, end) if edge is not None]
            until = min(ends) if ends else None
            if until is None or since < until:
                terms = replace(terms_of(version, version.rule, days), since=since, until=until)
                if early is None or not terms.tiers or early in terms.tiers:
                    spans.append(terms if early is None else replace(terms, tiers=frozenset({early})))
    return spans


def early_stretches(campaign: Campaign) -> list[EarlySpan]:
    """The stretches before its dates in which a campaign counts for a tier already: (since, until, short name)."""
    found: list[EarlySpan] = []
    for tier, early_days in sorted(campaign.early.items()):
        opened = live_stretches(campaign, edge=campaign.since - timedelta(days=early_days))
        cut = ((begin, min(end, campaign.since), tier) for begin, end in opened if begin and end)
        found += [(begin, end, tier) for begin, end, tier in cut if begin < end]
    return found


def live_stretches(
    campaign: Campaign, *, edge: datetime | None = None
) -> list[tuple[datetime | None, datetime | None]]:
    """The stretches of time in which a campaign counts, from an edge or its beginning on: its dates without its pauses; none for a draft."""
    if campaign.status == Campaign.Status.DRAFT:
        return []
    edge = edge or campaign.since
    stretches: list[tuple[datetime | None, datetime | None]] = []
    for begin, end in campaign.pauses:
        began = datetime.fromisoformat(begin)
        if edge < began:
            stretches.append((edge, min(began, campaign.until)))
        if end is None:
            return [span for span in stretches if span[0] < span[1]]  # type: ignore[operator]
        edge = max(edge, datetime.fromisoformat(end))
    return [*stretches, (edge, campaign.until)] if edge < campaign.until else stretches

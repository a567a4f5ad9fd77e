"""The challenges of a program that count at some moment, each cut into the stretches in which one version is in force."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from campaigns import rules
from campaigns.challenges.definitions import JUDGED_ONCE, Terms, terms_of
from campaigns.models import Campaign, Challenge, ChallengeVersion
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import Program

_live = Prepared(
    lambda: (
        ChallengeVersion.objects.filter(
            challenge__program=Given("program"), challenge__since__lte=Given("latest"), challenge__until__gt=Given("earliest")
        )
        .exclude(challenge__status=Campaign.Status.DRAFT)
        .select_related("challenge")
        .order_by("challenge_id", "number")
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Running:
    """A challenge with its versions, and when each counts: (since, until, terms), in order of time."""

    challenge: Challenge
    stretches: Sequence[tuple[datetime, datetime, Terms]]
    latest: Terms

    def terms_at(self, at: datetime) -> Terms | None:
        """What it says at an instant; None while it does not count."""
        index = bisect_right([since for since, _, _ in self.stretches], at)
        if not index or self.stretches[index - 1][1] <= at:
            return None
        return self.stretches[index - 1][2]

    def version(self, number: int) -> Terms:
        """One of its versions."""
        return next((terms for _, _, terms in self.stretches if terms.version == number), self.latest)

    @property
    def audience(self) -> Terms:
        """The version whose segments and languages say who may begin: the latest."""
        return self.latest


def running(program: Program, *, earliest: datetime, latest: datetime) -> list[Running]:
    """The challenges that count between two moments: one query, and two when one is about a season."""
    versions: list[ChallengeVersion] = _live(program=program.pk, earliest=earliest, latest=latest)
    return of_versions(program, versions)


def of_versions(program: Program, versions: Iterable[ChallengeVersion]) -> list[Running]:
    """Challenges by their versions, which come in order."""
    by_challenge: dict[int, list[ChallengeVersion]] = {}
    for version in versions:
        by_challenge.setdefault(version.challenge_id, []).append(version)
    asked = any("seasons" in v.definition.get("conditions", {}) for many in by_challenge.values() for v in many)
    days = rules.season_days(program) if asked else {}
    return [_cut(many, days) for many in by_challenge.values()]


def without_audience(terms: Terms) -> Terms:
    """The terms as single facts are judged: who may take part was judged when the member began."""
    kept = tuple(one for one in terms.rule.conditions if one[0] not in JUDGED_ONCE)
    return replace(terms, rule=replace(terms.rule, conditions=kept))


def _cut(versions: list[ChallengeVersion], days: Mapping[str, Any]) -> Running:
    """A challenge's versions, each cut to the times in which it counts."""
    challenge = versions[0].challenge
    told = [terms_of(challenge.pk, challenge.kind, v.number, v.definition, days) for v in versions]
    stretches: list[tuple[datetime, datetime, Terms]] = []
    for index, (version, terms) in enumerate(zip(versions, told, strict=True)):
        for begin, end in rules.live_stretches(challenge):  # type: ignore[arg-type]  # it has the same course
            assert begin is not None
            assert end is not None
            since = max(version.since, begin)
            until = min(versions[index + 1].since, end) if index + 1 < len(versions) else end
            if since < until:
                stretches.append((since, until, terms))
    return Running(challenge, sorted(stretches, key=lambda one: one[:2]), told[-1])

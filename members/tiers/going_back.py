"""The undo of an edit of the tiers: what it made is put back as it would stand without it (DOMAIN 8.4, 12.4).

Thresholds, policy, benefits and prices become what they were, as a version of its own. Everybody has from then on the tier
they would have had: the one before the edit, or a higher one that was reached since by the former tiers; given and bought tiers
stay until their own end. It can be done while the edit is the newest one, and until a review was decided under it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.common.changes import Row
from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from members.ladders import INSTANT, Ladder, ladder
from members.models import Purchase, TierGrant, TierPolicyVersion, TierStay
from members.tiers import rungs
from members.tiers.eras import UNDOES, decimals_of, ladder_of
from members.tiers.reading import trails
from members.tiers.stays import ENDED, REVIEW
from members.tiers.walking import Trail

POLICY_ROW = "policy"


class NoWayBack(Refusal):
    """The edit cannot be undone any more: it was edited again since, or a review was decided under it."""

    code = "tiers_no_way_back"


def undone(program: Program, done: Sequence[Row], now: dict[str, Any], *, at: datetime) -> TierPolicyVersion:
    """The version that the posted rows of an edit made. Raises NoWayBack with the reason; `now` are the present terms."""
    facts = next((row.facts for row in done if row.key == POLICY_ROW), {})
    again = _("The tiers were edited again since. Undo the newer edit first, or edit the tiers once more.")
    if facts.get("terms") != now:
        raise NoWayBack(again)
    versions = TierPolicyVersion.objects.filter(program=program).order_by("-number")
    found = next((one for one in versions if UNDOES not in one.terms and facts["terms"].items() <= one.terms.items()), None)  # fmt: skip
    if found is None:
        raise NoWayBack(_("The version of this edit is not on record. Edit the tiers instead."))
    before = facts["before"]
    earlier = next((one.terms for one in versions if one.number == found.number - 1), before)
    if earlier["policy"] != before["policy"] or not earlier["tiers"].items() <= before["tiers"].items():
        raise NoWayBack(again)  # a newer edit came to the same terms by another way
    decided = Q(renewed_at__gte=found.since) | (Q(cause__startswith=REVIEW) | Q(cause__startswith=ENDED)) & Q(since__gte=found.since)  # fmt: skip
    due = Q(until__isnull=True, review_at__lte=at)
    reviewed = TierStay.objects.filter(decided | due, member__program=program).exclude(until=found.since)
    count = reviewed.values("member").distinct().count()
    if count:
        raise NoWayBack(_reviewed(count), members=count)
    return found


def _reviewed(count: int) -> str:
    words = ngettext(
        "%(count)d member was reviewed under the edited tiers since, so the edit cannot be undone. Edit the tiers instead.",
        "%(count)d members were reviewed under the edited tiers since, so the edit cannot be undone. Edit the tiers instead.",
        count,
    )
    return words % {"count": count}


def restored(program: Program, terms: dict[str, Any], version: TierPolicyVersion, *, at: datetime) -> Ladder:
    """The ladder with its former terms, in force again from an instant on; nothing is written. Raises NoWayBack."""
    steps = ladder(program)
    made = ladder_of(steps, terms, decimals_of(program), number=steps.policy.version + 1, since=at, at_once=False)
    made.puts_back = version.since
    for tier in made.tiers:
        tier.price, tier.lasts_days = terms["prices"].get(tier.slug, (tier.price, tier.lasts_days))
    rungs.judge_leaving(program, made, at=at)
    return made


def put_back(steps: Ladder, members: Sequence[int], *, at: datetime) -> dict[int, Trail]:
    """Every member as they stand without the edit from an instant on; nothing is written. Raises NoWayBack.

    A review that the former tiers would have decided since makes it impossible.
    """
    since = steps.puts_back or at
    walked = trails(steps, members, earliest=since - INSTANT)
    missed = 0
    for trail in walked.values():
        trail.count_credits(at)
        if not trail.stays:
            trail.go_to(at - INSTANT)
        if trail.stays:
            before = trail.held(since - INSTANT)
            # One whose days of grace were running at the edit is not decided either.
            passed = max(since - steps.grace, before.renewed_at or before.since)
            due = trail.next_review(before, passed) if before.since < since else None
            missed += due is not None and due <= at
            if trail.stays[-1].since < at:
                trail.switch(at)
                trail.go_to(at)
    if missed:
        words = ngettext(
            "%(count)d member would have been reviewed under the former tiers since, so the edit cannot be undone. Edit the tiers instead.",
            "%(count)d members would have been reviewed under the former tiers since, so the edit cannot be undone. Edit the tiers instead.",
            missed,
        )
        raise NoWayBack(words % {"count": missed}, members=missed)
    return walked


def stays_as_it_is(program: Program, version: TierPolicyVersion, moves: dict[int, tuple[int, int]], *, at: datetime) -> list[str]:  # fmt: skip
    """What an undo cannot put back, for whoever decides."""
    said = []
    bought = Purchase.objects.filter(program=program, occurred_at__gte=version.since).count()
    if bought:
        words = ngettext("%(count)d purchase since the edit keeps what it earned.", "%(count)d purchases since the edit keep what they earned.", bought)  # fmt: skip
        said.append(words % {"count": bought})
    given = TierGrant.objects.filter(member__program=program, since__gte=version.since, until__gt=at).count()
    if given:
        words = ngettext("%(count)d tier given or bought since stays until its own end.", "%(count)d tiers given or bought since stay until their own end.", given)  # fmt: skip
        said.append(words % {"count": given})
    if moves:
        said.append(_("Who goes down keeps what the higher tier gave until now."))
    return said

"""What the desk shows of challenges: figures and tables on the pages of a challenge and of a member."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.challenges import showing
from campaigns.challenges.definitions import terms_of
from campaigns.challenges.sentences import sentence
from campaigns.models import Challenge, ChallengeEntry, Prize
from loyalty.common.clock import last_valid_day
from loyalty.common.money import show_points
from loyalty.desk import people
from loyalty.desk.panels import EMPTY, Panel, Stat, badge, day, link, moment
from loyalty.ledger.models import Wallet
from members.models import Member, Tier
from members.segments.models import Segment
from rewards.models import Reward

ROWS = 20
TONES = {Prize.Status.GIVEN: "good", Prize.Status.TAKEN_BACK: "bad", Prize.Status.STANDS: "warn"}


def terms_in_words(challenges: Sequence[Challenge], definitions: Sequence[dict[str, Any]]) -> list[str]:
    """What versions of one program say, a sentence each: `Make 5 purchases by 31 December: 100 points.` Three queries, or four."""
    if not challenges:
        return []
    program = challenges[0].program
    wallet = Wallet.objects.get(program=program, is_main=True)
    rewards = {one.slug: str(one) for one in Reward.objects.filter(program=program)}
    tiers = {one.slug: str(one) for one in Tier.objects.filter(program=program)}
    are_asked = any("segments" in definition.get("conditions", {}) for definition in definitions)
    segments = {one.slug: str(one) for one in Segment.objects.filter(program=program)} if are_asked else {}
    told = []
    for challenge, definition in zip(challenges, definitions, strict=True):
        terms = terms_of(challenge.pk, challenge.kind, 1, definition, {})
        last = last_valid_day(challenge.until, program.time_zone)
        told.append(
            sentence(terms, wallet, program.currency, through=last, tiers=tiers, rewards=rewards, segments=segments)
        )
    return told


def stats(challenge: Challenge) -> list[Stat]:
    """Who takes part, who has done it, and what the prizes cost."""
    rows = challenge.progress.aggregate(joined=Count("pk"), done=Count("pk", filter=Q(rounds__gt=0)), going=Count("pk", filter=Q(rounds=0, count__gt=0)))  # fmt: skip
    given = Q(status__in=(Prize.Status.GIVEN, Prize.Status.STANDS))
    won = challenge.prizes.aggregate(
        prizes=Count("pk", filter=given),
        points=Sum("points", filter=Q(status=Prize.Status.GIVEN)),
        vouchers=Count("redemption", filter=given),
        owed=Count("pk", filter=~Q(owed="") & Q(status=Prize.Status.GIVEN)),
    )
    wallet = Wallet.objects.get(program=challenge.program_id, is_main=True)
    points = won["points"] or 0
    told = [
        Stat(_("Joined"), f"{rows['joined']:,}", _("Members with something that counted.")),
        Stat(_("On the way"), f"{rows['going']:,}", _("Begun, but not done once yet.")),
        Stat(_("Done"), f"{rows['done']:,}", _("Members who did it once or more.")),
        Stat(_("Prizes"), f"{won['prizes']:,}", _("Given, less those taken back.")),
        Stat(_("Points given"), show_points(points, wallet.decimals), _("By prizes that stand."), wallet.name_of(points)),
        Stat(_("Vouchers given"), f"{won['vouchers']:,}", _("By prizes that stand, used or not.")),
    ]  # fmt: skip
    if won["owed"]:
        told.append(Stat(_("Rewards owed"), won["owed"], _("Won while the reward was out of stock."), tone="bad"))
    return told


def versions_panel(challenge: Challenge) -> Panel:
    """Every version there was, newest first."""
    versions = list(challenge.versions.order_by("-number")[:ROWS])
    known = people.names(version.created_by for version in versions)
    told = terms_in_words([challenge] * len(versions), [version.definition for version in versions])
    rows = [(v.number, line, moment(v.since), known[v.created_by]) for v, line in zip(versions, told, strict=True)]
    note = _("What was achieved keeps the version it was achieved under.")
    return Panel(_("Versions"), [_("Version"), _("Terms"), _("Counts from"), _("By")], rows, _("No version yet."), note=note)  # fmt: skip


def prizes_panel(challenge: Challenge) -> Panel:
    """The latest prizes of a challenge."""
    wallet = Wallet.objects.get(program=challenge.program_id, is_main=True)
    won = challenge.prizes.select_related("member").order_by("-won_at", "-pk")[:ROWS]
    rows = [
        (
            link(reverse("admin:campaigns_prize_change", args=[one.pk]), moment(one.won_at)),
            link(reverse("admin:members_member_change", args=[one.member_id]), one.member),
            f"{show_points(one.points, wallet.decimals)}" if one.points else EMPTY,
            one.reward or EMPTY,
            _state(one),
        )
        for one in won
    ]
    headers = [_("When"), _("Member"), _("Points"), _("Reward"), _("State")]
    more = reverse("admin:campaigns_prize_changelist") + f"?q={challenge.slug}"
    return Panel(_("Latest prizes"), headers, rows, _("Nobody has won yet."), more=more, numeric=frozenset({2}))


def entries_panel(challenge: Challenge) -> Panel:
    """The latest entries of an instant win, and what proves that it was fair."""
    latest = ChallengeEntry.objects.filter(challenge=challenge).select_related("member").order_by("-number")[:ROWS]
    rows = [
        (
            one.number,
            link(reverse("admin:members_member_change", args=[one.member_id]), one.member),
            moment(one.entered_at),
            badge(_("won"), "good") if one.is_win else EMPTY,
            badge(_("taken back"), "bad") if one.is_void else EMPTY,
        )
        for one in latest
    ]
    headers = [_("Number"), _("Member"), _("When"), _("Won"), _("Goods came back")]
    note = _("Digest of the seed, shown to members from the beginning: %(digest)s") % {
        "digest": challenge.seed_digest or EMPTY
    }
    return Panel(_("Latest entries"), headers, rows, _("No entry yet."), numeric=frozenset({0}), note=note)


def member_panel(member: Member, at: datetime) -> list[Panel]:
    """How far a member is in what runs now, and what was won, for the member's page."""
    shown = showing.of_member(member, at=at)
    won = showing.prizes_of(member)[:10]
    if not shown and not won:
        return []
    running = [
        (
            link(reverse("admin:campaigns_challenge_change", args=[one.challenge.pk]), one.challenge),
            one.goal_words,
            one.missing,
            day(one.until),
            one.rounds or EMPTY,
        )
        for one in shown
    ]
    name = showing.display_name(member)
    note = _("On leaderboards as “%(name)s”.") % {"name": name} if name else ""
    headers = [_("Challenge"), _("Goal"), _("How far"), _("Until"), _("Times done")]
    empty = _("No challenge runs for this member.")
    prizes = [
        (moment(one.won_at), link(reverse("admin:campaigns_prize_change", args=[one.pk]), one.challenge), show_points(one.points) if one.points else EMPTY, one.reward or EMPTY, _state(one))
        for one in won
    ]  # fmt: skip
    heads = [_("When"), _("Challenge"), _("Points"), _("Reward"), _("State")]
    return [
        Panel(_("Challenges"), headers, running, empty, numeric=frozenset({4}), note=note),
        Panel(_("Prizes"), heads, prizes, _("Nothing won yet."), numeric=frozenset({2})),
    ]


def _state(prize: Prize) -> Any:
    """What became of a prize, as a badge."""
    if prize.owed and prize.status == Prize.Status.GIVEN:
        return badge(_("reward owed"), "warn")
    return badge(Prize.Status(prize.status).label, TONES[Prize.Status(prize.status)])

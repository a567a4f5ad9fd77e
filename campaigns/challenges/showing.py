"""Challenges as a member sees them: how far, what is missing, until when, what can be won and what was won.

Computed from the facts when it is looked at, so that a week that went by shows without any job (DOMAIN 2.4).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.challenges import boards, sentences, words
from campaigns.challenges.definitions import ALL, INSTANT, ROLLING, STREAK, Terms
from campaigns.challenges.following import Progress, progress
from campaigns.challenges.running import running
from campaigns.models import Campaign, Challenge, ChallengeEntry, DisplayName, Prize
from loyalty.common.clock import add_months, last_valid_day, local_day
from loyalty.ledger.models import Wallet
from members.models import Member, Tier

MOST_STAMPS = 12
LATEST_PRIZES = 30
AT_HOME = 2


@dataclass(slots=True)
class Shown:
    """One challenge for one member. `stamps` are there for few whole numbers, else `percent` alone tells how far."""

    challenge: Challenge
    terms: Terms
    goal_words: str
    sentence: str
    promise: str
    count: Decimal
    goal: Decimal
    percent: int
    missing: str
    until: date
    is_done: bool
    rounds: int
    is_frozen: bool = False
    stamps: list[bool] = field(default_factory=list)
    board: list[boards.Place] = field(default_factory=list)
    period: date | None = None

    @property
    def left(self) -> Decimal:
        """How much of the running round is still to do."""
        return max(self.goal - self.count, Decimal(0))


def of_member(member: Member, *, at: datetime, with_boards: bool = False) -> list[Shown]:
    """The challenges that run for a member at an instant, those that are nearest to their goal first."""
    program = member.program
    live = [one for one in running(program, earliest=at, latest=at) if one.challenge.status == Campaign.Status.LIVE]
    if not live:
        return []
    wallet = Wallet.objects.get(program=program, is_main=True)
    made = [one for one in progress(program, [member.pk], live, {}, at=at) if one.counts_from is not None]
    tiers = {tier.slug: str(tier) for tier in Tier.objects.filter(program=program)} if _name_tiers(made) else {}
    shown = [_shown(one, wallet, member, at, tiers) for one in made]
    if with_boards:
        for one in shown:
            if one.challenge.has_board:
                name = one.period.isoformat() if one.period else ""
                one.board = boards.board(one.challenge, name, member=member)
    return sorted(shown, key=lambda one: (one.is_done, -one.percent, one.until, one.challenge.pk))


def teaser(member: Member, *, at: datetime) -> list[Shown]:
    """What the home page says: the two that are nearest and not done."""
    return [one for one in of_member(member, at=at) if not one.is_done][:AT_HOME]


def prizes_of(member: Member) -> list[Prize]:
    """What a member won lately, newest first."""
    won = Prize.objects.filter(member=member).select_related("challenge", "redemption__voucher")
    return list(won.order_by("-won_at", "-pk")[:LATEST_PRIZES])


def badges_of(member: Member) -> list[Prize]:
    """The badges a member has, newest first; one per challenge."""
    won = Prize.objects.filter(member=member, is_badge=True, status=Prize.Status.GIVEN).select_related("challenge")
    return list({one.challenge_id: one for one in won.order_by("won_at", "pk")}.values())[::-1]


def display_name(member: Member) -> str:
    """The name a member has on leaderboards; empty for who is on none."""
    return DisplayName.objects.filter(member=member).values_list("name", flat=True).first() or ""


def _name_tiers(made: Iterable[Progress]) -> bool:
    return any(one.running.latest.rule.tiers for one in made)


def _shown(one: Progress, wallet: Wallet, member: Member, at: datetime, tiers: Mapping[str, str]) -> Shown:
    """One challenge in numbers and words."""
    terms, here, currency = one.running.latest, one.standing, member.program.currency
    count = here.count if terms.kind != INSTANT else Decimal(len(one.steps))
    goal = terms.goal
    is_done = here.is_over and not terms.repeats
    percent = 100 if is_done else min(99, int(count * 100 / goal)) if terms.kind != INSTANT else 0
    rounds = len(here.achieved)
    if terms.kind == INSTANT:
        entered = ChallengeEntry.objects.filter(challenge=one.running.challenge, member=member, is_win=True)
        rounds = entered.filter(is_void=False).count()
        is_done = bool(rounds) and not terms.repeats
    has_stamps = terms.kind != INSTANT and goal % 1 == 0 and goal <= MOST_STAMPS and count % 1 == 0
    return Shown(
        one.running.challenge,
        terms,
        words.goal_in_words(terms, currency),
        sentences.sentence(
            terms,
            wallet,
            currency,
            through=last_valid_day(one.running.challenge.until, member.program.time_zone),
            tiers=tiers,
        ),
        words.promise_in_words(terms, wallet),
        count,
        goal,
        percent,
        _missing(one, count, currency, is_done),
        _until(one, at, member.program.time_zone),
        is_done,
        rounds,
        is_frozen=here.is_frozen,
        stamps=[number < count for number in range(int(goal))] if has_stamps else [],
        period=here.period,
    )


def _missing(one: Progress, count: Decimal, currency: str, is_done: bool) -> str:
    """What is still to do, in a sentence."""
    terms, here = one.running.latest, one.standing
    if is_done:
        return _("Done. Well done!")
    if terms.kind == INSTANT:
        return ngettext("You have %(number)s entry.", "You have %(number)s entries.", len(one.steps)) % {
            "number": len(one.steps)
        }
    if terms.kind != STREAK:
        return _("Still to do: %(what)s.") % {"what": words.measured(terms.goal - count, terms, currency)}
    if here.in_period >= terms.each:
        return {
            "day": _("Today is done. Come again tomorrow."),
            "week": _("This week is done. Come again next week."),
            "month": _("This month is done. Come again next month."),
        }[terms.per]
    what = {"what": words.measured(terms.each - here.in_period, terms, currency)}
    return {
        "day": _("Still to do today: %(what)s."),
        "week": _("Still to do this week: %(what)s."),
        "month": _("Still to do this month: %(what)s."),
    }[terms.per] % what


def _until(one: Progress, at: datetime, zone: str) -> date:
    """The last day of the running period, or of the challenge when that is sooner."""
    end, today = last_valid_day(one.running.challenge.until, zone), local_day(at, zone)
    per = one.running.latest.per
    if per in (ALL, ROLLING):
        return end
    last = {
        "day": today,
        "week": today + timedelta(days=6 - today.weekday()),
        "month": add_months(today.replace(day=1), 1) - timedelta(days=1),
        "year": date(today.year, 12, 31),
    }[per]
    return min(end, last)

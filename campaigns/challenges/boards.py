"""Leaderboards: who did most in a challenge's running period. Only members who chose a display name are on them (DOMAIN 10.3).

A board shows display names and counts, nothing else about anybody. Who has as much as another has the same place. Leaving takes
the name off every board at once.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from campaigns.models import Challenge, ChallengeProgress, DisplayName
from loyalty.common.errors import Refusal
from members.models import Member

SHOWN = 10
FITTING = re.compile(r"[^\W_](?:[\w .'-]{0,22}[^\W_]|[^\W_])")
LONG_NUMBER = re.compile(r"\d{5,}")


class NameDoesNotFit(Refusal):
    """No name to show others."""

    code = "display_name_does_not_fit"
    status = 422


class NameTaken(Refusal):
    """Another member of the program has this display name."""

    code = "display_name_taken"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a board."""

    place: int
    name: str
    total: Decimal
    is_mine: bool


def choose_name(member: Member, name: str, *, at: datetime, actor: str) -> DisplayName:
    """Put a member on leaderboards by this name, or change it. Raises NameDoesNotFit, NameTaken."""
    name = " ".join(name.split())
    if not FITTING.fullmatch(name) or LONG_NUMBER.search(name):
        raise NameDoesNotFit(
            _("A display name has 2 to 24 letters or digits, and no long numbers. Please choose another one.")
        )
    try:
        with transaction.atomic():
            return DisplayName.objects.update_or_create(
                member=member, defaults={"program": member.program, "name": name, "since": at}
            )[0]
    except IntegrityError:
        raise NameTaken(_("Somebody else has this name already. Please choose another one.")) from None


def leave(member: Member, *, at: datetime, actor: str) -> bool:
    """Take a member off every leaderboard; whether there was anything to take off."""
    return bool(DisplayName.objects.filter(member=member).delete()[0])


def board(challenge: Challenge, period: str, *, member: Member | None = None) -> list[Place]:
    """The first places of a period (its first day, or empty), and the member's own place behind them. Three queries at most."""
    named = ChallengeProgress.objects.filter(
        challenge=challenge, period=period, total__gt=0, member__status=Member.Status.ACTIVE, member__display_name__isnull=False
    )  # fmt: skip
    first = list(named.select_related("member__display_name").order_by("-total", "member__display_name__since", "id")[:SHOWN])  # fmt: skip
    mine = None
    if member is not None and member.pk not in {row.member_id for row in first}:
        mine = named.filter(member=member).select_related("member__display_name").first()
    places = [_place(row, 1 + sum(other.total > row.total for other in first), member) for row in first]
    if mine is not None:
        places.append(_place(mine, 1 + named.filter(total__gt=mine.total).count(), member))
    return places


def _place(row: ChallengeProgress, place: int, member: Member | None) -> Place:
    return Place(place, row.member.display_name.name, row.total, member is not None and row.member_id == member.pk)

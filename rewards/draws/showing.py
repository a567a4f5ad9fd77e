"""What a draw's public page shows, and what a member sees of draws."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from loyalty.ledger.models import Program
from members.models import Member
from rewards.models import Draw, DrawEntry, DrawPrize, DrawWin, Reward

ENTRIES_A_PAGE = 200
DRAWS_SHOWN = 30
Status = Draw.Status


@dataclass
class Standing:
    """A draw and what one member has to do with it: the numbers that take part, what was won, and how to enter."""

    draw: Draw
    numbers: list[int] = field(default_factory=list)
    wins: list[DrawWin] = field(default_factory=list)
    tickets: list[Reward] = field(default_factory=list)


def published(program: Program | None = None) -> QuerySet[Draw]:
    """Draws that everybody may see."""
    draws = Draw.objects.exclude(status=Status.DRAFT).select_related("program", "promise", "result")
    return draws.filter(program=program) if program else draws


def state(draw: Draw, *, at: datetime) -> str:
    """coming, open, closed (to be drawn any moment), drawn or called_off, at that instant."""
    if draw.status != Status.OPEN:
        return Status(draw.status).value
    if at < draw.opens_at:
        return "coming"
    return "open" if at < draw.closes_at else "closed"


def of_member(member: Member, *, at: datetime) -> list[Standing]:
    """The latest draws of the program for one member; what takes entries now comes first. A constant number of queries."""
    draws = list(published(member.program).order_by("-closes_at", "-id")[:DRAWS_SHOWN])
    found = {draw.pk: Standing(draw) for draw in draws}
    entries = DrawEntry.objects.filter(draw__in=draws, member=member, withdrawal__isnull=True)
    for draw_id, number in entries.order_by("number").values_list("draw", "number"):
        found[draw_id].numbers.append(number)
    for win in won_by(member).filter(draw__in=draws):
        found[win.draw_id].wins.append(win)
    tickets = Reward.objects.filter(draw__in=draws, is_active=True, segment__isnull=True).select_related(
        "wallet__program"
    )
    for ticket in tickets.exclude(Q(offered_until__lte=at) | Q(offered_from__gt=at)):
        if ticket.draw_id in found and found[ticket.draw_id].draw.is_open(at=at):
            found[ticket.draw_id].tickets.append(ticket)
    for one in found.values():
        one.draw.shown_state = state(one.draw, at=at)  # type: ignore[attr-defined]
    return sorted(found.values(), key=lambda one: not one.draw.is_open(at=at))


def won_by(member: Member) -> QuerySet[DrawWin]:
    """What a member won and was not passed on."""
    wins = DrawWin.objects.filter(entry__member=member, passed_at__isnull=True)
    return wins.select_related("prize", "entry", "redemption").order_by("place")


def whole(program: str, slug: str) -> Draw | None:
    """A published draw with its prizes and the wins that stand."""
    prizes = Prefetch("prizes", DrawPrize.objects.select_related("reward"))
    return published().filter(program__slug=program, slug=slug).prefetch_related(prizes).first()


def winning_entries(draw: Draw) -> list[Any]:
    """Each place with its prize and the public number that has it, and how often it was passed on."""
    wins = DrawWin.objects.filter(draw=draw).select_related("prize", "entry").order_by("place", "id")
    found: dict[int, list[DrawWin]] = {}
    for win in wins:
        found.setdefault(win.place, []).append(win)
    return [
        {"place": place, "prize": many[0].prize, "standing": next((one for one in many if one.passed_at is None), None), "passed": [one for one in many if one.passed_at]}
        for place, many in found.items()
    ]  # fmt: skip

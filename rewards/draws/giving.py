"""Prizes of draws are given, and passed on to the next when a winner left or may not take part.

Each win is given in a transaction of its own: the member's accounts are locked first, then the win's row is claimed. What cannot be
given now is owed, stands at the desk with its reason, and is tried again by the job. The next holder follows from the seed and the
list like the winners did (`rewards.draws.fair.winners`), so nobody chooses.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.retrying import retried
from loyalty.ledger import posting
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Entry
from members.models import Member, MemberAccount
from rewards import granting
from rewards.draws import fair, letters
from rewards.draws.terms import WinStands, places
from rewards.draws.wording import AnyPrize
from rewards.models import Draw, DrawEntry, DrawWin, Redemption

Passed = DrawWin.Passed


@retried
@transaction.atomic
def give(win: DrawWin, *, at: datetime, actor: str) -> DrawWin:
    """Give a win its prize, once, and write to the winner; what cannot be given is owed. A winner who left is passed over."""
    member = Member.objects.select_related("program").get(draw_entries=win.entry_id)
    lock(*MemberAccount.objects.filter(member=member).values_list("account_id", flat=True))
    win.refresh_from_db()
    member.refresh_from_db(fields=["status"])
    if member.status != Member.Status.ACTIVE and win.passed_at is None and win.given_at is None:
        return pass_on(win, at=at, actor=actor, why=Passed.LEFT)
    win = _held(win)
    if win.given_at or win.passed_at:
        return win
    reference = f"draw:{win.draw_id}:{win.entry_id}"
    try:
        with transaction.atomic():
            win.redemption, win.credit = hand_over(
                win.prize, member, at=at, actor=actor, reference=reference, why=str(win.draw)
            )
    except Refusal as refusal:
        win.owed = refusal.code
        win.save(update_fields=["owed"])
        return win
    win.given_at, win.owed = at, ""
    win.save(update_fields=["given_at", "redemption", "credit", "owed"])
    letters.tell_winner(win, member, at=at)
    return win


def hand_over(
    prize: AnyPrize, member: Member, *, at: datetime, actor: str, reference: str, why: str
) -> tuple[Redemption | None, Entry | None]:
    """Grant the reward or credit the points of a prize; returns the redemption or the entry. Raises what granting raises."""
    if prize.reward is not None:
        return granting.grant(member, prize.reward, at=at, reference=reference, actor=actor), None
    main = MemberAccount.objects.filter(member=member, wallet__is_main=True).values_list("account_id", flat=True)
    credit = posting.accrue(
        main[0], prize.points or 0, at=at, reference=reference, source="draw", actor=actor, reason=why,
        explanation={"kind": "draw", "name": why, "prize": prize.name},
    )  # fmt: skip
    return None, credit


@retried
@transaction.atomic
def pass_on(win: DrawWin, *, at: datetime, actor: str, why: str) -> DrawWin:
    """Take a win that was not given yet from its holder; its place goes to the next in order. Returns the win that was passed on.

    Raises WinStands.
    """
    draw = (
        Draw.objects.select_for_update(no_key=True, of=("self",))
        .select_related("promise", "result")
        .get(pk=win.draw_id)
    )
    win = _held(win)
    if win.given_at or win.passed_at:
        raise WinStands(_("This prize was given or passed on already, so it stands."))
    passed = list(
        DrawWin.objects.filter(draw=draw, passed_at__isnull=False).order_by("passed_number").values_list("entry__number", flat=True)
    )  # fmt: skip
    win.passed_at, win.passed_by, win.passed_why, win.passed_number = at, actor, why, len(passed) + 1
    win.owed = ""
    win.save(update_fields=["passed_at", "passed_by", "passed_why", "passed_number", "owed"])
    entries = [fair.Entry(*row) for row in final_list(draw).values_list("number", "holder")]
    standing = fair.winners(draw.result.seed, entries, places(draw), passed=[*passed, win.entry.number])
    if number := standing[win.place - 1]:
        entry = DrawEntry.objects.get(draw=draw, number=number)
        DrawWin.objects.create(draw=draw, place=win.place, prize=win.prize, entry=entry, won_at=at)
    return win


def final_list(draw: Draw) -> QuerySet[DrawEntry]:
    """The entries the winners were drawn from."""
    return DrawEntry.objects.filter(draw=draw, withdrawal__isnull=True).order_by("number")


def _held(win: DrawWin) -> DrawWin:
    """The win as it is now, its row locked until the transaction ends."""
    related = DrawWin.objects.select_related("draw__program", "prize__reward__wallet", "entry")
    return related.select_for_update(no_key=True, of=("self",)).get(pk=win.pk)

"""No voucher ends in silence: members are reminded, and what nobody was reminded of lasts longer (after DOMAIN 9.2).

A voucher is reminded of once for each end it has, some days (a setting of the program, else NOTICE_DAYS) and a little before. If jobs were down so long that
less is left, or nothing, the voucher lasts so many days from now, and the letter says so. What was issued for so few days that the letter of
issue was within the notice needs no second one.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from loyalty.common.clock import day_start, last_valid_day, local_day
from loyalty.common.retrying import retried
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from loyalty.mail import outbox
from loyalty.mail.models import Message
from members.models import Member
from rewards import cards, kinds
from rewards.models import Redemption, RewardKind, Voucher, VoucherExtension, VoucherTerms

KIND = "voucher_ends"
NOTICE_DAYS = 7
LEAD_DAYS = 2
PAGE = 500
BY = "job:remind_vouchers"


def extendable(program: Program) -> QuerySet[Voucher]:
    """The live vouchers of a program whose end may be moved: no tickets, no parcels, nothing that ends with something else."""
    lasting = [one.code for one in kinds.ALL if one.can_last_longer and not one.ends_at_once]
    return _live(program).filter(redemption__reward__kind__in=lasting, redemption__reward__is_sent=False)


def _live(program: Program) -> QuerySet[Voucher]:
    return Voucher.objects.filter(is_live=True, redemption__program=program)


def _first_of_all(program: Program, at: datetime) -> QuerySet[Voucher]:
    """Early access that was not made use of yet. It ends when everybody may have the other reward: that is told, never moved."""
    taken = Redemption.objects.filter(
        member=OuterRef("redemption__member"), reward=OuterRef("redemption__reward__opens")
    ).exclude(status=Redemption.Status.CANCELLED)
    early = _live(program).filter(redemption__reward__kind=RewardKind.EARLY, expires_at__gt=at)
    return early.exclude(Exists(taken))


def notice_of(program: Program) -> int:
    """How many days before its end a voucher of the program is reminded of."""
    terms = VoucherTerms.objects.filter(program=program).first()
    return terms.notice_days if terms else NOTICE_DAYS


def remind_ending(
    program: Program, *, at: datetime, recorded_at: datetime | None = None, dry_run: bool = False,
    progress: Progress = unwatched,
) -> Tally:  # fmt: skip
    """Write the letters that are due, and move the ends that nobody was told of in time. May be stopped and run again.

    A day that is made up for later leaves only the time from `recorded_at`, when the letters are truly written.
    """
    at = max(at, recorded_at or at)
    tally = Tally(report={"letters": 0, "extended": 0, "without_address": 0})
    notice = notice_of(program)
    for page in _pages(program, at, notice):
        if not dry_run:
            tally.report["extended"] += _remind(program, page, at, notice)
            tally.done += len(page)
        tally.found += len(page)
        tally.report["letters"] += len(page)
        tally.report["without_address"] += sum(not one.redemption.member.email for one in page)
        if not progress(tally.found, tally.done, tally.skipped):
            break
    return tally


def _pages(program: Program, at: datetime, notice: int) -> Iterator[list[Voucher]]:
    """The vouchers within the notice that nobody has heard of, page by page in the order of their ends."""
    window = day_start(local_day(at, program.time_zone) + timedelta(days=notice + LEAD_DAYS + 1), program.time_zone)
    for told in (extendable(program), _first_of_all(program, at)):
        due = told.filter(expires_at__lte=window, redemption__member__status=Member.Status.ACTIVE)
        due = due.select_related("redemption__member__program", "redemption__reward").order_by("pk")
        last = 0
        while page := list(due.filter(pk__gt=last)[:PAGE]):
            last = page[-1].pk
            yield _unheard(page, notice)


def _unheard(page: list[Voucher], notice: int) -> list[Voucher]:
    """Those without a letter about their present end, and whose letter of issue was too early to be one."""
    numbers = [one.redemption.member.number for one in page]
    heard = set(
        Message.objects.filter(kind=KIND, recipient__any_of=numbers).values_list("recipient", "subject", "period")
    )
    return [
        one
        for one in page
        if (one.redemption.member.number, f"voucher:{one.pk}", _period(one)) not in heard
        and one.expires_at - one.valid_from > timedelta(days=notice + LEAD_DAYS)
    ]


def _period(voucher: Voucher) -> str:
    return last_valid_day(voucher.expires_at, voucher.redemption.member.program.time_zone).isoformat()


@retried
@transaction.atomic
def _remind(program: Program, vouchers: list[Voucher], at: datetime, notice: int) -> int:
    """Move the ends that come too soon, then write the letters; how many were moved."""
    zone = program.time_zone
    soonest = day_start(local_day(at, zone) + timedelta(days=notice), zone)
    until = soonest + timedelta(days=1)
    late = [one for one in vouchers if one.expires_at < soonest and one.redemption.reward.kind != RewardKind.EARLY]
    moved = move_ends(
        {one.pk: (one.expires_at, until) for one in late}, reference=f"notice:{local_day(at, zone)}", at=at, actor=BY,
        reason=_("Nobody could be told in time."),
    )  # fmt: skip
    for one in late:
        if one.pk in moved:
            one.expires_at = until
    outbox.queue_many([_letter(one, at) for one in vouchers if one not in late or one.pk in moved])
    return len(moved)


def move_ends(
    ends: dict[int, tuple[datetime, datetime]], *, reference: str, at: datetime, actor: str, reason: str
) -> set[int]:
    """Move the ends of vouchers, (before, after) by id; those that ended or were moved meanwhile stay. The moved ones.

    A reference that is known for a voucher moves it no second time. Runs inside the caller's transaction.
    """
    cards.hold(Voucher.objects.filter(pk__in=list(ends), value__isnull=False).select_related("redemption"), at=at)
    held = Redemption.objects.filter(voucher__in=list(ends), status=Redemption.Status.ISSUED).order_by("pk")
    live = set(held.select_for_update(no_key=True, of=("self",)).values_list("voucher__pk", flat=True))
    known = set(
        VoucherExtension.objects.filter(voucher__in=live, reference=reference).values_list("voucher", flat=True)
    )
    moved = set()
    for pk in sorted(live - known):
        before, after = ends[pk]
        if Voucher.objects.filter(pk=pk, is_live=True, expires_at=before, valid_from__lt=after).update(
            expires_at=after
        ):
            moved.add(pk)
    VoucherExtension.objects.bulk_create(
        VoucherExtension(
            voucher_id=pk, ended_at=ends[pk][0], ends_at=ends[pk][1], reference=reference, reason=reason[:200], made_at=at,
            made_by=actor,
        )
        for pk in sorted(moved)
    )  # fmt: skip
    return moved


def _letter(voucher: Voucher, at: datetime) -> outbox.Letter:
    """The reminder, in the member's language."""
    member, reward = voucher.redemption.member, voucher.redemption.reward
    with override(member.language):
        context = {
            "name": member.name, "program": str(member.program), "reward": str(reward),
            "code": voucher.shown_code if kinds.of(reward).shows_code(reward) else "", "valid_until": _period(voucher),
        }  # fmt: skip
    return outbox.Letter(member.number, member.email, member.language, KIND, f"voucher:{voucher.pk}", context, at, _period(voucher))  # fmt: skip

"""Rewarding who brought a friend, and the friend: after the friend's first (or second) purchase that was kept (DOMAIN 10.2, 6.3).

Whether a reward is due follows from the friend's purchases and refunds alone, so any order of arrival ends the same: what is due and
not given is given, what is given and no longer due is taken back. A refund counts when the goods came back within the return window.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from campaigns.ways import referral_letters, suspicions
from campaigns.ways.models import Referral, WayTerms
from campaigns.ways.recording import Happening, known_events, record, take_back, take_back_many
from campaigns.ways.terms import terms_of
from loyalty.common.clock import day_start, local_day, period_end
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger import locking
from loyalty.ledger.models import Program
from members.models import MemberAccount, Purchase, Refund

REFERRER, FRIEND, MILESTONE = "referral", "referred", "referral_milestone"
ACTOR = "job:reward_referrals"
# Purchases may be told late: a friend's time is over only so long after its end.
TOLD_LATE = timedelta(days=30)
PAGE = 200
Bought = tuple[int, datetime, Decimal]
CameBack = tuple[datetime, Decimal]
Status = Referral.Status
OPEN = (Status.BOUND, Status.TAKEN_BACK)


@dataclass(frozen=True, slots=True)
class Due:
    """The purchase that earns the reward, and from when on it does."""

    purchase_id: int
    since: datetime


def reward_due(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Settle every referral whose friend bought or gave back, and end those whose time is over."""
    tally = Tally(report={"rewarded": 0, "taken_back": 0, "lapsed": 0, "held": 0})
    last = 0
    while page := list(
        _to_look_at(program, at=at).filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:PAGE]
    ):
        last = page[-1]
        for pk in page:
            tally.found += 1
            if not dry_run:
                became = settle(pk, at=at, actor=ACTOR)
                tally.done += became is not None
                if became in tally.report:
                    tally.report[became] += 1
        if not progress(tally.found, tally.done, tally.skipped):
            return tally
    tally.report["lapsed"] = 0 if dry_run else _lapse(program, at=at)
    return tally


def accounts_with(friend_id: int) -> list[int]:
    """The account of who brought this member: to be locked with the friend's when goods come back. One query."""
    found = MemberAccount.objects.filter(member__brought__friend=friend_id, wallet__is_main=True)
    return list(found.values_list("account_id", flat=True))


def settle_friend(friend_id: int, *, at: datetime, actor: str) -> None:
    """Settle the referral of a member whose goods came back just now; the accounts of both are locked (`accounts_with`)."""
    found = Referral.objects.filter(friend=friend_id, status=Status.REWARDED).values_list("pk", flat=True).first()
    if found:
        settle(found, at=at, actor=actor)


@transaction.atomic
def settle(referral_id: int, *, at: datetime, actor: str) -> str | None:
    """Give or take back what a referral is due; what became of it, or None when nothing changed. Repeating changes nothing."""
    pair = Referral.objects.values_list("referrer", "friend").get(pk=referral_id)
    held = MemberAccount.objects.filter(member__in=pair, wallet__is_main=True).values_list("account_id", flat=True)
    locking.lock(*held)
    referral = Referral.objects.select_related("referrer", "friend", "program").get(pk=referral_id)
    terms = terms_of(referral.program)
    if referral.status not in (*OPEN, Status.REWARDED):
        return None
    due = _due(referral, terms)
    if referral.status == Status.REWARDED:
        return None if due is not None else _take_back(referral, terms, at=at, actor=actor)
    if due is None or due.since > at:
        return None
    return _hold(referral, terms, at=at) or _reward(referral, terms, due, at=at, actor=actor)


def qualifying(bought: list[Bought], came_back: dict[int, list[CameBack]], terms: WayTerms) -> Due | None:
    """The purchase that earns the reward: the first (or second) of which enough was kept. Pure.

    `bought` are (id, when, total); `came_back` by id what came back of it, and when.
    """
    window = timedelta(days=terms.return_days)
    kept = []
    for pk, occurred_at, total in sorted(bought, key=lambda one: (one[1], one[0])):
        back = sum((amount for when, amount in came_back.get(pk, ()) if when < occurred_at + window), Decimal(0))
        if total - back > 0 and total - back >= terms.least_amount:
            kept.append((pk, occurred_at))
    if len(kept) < terms.counting_purchase:
        return None
    pk, occurred_at = kept[terms.counting_purchase - 1]
    return Due(pk, occurred_at + window if terms.waits_for_window else occurred_at)


def _due(referral: Referral, terms: WayTerms) -> Due | None:
    """What a referral is due by the facts: two queries."""
    return qualifying(*_facts(referral), terms)


def _lost_at(referral: Referral, terms: WayTerms) -> datetime | None:
    """Since when a referral is due nothing any more: the return of goods that left too little; None where that was no return."""
    bought, came_back = _facts(referral)
    for lost_at in sorted(when for parts in came_back.values() for when, _amount in parts):
        then = {pk: [part for part in parts if part[0] <= lost_at] for pk, parts in came_back.items()}
        if qualifying(bought, then, terms) is None:
            return lost_at
    return None


def _facts(referral: Referral) -> tuple[list[Bought], dict[int, list[CameBack]]]:
    """What the friend bought in time, and what came back of it by purchase: two queries."""
    zone = referral.program.time_zone
    since = day_start(local_day(referral.bound_at, zone), zone)
    bought = Purchase.objects.filter(
        member=referral.friend_id, occurred_at__gte=since, occurred_at__lt=referral.buys_before
    )
    rows = list(bought.values_list("pk", "occurred_at", "total"))
    came_back: dict[int, list[CameBack]] = {}
    refunds = Refund.objects.filter(purchase__in=[pk for pk, _, _ in rows], status=Refund.Status.APPLIED)
    for pk, when, amount in refunds.values_list("purchase_id", "occurred_at", "amount"):
        came_back.setdefault(pk, []).append((when, amount))
    return rows, came_back


def _hold(referral: Referral, terms: WayTerms, *, at: datetime) -> str | None:
    """Look again before points move: an address may have been added since. Staff who approved are not asked twice."""
    if referral.decided_at:
        return None
    known = suspicions.found(referral.referrer, referral.friend, terms, at=at)
    codes = [code for code in known if code != suspicions.VELOCITY]
    if not codes:
        return None
    is_refused = bool(suspicions.REFUSING & set(codes))
    referral.reasons = codes
    referral.status = Status.REFUSED if is_refused else Status.HELD
    referral.decided_at, referral.decided_by = (at, ACTOR) if is_refused else (None, "")
    referral.save(update_fields=["reasons", "status", "decided_at", "decided_by"])
    return str(referral.status)


def _reward(referral: Referral, terms: WayTerms, due: Due, *, at: datetime, actor: str) -> str:
    """Give both what the rules of their kinds say, the milestone where one is reached, and write to both."""
    referral.rounds += 1
    is_capped = _is_capped(referral, terms, due.since)
    referral.points = 0 if is_capped else _give(referral, REFERRER, referral.referrer_id, due, at=at, actor=actor)
    referral.friend_points = _give(referral, FRIEND, referral.friend_id, due, at=at, actor=actor)
    referral.reasons = [code for code in referral.reasons if code != "period_cap"] + ["period_cap"] * is_capped
    referral.status, referral.purchase_id, referral.rewarded_at = Status.REWARDED, due.purchase_id, due.since
    referral.save()
    _settle_milestones(referral, terms, at=at, actor=actor)
    referral_letters.tell_rewarded(referral, at=at)
    return str(Status.REWARDED)


def _give(referral: Referral, kind: str, member_id: int, due: Due, *, at: datetime, actor: str) -> int:
    """Record the event of one side; returns its points."""
    key = f"{kind}:{referral.pk}:{referral.rounds}"
    made = record(referral.program, kind, [Happening(member_id, key, due.since)], at=at, actor=actor)
    return made[key].points if key in made else 0


def _take_back(referral: Referral, terms: WayTerms, *, at: datetime, actor: str) -> str:
    """Take back what both got by a purchase that was not kept."""
    referral.status = Status.TAKEN_BACK
    referral.save(update_fields=["status"])
    take_rewards(referral, at=at, actor=actor, since=_lost_at(referral, terms))
    referral_letters.tell_taken_back(referral, at=at)
    return str(Status.TAKEN_BACK)


def take_rewards(referral: Referral, *, at: datetime, actor: str, since: datetime | None = None) -> None:
    """Take back what both got in the last round, and the milestone that rests on it; the accounts of both are locked.

    The referral is no rewarded one any more. `since` is when the reward was lost (default: now).
    """
    keys = [f"{kind}:{referral.pk}:{referral.rounds}" for kind in (REFERRER, FRIEND)]
    events = known_events(referral.program, keys).values()
    take_back_many(events, at=at, actor=actor, reason="referral", since=since)
    _settle_milestones(referral, terms_of(referral.program), at=at, actor=actor)


def _is_capped(referral: Referral, terms: WayTerms, since: datetime) -> bool:
    """Whether the member had the most rewarded friends of that month of the program clock."""
    if not terms.most_a_month:
        return False
    zone = referral.program.time_zone
    day = local_day(since, zone)
    first = day_start(day.replace(day=1), zone)
    after = day_start(period_end(day, "month") + timedelta(days=1), zone)
    rewarded = Referral.objects.filter(
        referrer=referral.referrer_id, status=Status.REWARDED, rewarded_at__gte=first, rewarded_at__lt=after
    )
    counted = sum("period_cap" not in reasons for reasons in rewarded.values_list("reasons", flat=True))
    return counted >= terms.most_a_month


def _settle_milestones(referral: Referral, terms: WayTerms, *, at: datetime, actor: str) -> None:
    """As many milestones stand as the rewarded friends reach: one more is given here, one too many taken back."""
    if not terms.milestone_every:
        return
    brought = Referral.objects.filter(referrer=referral.referrer_id)
    wanted = brought.filter(status=Status.REWARDED).count() // terms.milestone_every
    standing = list(brought.filter(milestone_round__gt=0).order_by("-rewarded_at", "-pk"))
    if len(standing) < wanted and referral.status == Status.REWARDED:
        key = f"{MILESTONE}:{referral.pk}:{referral.rounds}"
        happened = Happening(referral.referrer_id, key, referral.rewarded_at or at)
        record(referral.program, MILESTONE, [happened], at=at, actor=actor)
        Referral.objects.filter(pk=referral.pk).update(milestone_round=referral.rounds)
    elif len(standing) > wanted:
        last = standing[0]
        key = f"{MILESTONE}:{last.pk}:{last.milestone_round}"
        for event in known_events(referral.program, [key]).values():
            take_back(event, at=at, actor=actor, reason="referral")
        Referral.objects.filter(pk=last.pk).update(milestone_round=0)


def _to_look_at(program: Program, *, at: datetime) -> QuerySet[Referral]:
    """Referrals whose friend has bought, and rewarded ones whose purchase came back since."""
    bought = Purchase.objects.filter(member=OuterRef("friend"))
    back = Refund.objects.filter(purchase__member=OuterRef("friend"), applied_at__gte=OuterRef("rewarded_at"))
    ours = Referral.objects.filter(program=program)
    limit = _limit(program, at=at)
    fresh = Q(buys_before__gt=limit) | Q(decided_at__gt=limit)  # one that staff let go on late is looked at once more
    waiting = ours.filter(Exists(bought), fresh, status__in=OPEN)
    given = ours.filter(Exists(back), Q(purchase__refunded__gt=0), status=Status.REWARDED)
    return ours.filter(Q(pk__in=waiting.values("pk")) | Q(pk__in=given.values("pk")))


def _limit(program: Program, *, at: datetime) -> datetime:
    """Before when everything that counts, returns too, has been told by now."""
    return at - TOLD_LATE - timedelta(days=terms_of(program).return_days)


@transaction.atomic
def _lapse(program: Program, *, at: datetime) -> int:
    """End the referrals whose friend did not buy in time, long enough after it for everything told late: one statement."""
    limit = _limit(program, at=at)
    undecided = Q(decided_at__isnull=True) | Q(decided_at__lte=limit)
    over = Referral.objects.filter(undecided, program=program, status=Status.BOUND, buys_before__lte=limit)
    return over.update(status=Status.LAPSED, decided_at=at, decided_by=ACTOR)

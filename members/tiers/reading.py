"""Trails read from the database for many members at once, and the tier of any instant."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Sum

from loyalty.common.prepared import Given as Value
from loyalty.common.prepared import Prepared
from loyalty.ledger.models import Entry, Program
from members.ladders import INSTANT, Ladder, ladder
from members.models import Member, Purchase, Refund, Tier, TierGrant, TierPolicy, TierStay
from members.tiers import parts
from members.tiers.stays import CREDIT, GIVEN, PURCHASE, Given, Stay
from members.tiers.walking import Trail

ENROLMENT = "enrolment"
CREDITS = (Entry.Kind.ACCRUAL, Entry.Kind.CLAW_BACK)

_stays = Prepared(
    lambda: (
        TierStay.objects.filter(member__any_of=Value("members"))
        .exclude(until=F("since"))
        .order_by("since", "id")
        .values_list("member_id", "id", "tier_id", "since", "until", "cause", "review_at", "renewed_at")
    )
)


def _prepared_amounts(column: str) -> Prepared:
    """What members' purchases added to the measure from an instant on, in order of time."""
    return Prepared(
        lambda: (
            Purchase.objects.filter(member__any_of=Value("members"), occurred_at__gte=Value("since"))
            .order_by("occurred_at", "id")
            .values_list("member_id", "id", "occurred_at", column, "refunded")
        )
    )


_amounts = {column: _prepared_amounts(column) for column in ("qualifying_points", "qualifying_spend")}


def trails(steps: Ladder, member_ids: Iterable[int], *, earliest: datetime) -> dict[int, Trail]:
    """The trail of each member, for purchases and reviews from `earliest` on: two queries (three when everything counts).

    One more asks for refunds where there are any, one for tiers given by hand where the program has any, one for the
    credits of a counted wallet, one for points that wait where any ever did.
    """
    walked = {member_id: Trail(steps) for member_id in member_ids}
    if not walked:
        return walked
    given = grants(walked) if steps.has_grants else {}
    _add_stays(walked, given, earliest)
    dues = [trail.stays[-1].review_at for trail in walked.values() if trail.stays]
    earliest = min([earliest, *(due - INSTANT for due in dues if due is not None)])
    waiting = parts.Parts()
    if steps.waits:
        waiting, earliest = parts.read(steps, walked, earliest=earliest)
    start, refunded = steps.since(earliest), set[int]()
    if start is None and steps.window == TierPolicy.Window.LIFETIME:
        refunded = _add_totals(walked, earliest)
        waiting.take_out(walked, earliest)
    whole, later = steps.whole, waiting.of_purchase
    for member_id, purchase_id, occurred_at, stored, back in _amounts[steps.column](
        members=walked, since=start or (earliest if steps.window == TierPolicy.Window.LIFETIME else EVER)
    ):
        trail = walked[member_id]
        trail.whens.append(occurred_at)
        counted = steps.counted(whole(stored))
        if purchase_id in later:
            counted = parts.at_once(counted, later[purchase_id])
        trail.totals.append(trail.totals[-1] + counted)
        trail.known_until = occurred_at
        if back:
            refunded.add(member_id)
    refunded |= waiting.lay(walked)
    if refunded and not steps.counts_wallet:
        add_returns(walked, refunded, later)
    if steps.counts_wallet:
        add_credits(walked)
    return walked


EVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _add_stays(walked: dict[int, Trail], given: dict[int, list[Given]], earliest: datetime) -> None:
    """The recorded stays, and what was given by hand and is still ahead of them: one query."""
    for member_id, one in given.items():
        walked[member_id].grants = {grant.pk: grant for grant in one}
    for member_id, stay_id, tier_id, since, until, cause, review_at, renewed_at in _stays(members=walked):
        trail = walked[member_id]
        stay = Stay(trail.ladder.by_id[tier_id], since, until, cause, stay_id=stay_id)
        stay.review_at, stay.renewed_at = review_at, renewed_at
        stay.was = stay.dates
        grant = trail.grants.get(int(cause.removeprefix(GIVEN))) if cause.startswith(GIVEN) else None
        if grant is not None:
            stay.held_until = grant.until
            if until is None and (renewed_at is None or renewed_at < grant.until):
                stay.review_at = grant.until
        trail.loaded.append(stay)
        if not trail.stays and cause == ENROLMENT and since > earliest:
            trail.given.append(stay)
        else:
            trail.stays.append(stay)
        trail.decided_until = _decided(trail, stay) or trail.decided_until
    for trail in walked.values():
        if trail.given and trail.stays:
            trail.stays.insert(0, trail.given.pop(0))
        if trail.grants:
            last = trail.stays[-1].since if trail.stays else EVER
            ahead = [one for one in trail.grants.values() if one.since > last]
            trail.given = sorted([*trail.given, *(by_hand(trail.ladder, one) for one in ahead)], key=lambda s: s.since)


def _decided(trail: Trail, stay: Stay) -> datetime | None:
    """The last instant at which a review, a hand or an edit decided about a stay: that it begins, or that it goes on."""
    begun = None if stay.cause == ENROLMENT or stay.cause.startswith(PURCHASE) else stay.since
    if stay.renewed_at is None:
        return begun
    return stay.renewed_at if stay.renewed_at == stay.held_until else trail.ladder.decided(stay.renewed_at)


def by_hand(steps: Ladder, grant: Given) -> Stay:
    """The stay that a tier given by hand begins."""
    stay = Stay(steps.by_id[grant.tier_id], grant.since, None, f"{GIVEN}{grant.pk}")
    stay.held_until = grant.until
    return stay


def grants(member_ids: Iterable[int]) -> dict[int, list[Given]]:
    """The tiers that members were given by hand, by member: one query."""
    found: dict[int, list[Given]] = {}
    rows = TierGrant.objects.filter(member__any_of=list(member_ids), until__gt=F("since")).order_by("since", "id")
    for member_id, pk, tier_id, since, until in rows.values_list("member_id", "id", "tier_id", "since", "until"):
        found.setdefault(member_id, []).append(Given(pk, tier_id, since, until))
    return found


def _add_totals(walked: dict[int, Trail], earliest: datetime) -> set[int]:
    """What counted before an instant, in one sum each; returns the members of whose purchases something came back."""
    steps = next(iter(walked.values())).ladder
    bought = Purchase.objects.filter(member__any_of=walked, occurred_at__lt=earliest).order_by().values("member_id")
    counted = Count("id", filter=Q(qualifying_spend__gt=0)) if steps.counts_visits else steps.sum
    refunded = set()
    for row in bought.annotate(sum=counted, back=Sum("refunded")):
        total = 0 if steps.counts_wallet else row["sum"] or 0
        walked[row["member_id"]].totals[0] = total
        refunded |= {row["member_id"]} if row["back"] else set()
    return refunded


def add_returns(
    walked: dict[int, Trail], member_ids: Iterable[int], later: Mapping[int, Sequence[parts.Later]]
) -> None:
    """What these members' refunds took from their progress, and when: one query. A visit is lost when nothing is kept."""
    refunds = Refund.objects.filter(purchase__member__any_of=list(member_ids), purchase__refunded__gt=0)
    rows = refunds.filter(status=Refund.Status.APPLIED).order_by("purchase_id", "occurred_at", "number")
    columns = ("purchase__member", "purchase_id", "occurred_at", "purchase__occurred_at", "qualifying_points", "qualifying_spend", "purchase__qualifying_spend", "purchase__qualifying_points")  # fmt: skip
    came: dict[int, int] = {}
    waiting: dict[int, tuple[Trail, datetime, int, list[tuple[datetime, int]]]] = {}
    for member_id, purchase_id, at, bought, points, spend, whole, earned in rows.values_list(*columns):
        trail = walked[member_id]
        amount = trail.ladder.amount(points, spend)
        if purchase_id in later:
            waiting.setdefault(purchase_id, (trail, bought, earned, []))[3].append((at, amount))
            continue
        if trail.ladder.counts_visits:
            before, came[purchase_id] = came.get(purchase_id, 0), came.get(purchase_id, 0) + amount
            amount = int(before < trail.ladder.whole(whole) <= came[purchase_id])
        trail.returns.append((max(at, bought), bought, amount))
    for purchase_id, (trail, bought, earned, back) in waiting.items():
        trail.lose(parts.taken_back(bought, earned, later[purchase_id], back))


def add_credits(walked: Mapping[int, Trail]) -> None:
    """What members were credited in the counted wallet: one query. Those after the stay held are still to be climbed.

    Credits count from when they can be spent, unless the wallet says from when they were earned; what is taken back of
    them before leaves no trace.
    """
    steps = next(iter(walked.values())).ladder if walked else None
    if steps is None:
        return
    entries = Entry.objects.filter(
        account__member_account__member__any_of=list(walked), account__wallet=steps.wallet_id, kind__in=CREDITS
    ).order_by("effective_at", "id")
    columns = ("account__member_account__member", "effective_at", "amount", "id", "lot__available_at", "corrects__lot__available_at", "corrects_id", "account__wallet__counts_at_purchase")  # fmt: skip
    for member_id, at, amount, pk, own, origin, corrects, from_purchase in entries.values_list(*columns):
        trail, begins = walked[member_id], at if from_purchase else origin if corrects else own
        if begins is None:
            continue
        since, wall = max(at, begins), steps.wall
        if (trail.stays and since <= trail.stays[-1].since) or (wall is not None and since < wall):
            trail.count(since, amount)
        else:
            trail.expect(since, amount, f"{CREDIT}{pk}")


def late(walked: dict[int, Trail], bought: Iterable[tuple[int, datetime]]) -> dict[int, datetime]:
    """Members for whom something later is recorded already: member -> the first instant of what is new.

    Later are purchases, also at the same instant, stays that a review or a hand began, reviews that were passed, and an edit
    of the policy.
    `bought` are (member, instant) of what is new, in order of time.
    """
    found: dict[int, datetime] = {}
    for member_id, at in bought:
        trail = walked[member_id]
        known, decided, wall = trail.known_until, trail.decided_until, trail.ladder.wall
        if (known and at <= known) or (decided and at < decided) or (wall and at < wall):
            found.setdefault(member_id, at)
            trail.is_late = True
    return found


def as_settled(trail: Trail, member_id: int, *, at: datetime) -> Trail:
    """A trail as it is after settling: read again where something came late, for it was walked again since."""
    return trails(trail.ladder, [member_id], earliest=at)[member_id] if trail.is_late else trail


def tier_at(member: Member, instant: datetime) -> Tier:
    """The tier a member had at an instant; before the first stay the program's lowest."""
    return tiers_at(member.program, [(member.pk, instant)])[member.pk, instant]


def tiers_at(program: Program, asked: Sequence[tuple[int, datetime]]) -> dict[tuple[int, datetime], Tier]:
    """The tiers that members had at instants, with what was due by then: two queries for any number of them.

    Some more where a job has not come yet to a review, or to points that began to count.
    """
    last = max((instant for _member, instant in asked), default=EVER)
    began = Exists(parts.due(at=last).filter(program=OuterRef("program")))
    tiers = list(Tier.objects.filter(program=program).annotate(began=began).order_by("rank"))
    by_id = {tier.pk: tier for tier in tiers}
    stays: dict[int, list[tuple[datetime, int]]] = {}
    dues: dict[int, datetime] = {}
    rows = TierStay.objects.filter(member__any_of={member_id for member_id, _ in asked}).exclude(until=F("since"))
    columns = ("member_id", "since", "tier_id", "until", "review_at")
    for member_id, since, tier_id, until, review_at in rows.order_by("since", "id").values_list(*columns):
        stays.setdefault(member_id, []).append((since, tier_id))
        if until is None and review_at is not None:
            dues[member_id] = review_at
    if tiers and tiers[0].began:
        for member_id, due in parts.first_due({member_id for member_id, _ in asked}, at=last).items():
            dues[member_id] = min(due, dues.get(member_id, due))
    walked = _walked_on(program, [one for one in asked if one[0] in dues and dues[one[0]] <= one[1]])
    answers: dict[tuple[int, datetime], Tier] = {}
    for member_id, instant in asked:
        held = [tier_id for since, tier_id in stays.get(member_id, ()) if since <= instant]
        answers[member_id, instant] = by_id[held[-1]] if held else tiers[0]
    return answers | {one: by_id[tier.pk] for one, tier in walked.items()}


def _walked_on(program: Program, asked: Sequence[tuple[int, datetime]]) -> dict[tuple[int, datetime], Tier]:
    """The tiers of members of whom something is due that no job has recorded; nothing is written."""
    if not asked:
        return {}
    earliest = min(instant for _member, instant in asked)
    walked = trails(ladder(program), {member_id for member_id, _ in asked}, earliest=earliest)
    return {one: walked[one[0]].tier_at(one[1]) for one in sorted(asked, key=lambda one: one[1])}


_dues = Prepared(
    lambda: (
        Member.objects.filter(pk=Value("member"))
        .annotate(is_due=is_due(Value("member"), Value("at")))
        .values_list("is_due", flat=True)
    )
)


def is_due(member: Any, at: Any) -> Any:
    """Whether a member may have another tier at an instant than is recorded: a review was due, or points began to count."""
    reviews = TierStay.objects.filter(member=member, until__isnull=True, review_at__lte=at)
    return Exists(reviews) | Exists(parts.due(at=at).filter(purchase__member=member))


def has_due(member: Member, *, at: datetime) -> bool:
    """Whether something was due of a member by an instant that no job has recorded: one query."""
    return any(_dues(member=member.pk, at=at))


def held(member: Member, *, at: datetime) -> TierStay | None:
    """The stay of an instant with what was due by then, as a row that may not be written yet; None before the first one."""
    trail = trails(ladder(member.program), [member.pk], earliest=at)[member.pk]
    trail.go_to(at)
    if not trail.stays or trail.stays[0].since > at:
        return None
    stay = trail.held(at)
    return TierStay(
        pk=stay.id, member=member, tier=stay.tier, since=stay.since, until=stay.until, recorded_at=at, cause=stay.cause,
        measured=trail.ladder.shown(stay.measured), review_at=stay.review_at, renewed_at=stay.renewed_at,
    )  # fmt: skip

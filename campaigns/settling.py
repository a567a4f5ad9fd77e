"""Settling again: what comes late, or comes back, ends as if everything had come in order (DOMAIN 2.5, 6.1, 8.2).

The member's purchases and refunds are walked once more from the instant of what is new: the tier each purchase met, what
it earned in that tier under its frozen rule versions with what counts, caps and budgets knew at its turn, and what its refunds take
back. Only the difference to what is
recorded moves points: more as another credit that lives as long as the first would have, less as a claw-back. What was
redeemed or ran out meanwhile stays as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from campaigns import corrections, events_again, lasting
from campaigns.event_corrections import differences_of_events
from campaigns.events_again import Done, TakenBack
from campaigns.frozen import Frozen, explanations_of, frozen, reference_of
from campaigns.lasting import Lasting
from campaigns.purchases_again import Account, figures_of, in_order, read
from campaigns.qualifying import again, later_of
from campaigns.qualifying import write as write_parts
from campaigns.recounting import Recounting
from campaigns.rules import RuleBook
from campaigns.taking_back import take_back
from campaigns.terms import Award
from loyalty.common.bulk import update_rows
from loyalty.ledger.models import Program
from members import retracing, tiers
from members.ladders import Ladder, ladder
from members.models import Purchase, PurchaseLine, Refund
from members.returns import happened_at
from members.tiers import eras
from members.tiers.parts import first_due

PURCHASE_COLUMNS = ("tier", "points", "qualifying_points", "points_returned")
REFUND_COLUMNS = ("points", "qualifying_points", "qualifying_spend")


def settle(
    program: Program,
    since: Mapping[int, datetime],
    *,
    at: datetime,
    actor: str,
    back: Iterable[Refund] = (),
    taken: Iterable[TakenBack] = (),
    steps: Ladder | None = None,
    book: RuleBook | None = None,
) -> dict[int, Account]:
    """Settle members again, each from an instant on; returns what became of each purchase looked at, by its id.

    `back` are refunds being applied and `taken` events being taken back right now: what they move is posted in their name. A constant number of statements for
    the reading, less the ladder and the book of rules where the caller has read them in this transaction; the caller holds the
    members' locks and the transaction. Campaigns with a budget are locked here, together.
    """
    steps = steps or ladder(program)
    since = _from_what_is_due(steps, since, at=at)
    ladders = eras.eras(program, steps, min(since.values()))
    rows = retracing.stays_of(since)
    walks = {
        member_id: retracing.Walk(eras.from_on(ladders, start), rows[member_id], start)
        for member_id, start in since.items()
    }
    accounts = read(ladders, since, min(walk.reads_from for walk in walks.values()))
    rating, later = frozen(program, steps.decimals, book), Later(Lasting(program.pk), steps.delays)
    done = events_again.read(rating.book, since, taken, at=at)
    in_turn: list[Account | Done] = [*accounts.values(), *done]
    in_turn.sort(key=lambda one: (one.whose[0], one.key))
    walked, kinds = [one.whose for one in in_turn], {one.event.kind for one in done}
    counting = Recounting(program, rating.book, since, walked, decimals=steps.decimals, at=at, kinds=kinds)
    for member_id, own in groupby(in_turn, key=lambda one: one.whose[0]):
        counting.begin(member_id)
        for one in own:
            if isinstance(one, Account):
                _walk(one, walks[member_id], since[member_id], rating, counting, program, later)
            else:
                events_again.walk(one, walks[member_id], since[member_id], rating, counting)
    retracing.rewrite(walks, recorded_at=at)
    _write(accounts.values())
    events_again.write(done)
    corrections.post(
        [*_differences(accounts.values(), back, steps), *differences_of_events(done, taken, steps)], at=at, actor=actor
    )
    counting.write()
    return accounts


class Later(NamedTuple):
    """What says from when points of new parts count, and whether any are delayed in the program."""

    lasting: Lasting
    is_delayed: bool


def _from_what_is_due(steps: Ladder, since: Mapping[int, datetime], *, at: datetime) -> Mapping[int, datetime]:
    """Each member's instant, or the earlier one from which points count that is on no record yet."""
    dues = first_due(since, at=at) if steps.waits else {}
    return {member_id: min(start, dues.get(member_id, start)) for member_id, start in since.items()}


def late(
    walked: Mapping[int, tiers.Trail], bought: Sequence[tuple[int, datetime]], book: RuleBook, *, at: datetime
) -> dict[int, datetime]:
    """Members of whom something later is recorded already, another purchase, goods that came back since, or an event, and from when on.

    `bought` are (member, instant) of what is new, in order of time.
    """
    found = tiers.late(dict(walked), bought)
    for member_id, when in bought:
        if any(came > when for came, *_ in walked[member_id].returns):
            found[member_id] = min(when, found.get(member_id, when))
    for member_id, when in events_again.after_purchases(book, bought, until=at).items():
        found[member_id] = min(when, found.get(member_id, when))
        walked[member_id].is_late = True
    return found


def preview(bought: Purchase, lines: Sequence[PurchaseLine], refunds: Sequence[Refund], program: Program) -> Account:
    """What a purchase would come to with these refunds, all of them applied or about to be; nothing is written."""
    account = Account(
        bought, list(lines), sorted(refunds, key=in_order), explanations_of([bought]).get(reference_of(bought))
    )
    _return(account, frozen(program, ladder(program).decimals), program)
    return account


def _walk(
    account: Account,
    walk: retracing.Walk,
    since: datetime,
    rating: Frozen,
    counting: Recounting,
    program: Program,
    later: Later,
) -> None:
    """One purchase in its turn: its tier and award, its refunds, and what it counts for the tiers, caps and budgets."""
    bought = account.bought
    if bought.occurred_at >= since:
        _rate_again(account, walk, rating, counting, later)
    looked_at = account.award is not None or any(refund.occurred_at >= since for refund in account.refunds)
    if looked_at:
        _return(account, rating, program)
    for refund in account.refunds:
        walk.give_back(happened_at(refund, bought), refund.qualifying_points, refund.qualifying_spend)
    walk.buy(
        bought.occurred_at,
        bought.qualifying_points,
        bought.qualifying_spend,
        reference_of(bought),
        later_of(account.later),
    )
    left = account.still_given if looked_at and account.refunds else None
    counting.turn(bought.member_id, reference_of(bought), bought.occurred_at, account.award, left)


def _rate_again(account: Account, walk: retracing.Walk, rating: Frozen, counting: Recounting, later: Later) -> None:
    """The award of a purchase in the tier it meets and with what counts and caps know at its turn; kept only where it comes out another."""
    bought, tier = account.bought, walk.tier_at(account.bought.occurred_at)
    if tier.pk == bought.tier_id and not counting.is_asked:
        return
    terms = rating.rules_again(bought, account.explanation, counting.budgets)
    known = counting.known(bought.member_id, bought.occurred_at, terms)
    award = rating.rate_again(bought, account.lines, _parts(account), tier.slug, terms, account.explanation, known)
    is_same = (award.points, award.qualifying) == (bought.points, bought.qualifying_points)
    if tier.pk != bought.tier_id or not (
        is_same and counting.is_as_recorded(bought.member_id, reference_of(bought), award)
    ):
        if "lasts" in (account.explanation or {}) and award.points:
            award.explanation.setdefault("lasts", [{"policy": "", "points": award.points, "rules": []}])
        account.later = again(
            bought, account.later, award, later.lasting, earned=bought.points, told=account.explanation,
            is_delayed=later.is_delayed,
        )  # fmt: skip
        account.award, account.explanation = award, award.explanation
        bought.tier, bought.points = tier, award.points
        bought.qualifying_points, bought.explanation = award.qualifying, award.explanation


def _parts(account: Account) -> list[Decimal]:
    """The earning part of each line, of the whole where the till sent none."""
    return [line.eligible for line in account.lines] or [account.bought.eligible]


def _return(account: Account, rating: Frozen, program: Program) -> None:
    """What each refund takes back, now that the purchase comes out as it does."""
    bought = account.bought

    def rated(lines: Sequence[PurchaseLine], parts: Sequence[Decimal]) -> Award:
        return rating.award(bought, lines, parts, bought.tier.slug, account.explanation)

    account.still_given, returned = [], 0
    earned = {"points": bought.points, "qualifying": bought.qualifying_points}
    for back in take_back(program, bought, account.lines, account.refunds, rated=rated, **earned):
        refund, figures = back.refund, (back.points, back.qualifying, back.spend)
        if figures != (refund.points, refund.qualifying_points, refund.qualifying_spend):
            refund.points, refund.qualifying_points, refund.qualifying_spend = figures
            account.moved.add(refund.pk)
        account.still_given.append((back.when, back.still))
        account.kept, returned = back.kept, returned + back.points
    bought.points_returned = returned


def _write(accounts: Iterable[Account]) -> None:
    """Store what came out otherwise than recorded: three statements at most."""
    accounts = list(accounts)
    changed = [one.bought for one in accounts if figures_of(one.bought) != one.was]
    update_rows(Purchase, "id", PURCHASE_COLUMNS, [(bought.pk, *figures_of(bought)) for bought in changed])
    Purchase.objects.bulk_update([one.bought for one in accounts if one.award is not None], ["explanation"])
    shares = [
        (line.pk, points)
        for one in accounts
        if one.award is not None
        for line, points in zip(one.lines, one.award.shares, strict=False)
    ]
    update_rows(PurchaseLine, "id", ("points",), shares)
    write_parts(part for one in accounts if one.award is not None for part in one.later)
    refunds = [
        (refund.pk, refund.points, refund.qualifying_points, refund.qualifying_spend)
        for one in accounts
        for refund in one.refunds
        if refund.pk in one.moved
    ]
    update_rows(Refund, "id", REFUND_COLUMNS, refunds)


def _differences(accounts: Iterable[Account], back: Iterable[Refund], steps: Ladder) -> list[corrections.Difference]:
    """What each purchase earned net of its refunds, against what is in the books."""
    causes = {refund.purchase_id: refund for refund in sorted(back, key=in_order)}
    found = []
    for one in sorted(accounts, key=lambda one: one.key):
        bought, was = one.bought, one.was
        moved = (bought.points - bought.points_returned) - (was[1] - was[3])
        cause = causes.get(bought.pk)
        parts = _parts_left(one)
        if moved or (parts and one.award is not None):
            told = _told(one, steps, cause)
            found.append(corrections.Difference(bought, moved, cause, told, parts))
    return found


def _parts_left(account: Account) -> dict[str, int]:
    """By expiry policy, the points that a purchase comes to net of its refunds; nothing where all follow the wallet's own."""
    bought = account.bought
    counting = account.kept if account.kept is not None and bought.points_returned < bought.points else account.award
    told = counting.explanation if counting is not None else account.explanation or {}
    parts = told.get("lasts") or [{"policy": "", "points": 1}]
    if len(parts) == 1 and not parts[0]["policy"] and "lasts" not in (account.explanation or {}):
        return {}
    return lasting.laid_over(bought.points - bought.points_returned, parts)


def _told(account: Account, steps: Ladder, cause: Refund | None) -> dict[str, Any]:
    """Why the points move, as numbers and names; the words are made when it is read."""
    bought = account.bought
    told: dict[str, Any] = {
        "source": bought.source,
        "receipt": bought.receipt,
        "currency": bought.currency,
        "earned": bought.points,
        "returned": bought.points_returned,
    }
    if steps.decimals:
        told["decimals"] = steps.decimals
    if cause is not None:
        told |= {
            "refund": cause.number,
            "amount": str(cause.amount),
            "refunded": str(bought.refunded),
            "total": str(bought.total),
        }
        kept = account.kept.explanation if account.kept and bought.points_returned < bought.points else None
        return {"returned_goods": told | ({"kept": kept} if kept else {})}
    told |= {"before": account.was[1], "tier_before": steps.by_id[account.tier_was].slug, "tier": bought.tier.slug}
    told["names"] = [_names(steps.by_id[account.tier_was]), _names(bought.tier)]
    if account.award is not None:
        told["award"] = account.award.explanation
    return {"settled_again": told}


def _names(tier: Any) -> dict[str, str]:
    """A tier's names by language."""
    names = {"en": tier.name, "id": tier.name_id, "ms": tier.name_ms}
    return {language: name for language, name in names.items() if name}

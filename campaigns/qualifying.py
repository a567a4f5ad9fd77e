"""From when the qualifying points of a purchase count towards tiers: from when its points can be spent (DOMAIN 4.1, 8.1).

It is decided part by part, once, when the purchase is recorded: each expiry policy that its rules name has its part. What is
rated again keeps the instants of the parts it had; a part that is new follows what its wallet says now.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from campaigns.lasting import Lasting
from campaigns.terms import Award
from members.models import Confirmation, Purchase, QualifyingPart
from members.tiers.parts import Later


def parts_of(award: Award, lasting: Lasting, occurred_at: datetime) -> list[QualifyingPart]:
    """The parts of an award that count later than its purchase, not yet of any; what is in none counts at once."""
    found = []
    for name, points in award.counts:
        waits_for, confirm_by, counts_at = when_counted(lasting, name, occurred_at)
        if confirm_by is not None or counts_at != occurred_at:
            found.append(
                QualifyingPart(
                    policy=name, points=points, counts_at=counts_at, waits_for=waits_for, confirm_by=confirm_by
                )
            )
    return found


def when_counted(lasting: Lasting, name: str, occurred_at: datetime) -> tuple[str, datetime | None, datetime | None]:
    """What points of a purchase under a policy wait for, until when, and from when they count where that is known."""
    policy_id = lasting.policy_id(name)
    policy, until = lasting.terms.policy_for(policy_id), lasting.terms.confirm_by(occurred_at, policy_id)
    if policy is not None and until is not None:
        return policy.confirmed_by, until, None
    return "", None, lasting.terms.available_at(occurred_at, policy_id)


def later_of(parts: Iterable[QualifyingPart]) -> list[Later]:
    """Parts as the walk counts them."""
    return [Later(one.counts_at, one.points, None if one.is_cancelled else one.confirm_by) for one in parts]


def keep(parts: Iterable[tuple[int, Sequence[QualifyingPart]]], program_id: int) -> None:
    """Write down the parts of purchases recorded just now: (purchase, its parts)."""
    rows = []
    for purchase_id, own in parts:
        for part in own:
            part.purchase_id, part.program_id = purchase_id, program_id
            rows.append(part)
    QualifyingPart.objects.bulk_create(rows)


def recorded(purchase_ids: Iterable[int]) -> dict[int, list[QualifyingPart]]:
    """The parts of purchases, as they are recorded: one query."""
    found: dict[int, list[QualifyingPart]] = {}
    for part in QualifyingPart.objects.filter(purchase__any_of=list(purchase_ids)).order_by("purchase_id", "id"):
        found.setdefault(part.purchase_id, []).append(part)
    return found


def again(
    bought: Purchase,
    had: Sequence[QualifyingPart],
    award: Award,
    lasting: Lasting,
    *,
    earned: int,
    told: Mapping[str, Any] | None,
    is_delayed: bool,
) -> list[QualifyingPart]:
    """The parts of a purchase that is rated again: those it `had` with what they are now, and new ones.

    `earned` is what it had earned and `told` why; `is_delayed` says whether points of the program are delayed now.
    """
    known, parts = {one.policy: one for one in had}, list(had)
    counts = dict(award.counts)
    for one in had:
        one.points = counts.get(one.policy, 0)
    lasts = (told or {}).get("lasts") or [{"policy": ""}]
    at_purchase = {part["policy"] for part in lasts} if earned else set()
    if is_delayed:
        for one in parts_of(award, lasting, bought.occurred_at):
            if one.policy not in known and one.policy not in at_purchase:
                one.purchase, one.program_id = bought, bought.program_id
                one.counts_at = one.counts_at or confirmed_at(one, bought)
                parts.append(one)
    return parts


def confirmed_at(part: QualifyingPart, bought: Purchase) -> datetime | None:
    """When the event a part waits for happened to its order, in time; None while it is not known: one query."""
    said = Confirmation.objects.filter(purchase=bought, kind=part.waits_for).values_list("occurred_at", flat=True)
    return in_time(part, bought.occurred_at, said.first())


def in_time(part: QualifyingPart, bought_at: datetime, happened: datetime | None) -> datetime | None:
    """From when a part counts that was confirmed at an instant; None when nothing happened, or too late."""
    if happened is None or part.confirm_by is None or happened >= part.confirm_by:
        return None
    return max(happened, bought_at)


def write(parts: Iterable[QualifyingPart]) -> None:
    """Store parts that are new, and what others are now: two statements at most."""
    parts = list(parts)
    QualifyingPart.objects.bulk_create([one for one in parts if one.pk is None])
    QualifyingPart.objects.bulk_update([one for one in parts if one.pk is not None], ["points"])

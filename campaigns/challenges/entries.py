"""Numbering the entries of instant wins: which number an entry gets is decided once, and by it whether it wins.

The challenge's row is locked after the members' accounts; what was read as its last number is still the last one when it is written,
by a conditional update whose count is looked at. Every nth entry wins, or the nth of a day, or one in n by chance: then the keyed
digest of the number under the seed decides, whose own digest was shown before the first entry (DOMAIN 7.5).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db.models import Max

from campaigns.challenges.definitions import CHANCE, DAILY, Terms
from campaigns.challenges.walking import Achieved, Step
from campaigns.models import Challenge, ChallengeEntry
from rewards.draws.fair import drawn

ByMember = Mapping[int, Sequence[Step]]


def settle(
    challenge: Challenge, steps: ByMember, terms: Mapping[int, Terms], *, at: datetime
) -> dict[int, list[Achieved]]:
    """Number what is new, void what came back; returns the winning entries that count, by member.

    `steps` are all that counts now of these members; `terms` the versions by number. Three statements, six when something is new.
    """
    known = list(ChallengeEntry.objects.filter(challenge=challenge, member__any_of=list(steps)))
    counting = {step.reference for many in steps.values() for step in many}
    gone = [row for row in known if not row.is_void and row.reference not in counting]
    if gone:
        ChallengeEntry.objects.filter(pk__any_of=[row.pk for row in gone]).update(is_void=True)
        for row in gone:
            row.is_void = True
    fresh = _number(challenge, steps, known)
    won: dict[int, list[Achieved]] = {}
    for row in [*known, *fresh]:
        if row.is_win and not row.is_void:
            one = Achieved(f"entry:{row.number}", row.entered_at, row.reference, terms[row.version])
            won.setdefault(row.member_id, []).append(one)
    return won


def _number(challenge: Challenge, steps: ByMember, known: Iterable[ChallengeEntry]) -> list[ChallengeEntry]:
    """Give the entries that have none their numbers, in order of time."""
    seen = {row.reference for row in known}
    has_won = {row.member_id for row in known if row.is_win and not row.is_void}
    new = [(step, member) for member, many in steps.items() for step in many if step.reference not in seen]
    if not new:
        return []
    new.sort(key=lambda one: (one[0].at, one[0].reference))
    locked = Challenge.objects.select_for_update(no_key=True).get(pk=challenge.pk)
    days = {step.day for step, _ in new}
    counts = ChallengeEntry.objects.filter(challenge=locked, day__in=days).order_by().values_list("day")
    of_day = dict(counts.annotate(last=Max("day_number")))
    rows = []
    for number, (step, member_id) in enumerate(new, start=locked.entries + 1):
        of_day[step.day] = of_day.get(step.day, 0) + 1
        wins = _wins(step.terms, locked.seed, number, of_day[step.day])
        wins = wins and (step.terms.repeats or member_id not in has_won)
        has_won |= {member_id} if wins else set()
        rows.append(
            ChallengeEntry(
                challenge=locked, member_id=member_id, number=number, day=step.day, day_number=of_day[step.day],
                reference=step.reference, entered_at=step.at, version=step.terms.version, is_win=wins,
            )
        )  # fmt: skip
    if not Challenge.objects.filter(pk=locked.pk, entries=locked.entries).update(entries=locked.entries + len(rows)):
        raise AssertionError(f"the entries of {locked} were numbered by somebody else under its lock")
    return ChallengeEntry.objects.bulk_create(rows)


def _wins(terms: Terms, seed: str, number: int, day_number: int) -> bool:
    """Whether an entry wins by its number."""
    goal = int(terms.goal)
    if terms.draw == CHANCE:
        return drawn(seed, number, goal)
    return day_number == goal if terms.draw == DAILY else number % goal == 0

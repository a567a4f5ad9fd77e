"""After members did something: their progress is made again from the facts, and prizes follow it (DOMAIN 2.5, 6.3, 10.3).

Part of the transaction that records a purchase, an event or a refund, under the lock of the members' accounts. Doing it twice changes
nothing. Where no challenge runs it is one query; where some do, a constant number for a batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.challenges import entries, facts, prizes
from campaigns.challenges.definitions import INSTANT
from campaigns.challenges.facts import Fact, Judge
from campaigns.challenges.running import Running, running, without_audience
from campaigns.challenges.walking import Achieved, Standing, Step, walk
from campaigns.models import ChallengeProgress, Prize
from loyalty.common.clock import local_day
from loyalty.ledger.models import Program, Wallet

WRITTEN = ("count", "total", "period", "rounds", "changed_at")


@dataclass(slots=True)
class Progress:
    """One member in one challenge: what counted, and where it leads. `counts_from` is None for who may not begin."""

    running: Running
    member_id: int
    counts_from: datetime | None
    steps: list[Step] = field(default_factory=list)
    standing: Standing = field(default_factory=Standing)
    row: ChallengeProgress | None = None


def follow(program: Program, since: Mapping[int, datetime], *, at: datetime, actor: str) -> None:
    """Follow what members did from an instant on (member id -> when), or what came back of it.

    The caller holds the locks of the members' accounts and the transaction.
    """
    if not since:
        return
    live = running(program, earliest=min(since.values()), latest=at)
    if not live:
        return
    all_of_them = progress(program, sorted(since), live, since, at=at)
    won = {(one.running.challenge.pk, one.member_id): one.standing.achieved for one in all_of_them}
    for one in sorted((r for r in live if r.challenge.kind == INSTANT), key=lambda r: r.challenge.pk):
        won |= _entries(one, all_of_them, at)
    _write([one for one in all_of_them if one.row or one.steps], won, at)
    prizes.settle(program, live, won, at=at, actor=actor)


def progress(
    program: Program, member_ids: Sequence[int], live: Sequence[Running], since: Mapping[int, datetime], *, at: datetime
) -> list[Progress]:
    """Where members stand in challenges at an instant, computed from the facts; nothing is written."""
    terms = [terms for one in live for _, _, terms in one.stretches] + [one.latest for one in live]
    found = facts.read(program, member_ids, terms, since=min(one.challenge.since for one in live))
    decimals = Wallet.objects.filter(program=program, is_main=True).values_list("decimals", flat=True).first() or 0
    judge = Judge(program, terms, decimals=decimals).read(member_ids, at=at)
    rows = {
        (row.challenge_id, row.member_id): row
        for row in ChallengeProgress.objects.filter(
            challenge__in=[one.challenge.pk for one in live], member__any_of=list(member_ids)
        )
    }
    today = local_day(at, program.time_zone)
    made = []
    for one in live:
        for member_id in member_ids:
            row = rows.get((one.challenge.pk, member_id))
            begins = row.counts_from if row else _begins(one, judge, member_id, since.get(member_id, at), at)
            made.append(Progress(one, member_id, begins, row=row))
            if begins is not None:
                made[-1].steps = _steps(one, judge, member_id, found.get(member_id, ()), begins)
            made[-1].standing = walk(made[-1].steps, today=today, latest=one.latest) if one.challenge.kind != INSTANT else Standing()  # fmt: skip
    return made


def _begins(one: Running, judge: Judge, member_id: int, since: datetime, at: datetime) -> datetime | None:
    """From when a member counts who has not begun: always, or from now on where only some may take part."""
    if not one.latest.audience:
        return one.challenge.since
    return since if judge.may_begin(one.latest, member_id, at) else None


def _steps(one: Running, judge: Judge, member_id: int, found: Sequence[Fact], begins: datetime) -> list[Step]:
    """What counts of a member's facts."""
    steps = []
    plain = {terms.version: without_audience(terms) for _, _, terms in one.stretches}
    for fact in found:
        terms = one.terms_at(fact.at) if fact.at >= begins else None
        if terms is None or fact.basket.activity != terms.rule.activity:
            continue
        step = judge.step(plain[terms.version], member_id, fact)
        if step is not None:
            steps.append(step)
    return steps


def _entries(one: Running, made: Sequence[Progress], at: datetime) -> dict[tuple[int, int], list[Achieved]]:
    """The winning entries of an instant win, by member; every one of these members is named."""
    mine = [each for each in made if each.running is one]
    terms = {number: one.version(number) for number in {t.version for _, _, t in one.stretches}}
    won = entries.settle(one.challenge, {each.member_id: each.steps for each in mine}, terms, at=at)
    for each in mine:
        each.standing.count = each.standing.total = sum((step.amount for step in each.steps), each.standing.count)
    return {(one.challenge.pk, each.member_id): won.get(each.member_id, []) for each in mine}


def _write(made: Sequence[Progress], won: Mapping[tuple[int, int], Sequence[Achieved]], at: datetime) -> None:
    """Keep where the members stand: one statement."""
    rows = [
        ChallengeProgress(
            challenge=one.running.challenge,
            member_id=one.member_id,
            count=one.standing.count,
            total=one.standing.total,
            period=one.standing.period.isoformat() if one.standing.period else "",
            rounds=len(won[one.running.challenge.pk, one.member_id]),
            counts_from=one.counts_from,
            changed_at=at,
        )
        for one in made
        if one.counts_from
    ]
    ChallengeProgress.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["challenge", "member"], update_fields=list(WRITTEN)
    )


def prizes_of(live: Sequence[Running], member_ids: Sequence[int]) -> list[Prize]:
    """The prizes of these members in these challenges."""
    return list(Prize.objects.filter(challenge__in=[one.challenge.pk for one in live], member__any_of=list(member_ids)))

"""Back-tests: asked for, run in batches with a sign of life, stopped, and run again (DOMAIN 10.5).

Both the live rules and the tried ones are replayed over the same purchases, so that what differs is the change alone. Nothing but the
record of the back-test is written. A small one runs at once; a large one is the job's, whoever's turn it is; an owner that went
silent is followed by another, which begins from the first purchase: a replay takes seconds and leaves nothing half-done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Q
from django.utils.translation import gettext as _

from campaigns import definitions, rules
from campaigns.backtest_figures import Side, figures_of
from campaigns.backtest_rules import changed_book, digest_of, drafts_beside, on_days
from campaigns.models import BackTest, Rule
from campaigns.replaying import Past, Replay, versions_of, with_events
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program, Wallet
from members.models import Purchase
from members.segments.membership import members_by_segment

SMALL = 10_000
MOST_MONTHS = 36
SILENT_AFTER = timedelta(minutes=15)
MOST_ATTEMPTS = 3
Status = BackTest.Status
OPEN = (Status.WAITING, Status.RUNNING)


class BackTestRefused(Refusal):
    """A back-test that would say nothing."""

    code = "back_test_refused"
    status = 422


class BackTestEnded(Refusal):
    """It has ended already, so it cannot be stopped."""

    code = "back_test_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is tried: another award, or the rule left out; whether it counts all the time instead of on its campaign's days; and

    whether every other campaign that is still a draft counts too.
    """

    months: int
    factor: str = ""
    points: str = ""
    leave_out: bool = False
    all_the_time: bool = False
    with_drafts: bool = False


def ask(rule: Rule, trial: Trial, *, at: datetime, actor: str) -> BackTest:
    """Ask what a change of one rule would have cost over the last months. Raises BackTestRefused, RuleRefused."""
    if not 1 <= trial.months <= MOST_MONTHS:
        raise BackTestRefused(_("Choose 1 to %(most)d months.") % {"most": MOST_MONTHS})
    program = rule.program
    change = _change(rule, trial, at)
    if trial.with_drafts:
        change["with"] = drafts_beside(rule, before=at, all_the_time=trial.all_the_time)
    versions = versions_of(program)
    today = local_day(at, program.time_zone)
    since = day_start(add_months(today, -trial.months), program.time_zone)
    found = Purchase.objects.filter(program=program, occurred_at__gte=since, occurred_at__lt=at).count()
    if not found:
        raise BackTestRefused(_("There are no purchases in these months to try the rules on."))
    return BackTest.objects.create(
        program=program, campaign=rule.campaign, rule=rule, title=str(rule)[:200], change=change,
        digest=digest_of(changed_book(program, change, versions)), since=since, until=at, asked_by=actor, asked_at=at,
        found=found,
    )  # fmt: skip


def run_small(test: BackTest, *, at: datetime) -> BackTest:
    """Run a back-test at once when it is a small one; a large one waits for the job."""
    if test.found <= SMALL:
        run(test, at=at)
    return test


def run_due(program: Any = None, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Run every back-test that waits or whose owner went silent, oldest first; the job `run_back_tests`."""
    waiting = Q(status=Status.WAITING) | Q(status=Status.RUNNING, seen_at__lt=at - SILENT_AFTER)
    due = BackTest.objects.filter(waiting).select_related("program", "rule").order_by("id")
    due = due.filter(program=program) if program is not None else due
    tally = Tally(found=sum(test.found for test in due))
    for test in due if not dry_run else ():
        before = tally.done

        def going_on(done: int, before: int = before) -> bool:
            tally.done = before + done
            return progress(max(tally.found, tally.done), tally.done, 0)

        if not run(test, at=at, going_on=going_on):
            break
    return tally


def run(test: BackTest, *, at: datetime, going_on: Callable[[int], bool] = lambda done: True) -> bool:
    """Replay both sides and keep the figures. False when the job was told to end: then the back-test waits again."""
    if not _claim(test, at):
        return True
    try:
        figures = _replay(test, at, going_on)
    except Refusal as refusal:
        _mine(test).update(status=Status.FAILED, ended_at=at, error=str(refusal))
    except Exception as failure:
        _mine(test).update(status=Status.FAILED, ended_at=at, error=f"{type(failure).__name__}: {failure}"[:500])
        raise
    else:
        if figures is None:
            _mine(test).update(status=Status.WAITING, done=0)
            return test.status == Status.STOPPED or not BackTest.objects.filter(pk=test.pk, status=Status.WAITING)
        _mine(test).update(status=Status.DONE, ended_at=at, done=F("found"), figures=figures)
    test.refresh_from_db()
    return True


def stop(test: BackTest, *, at: datetime, actor: str) -> BackTest:
    """End a back-test that waits or runs; its owner is told by the next batch. Raises BackTestEnded."""
    if not BackTest.objects.filter(pk=test.pk, status__in=OPEN).update(status=Status.STOPPED, ended_at=at):
        raise BackTestEnded(_("This back-test has ended already."))
    test.refresh_from_db()
    return test


def again(test: BackTest, *, at: datetime, actor: str) -> BackTest:
    """Run a back-test that was stopped or failed once more, from its first purchase. Raises BackTestEnded."""
    ended = BackTest.objects.filter(pk=test.pk, status__in=[Status.STOPPED, Status.FAILED])
    if not ended.update(status=Status.WAITING, ended_at=None, done=0, attempts=0, error=""):
        raise BackTestEnded(_("Only a back-test that was stopped or failed can be run again."))
    test.refresh_from_db()
    return run_small(test, at=at)


def _change(rule: Rule, trial: Trial, at: datetime) -> dict[str, Any]:
    """What is another under this trial, as the record keeps it."""
    if trial.leave_out:
        return {"rule": rule.slug, "leave_out": True}
    latest = rule.versions.order_by("-number").first()
    if latest is None:
        raise BackTestRefused(_("This rule says nothing yet. Write its terms and save them first."))
    award = latest.definition["award"] | {
        name: value for name, value in (("factor", trial.factor), ("points", trial.points)) if value
    }
    definition = latest.definition | {"award": award}
    problems = definitions.problems(definition, tiers=None)
    if problems:
        raise rules.RuleRefused(" ".join(problems.values()), errors=problems)
    return on_days(rule, definition, before=at, all_the_time=trial.all_the_time)


def _claim(test: BackTest, at: datetime) -> bool:
    """Become the owner; False when somebody else is, or it has ended. One that never finishes is given up."""
    seen = BackTest.objects.filter(pk=test.pk, status__in=OPEN, attempts=test.attempts)
    if test.attempts >= MOST_ATTEMPTS:
        said = _("It did not finish %(times)d times, and is not tried again by itself.") % {"times": test.attempts}
        seen.update(status=Status.FAILED, ended_at=at, error=said)
        return False
    if not seen.update(status=Status.RUNNING, seen_at=at, attempts=F("attempts") + 1, done=0):
        return False
    test.refresh_from_db()
    return True


def _mine(test: BackTest) -> Any:
    """The row as long as it is this owner's."""
    return BackTest.objects.filter(pk=test.pk, status=Status.RUNNING, attempts=test.attempts)


def _replay(test: BackTest, at: datetime, going_on: Callable[[int], bool]) -> dict[str, Any] | None:
    """Both sides over all purchases; None when it was stopped."""
    program: Program = test.program
    versions = versions_of(program)
    book = changed_book(program, test.change, versions)
    live_book = rules.book(program)
    replays = tuple(
        Replay(program, one, since=test.since, until=test.until, versions=versions) for one in (live_book, book)
    )
    both = rules.RuleBook([*live_book.all, *book.all])
    sides = tuple(Side(ZoneInfo(program.time_zone)) for _replay in replays)
    done = 0
    wall = replays[0].steps.wall
    for batch in with_events(program, both, since=test.since, until=test.until, wall=wall):
        for replay, side in zip(replays, sides, strict=True):
            for one in replay.walk(batch):
                side.add(one)
        done += sum(isinstance(one, Past) for one in batch)
        if not _mine(test).update(done=done, found=max(test.found, done), seen_at=at) or not going_on(done):
            return None
    worth = Wallet.objects.values_list("money_per_unit", flat=True).get(program=program, is_main=True)
    return figures_of(sides[0], sides[1], (replays[0], replays[1]), worth, members_by_segment(program))

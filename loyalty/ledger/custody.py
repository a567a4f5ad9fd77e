"""Proof of what was sealed: expiry policies, closed months and anchors, each named when it was edited or is missing.

Rows that follow each other are counted without gaps and carry the seal of the row before them. The newest rows have
nothing after them: a copy of the last anchor outside of the database shows when they are gone.
"""

import hmac
from collections.abc import Iterator

from loyalty.common.clock import add_months
from loyalty.common.errors import Refusal
from loyalty.ledger import anchors, besides, cohorts, evidence, finance, seals
from loyalty.ledger.models import Anchor, ExpiryPolicy, PeriodClose, Program
from loyalty.ledger.violations import Violation


def check(program: Program) -> Iterator[Violation]:
    """Everything sealed of a program."""
    yield from check_policies(program)
    yield from check_closings(program)
    yield from check_anchors(program)
    yield from check_kept(program)


def check_policies(program: Program) -> Iterator[Violation]:
    """No expiry policy was edited, and no version of one is missing."""
    due: dict[int, int] = {}
    policies = ExpiryPolicy.objects.filter(wallet__program=program).select_related("wallet")
    for policy in policies.order_by("wallet_id", "version"):
        expected = due.get(policy.wallet_id, 0) + 1
        if policy.version != expected:
            yield Violation("expiry policy", 0, f"{policy.wallet.slug}: version {expected} is missing")
        due[policy.wallet_id] = policy.version
        if not seals.holds(policy):
            yield Violation("expiry policy", 0, f"{policy.wallet.slug}: version {policy.version} was edited")


def check_closings(program: Program) -> Iterator[Violation]:
    """The ledger still gives every closed month the figures that were signed off; no month was edited or is missing."""
    before: PeriodClose | None = None
    closes = PeriodClose.objects.filter(wallet__program=program).select_related("wallet__program")
    for close in closes.order_by("wallet_id", "month"):
        if before and before.wallet_id != close.wallet_id:
            before = None
        if before and close.month != add_months(before.month, 1):
            missing = f"{add_months(before.month, 1):%Y-%m}"
            yield Violation("closed month", 0, f"{close.wallet.slug} {missing}: it is missing")
        elif not seals.holds(close, before.seal if before else ""):
            yield Violation("closed month", 0, f"{close.wallet.slug} {close}: what was signed was edited")
        yield from _check_figures(close)
        before = close


def _check_figures(close: PeriodClose) -> Iterator[Violation]:
    figures = finance.roll_forward(close.wallet, close.month).as_json()
    wrong = [name for name, value in figures.items() if value != close.figures.get(name)]
    if wrong:
        told = ", ".join(f"{name} {figures[name]} of {close.figures.get(name)}" for name in wrong)
        yield Violation("closed month", 0, f"{close.wallet.slug} {close}: {told}")
    if close.cohorts and close.cohorts != cohorts.as_json(cohorts.again(close)):
        yield Violation("closed month", 0, f"{close.wallet.slug} {close}: what became of earlier points says otherwise")
    owed = besides.figures(close.wallet.program, at=finance.month_end(close.month, close.wallet.program.time_zone))
    for name, money in close.besides.items():
        if name in owed and owed[name] != money:
            yield Violation("closed month", 0, f"{close.wallet.slug} {close}: {name} {owed[name]} of {money}")


def check_anchors(program: Program) -> Iterator[Violation]:
    """No anchor was edited or is missing, and the books still give the last one: no head that it signed has changed."""
    number, previous, last = 0, "", None
    for anchor in Anchor.objects.filter(program=program).select_related("program").order_by("day"):
        if anchor.number != number + 1:
            yield Violation("anchor", 0, f"number {number + 1} is missing, before the one of {anchor.day}")
        elif not seals.holds(anchor, previous):
            yield Violation("anchor", 0, f"the one of {anchor.day} was edited")
        number, previous, last = anchor.number, anchor.digest, anchor
    if last is None:
        return
    signed = anchors.again(last)
    if not hmac.compare_digest(signed.digest, last.digest):
        told = f"{signed.accounts} accounts with {signed.points} points, {last.accounts} with {last.points} were signed"
        yield Violation("anchor", 0, f"the books no longer give the anchor of {last.day}: {told}")


def check_kept(program: Program) -> Iterator[Violation]:
    """The books still say what the last anchor kept outside says; each account that does not is named."""
    path = evidence.kept_last(program)
    if path is None:
        return
    try:
        with path.open(encoding="utf-8") as file:
            told = evidence.read(file)
    except (OSError, UnicodeDecodeError, Refusal):
        yield Violation("kept anchor", 0, f"{path.name} cannot be read")
        return
    for found in evidence.problems(told):
        yield Violation("kept anchor", 0, f"{path.name}: {found}")
    for account, found in evidence.departures(told):
        yield Violation("kept anchor", account, f"{path.name}: {found}")

"""What the API says about lots, lines and statements."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from loyalty.ledger.asof import LotAt
from loyalty.ledger.models import Entry
from loyalty.pos.wire import InstantOut, Outgoing
from members import history, wording
from members.history import Line
from members.lots import Drawn, Fate
from members.statements import Change, Statement


class LotOut(Outgoing):
    """The points of one credit now. `left` can be spent now or later; what is past its end counts as `expired`.

    `state` is waiting, pending, open, used, expired or lapsed. Waiting points have no `available_at` and lapse at
    `confirm_by`. `passed_on` counts what was passed on, and what was taken by hand.
    """

    lot: int
    state: str = Field(examples=["open"])
    title: str
    entry: int
    reference: str
    granted_at: InstantOut
    available_at: InstantOut | None
    confirm_by: InstantOut | None
    expires_at: InstantOut | None
    granted: int
    left: int
    held: int
    redeemed: int
    expired: int
    taken_back: int
    passed_on: int
    returned: int


class LotsOut(Outgoing):
    """A page of lots, newest first. `next` is the cursor of the following page."""

    lots: list[LotOut]
    next: str | None


class MoveOut(Outgoing):
    """What one line took from a lot (negative) or gave back to it."""

    entry: int
    kind: str
    title: str
    points: int
    effective_at: InstantOut


class LotMovesOut(LotOut):
    """A lot with every line that took from it or gave back to it."""

    moves: list[MoveOut]


class DrawnOut(Outgoing):
    """What a line took from a lot (negative) or gave back to it; `title` says where the lot's points had come from."""

    lot: int
    points: int
    title: str
    reference: str
    granted_at: InstantOut
    expires_at: InstantOut | None


class EntryLineOut(Outgoing):
    """One line of the history."""

    number: int
    kind: str
    amount: int
    title: str
    explanation: str
    effective_at: InstantOut
    recorded_at: InstantOut
    source: str
    reference: str
    reason: str


class OneEntryOut(EntryLineOut):
    """One line with the balance after it, what would have made it more, and the lots it touched."""

    after: int
    limits: list[str]
    near: list[str]
    drawn: list[DrawnOut]


class LotThenOut(Outgoing):
    """A lot as it was at an instant: pending, open or expired."""

    lot: int
    state: str = Field(examples=["open"])
    granted_at: InstantOut
    available_at: InstantOut | None
    confirm_by: InstantOut | None
    expires_at: InstantOut | None
    granted: int
    remaining: int
    held: int


class WalletThenOut(Outgoing):
    """A wallet as it was at an instant. `ran_out` is past its end without a line that says so yet."""

    wallet: str
    decimals: int
    available: int
    pending: int
    held: int
    debt: int
    ran_out: int
    lots: list[LotThenOut]


class StatementOut(Outgoing):
    """What a member had at an instant, as it was true then or, with `known_at`, as it was known then."""

    member: str
    at: InstantOut
    known_at: InstantOut | None
    tier: str | None
    tier_since: InstantOut | None
    wallets: list[WalletThenOut]


class WalletChangeOut(Outgoing):
    """Why a wallet differs: lines that count only at the end (`added`), or only at the beginning (`removed`).

    `activated` became spendable, and `ran_out` passed its end, by time alone.
    """

    wallet: str
    points: int
    activated: int
    ran_out: int
    added: list[EntryLineOut]
    removed: list[EntryLineOut]


class ChangesOut(Outgoing):
    """Two statements, and what lies between them."""

    before: StatementOut
    after: StatementOut
    wallets: list[WalletChangeOut]


def lot_out(fate: Fate) -> LotOut:
    """A lot as the API says it."""
    return LotOut(**_lot(fate))


def lot_moves_out(fate: Fate, moves: Iterable[Drawn]) -> LotMovesOut:
    """A lot with its moves as the API says it."""
    told = [
        MoveOut(
            entry=move.entry.number,
            kind=move.entry.kind,
            title=move.title,
            points=move.points,
            effective_at=move.entry.effective_at,
        )
        for move in moves
    ]
    return LotMovesOut(**_lot(fate), moves=told)


def _lot(fate: Fate) -> dict[str, Any]:
    lot = fate.lot
    same = {name: getattr(lot, name) for name in ("granted_at", "available_at", "confirm_by", "expires_at", "granted")}
    return same | {
        "lot": lot.pk,
        "state": fate.state,
        "title": fate.title,
        "entry": lot.entry.number,
        "reference": lot.entry.reference,
        "left": fate.left,
        "held": fate.held,
        "redeemed": lot.redeemed,
        "expired": fate.expired,
        "taken_back": lot.clawed_back,
        "passed_on": lot.forfeited,
        "returned": lot.returned,
    }


def entry_out(line: Line, drawn: Iterable[Drawn]) -> OneEntryOut:
    """A line of the history with its lots as the API says it."""
    told = [
        DrawnOut(
            lot=part.lot.pk,
            points=part.points,
            title=part.title,
            reference=part.lot.entry.reference,
            granted_at=part.lot.granted_at,
            expires_at=part.lot.expires_at,
        )
        for part in drawn
    ]
    return OneEntryOut(**_entry(line.entry), after=line.after or 0, limits=line.limits, near=line.near, drawn=told)


def _lines(entries: Iterable[Entry]) -> list[EntryLineOut]:
    return [EntryLineOut(**_entry(entry)) for entry in history.seen(entries)]


def _entry(entry: Entry) -> dict[str, Any]:
    names = ("number", "kind", "effective_at", "recorded_at", "source", "reference", "reason")
    told = {name: getattr(entry, name) for name in names}
    amount = history.points_of(entry)
    return told | {"amount": amount, "title": wording.title(entry), "explanation": wording.explain(entry)}


def statement_out(told: Statement) -> StatementOut:
    """A statement as the API says it."""
    return StatementOut(
        member=told.member.number,
        at=told.at,
        known_at=told.known_at,
        tier=told.stay.tier.slug if told.stay else None,
        tier_since=told.stay.since if told.stay else None,
        wallets=[
            WalletThenOut(
                wallet=held.wallet.slug,
                decimals=held.wallet.decimals,
                available=position.balance.available,
                pending=position.balance.pending,
                held=position.balance.held,
                debt=position.balance.debt,
                ran_out=position.ran_out,
                lots=[_lot_then(lot, told) for lot in position.lots],
            )
            for held, position in told.positions
        ],
    )


def _lot_then(lot: LotAt, told: Statement) -> LotThenOut:
    names = ("granted_at", "available_at", "confirm_by", "expires_at", "granted", "remaining", "held")
    return LotThenOut(lot=lot.id, state=lot.state(told.at), **{name: getattr(lot, name) for name in names})


def changes_out(change: Change) -> ChangesOut:
    """What lies between two statements as the API says it."""
    wallets = [
        WalletChangeOut(
            wallet=held.wallet.slug,
            points=between.points,
            activated=between.activated,
            ran_out=between.ran_out,
            added=_lines(between.added),
            removed=_lines(between.removed),
        )
        for held, between in change.wallets
    ]
    return ChangesOut(before=statement_out(change.before), after=statement_out(change.after), wallets=wallets)

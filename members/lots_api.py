"""The API's doors about lots and time: what became of points, what stood when, and what changed between two instants."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import Query, Router
from pydantic import Field

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Account, Entry
from loyalty.pos.doors import actor, caller, reads, writes
from loyalty.pos.wire import Incoming, Instant, Reference
from members import history, lookup, lots, passing, releasing, statements
from members.activity import CLOCK_TOLERANCE
from members.cursors import read_cursor, write_cursor
from members.lots_answers import (
    ChangesOut,
    LotMovesOut,
    LotOut,
    LotsOut,
    OneEntryOut,
    StatementOut,
    changes_out,
    entry_out,
    lot_moves_out,
    lot_out,
    statement_out,
)  # fmt: skip

router = Router(tags=["Lots and time"])
PAGE = 50


class LotUnknown(Refusal):
    """The member has no such lot."""

    code = "lot_unknown"
    status = 404


class EntryUnknown(Refusal):
    """The member has no such line."""

    code = "entry_unknown"
    status = 404


class EventAhead(Refusal):
    """The confirming event has not happened yet."""

    code = "event_in_future"
    status = 422


class ConfirmIn(Incoming):
    """The event that confirms the points; `occurred_at` is when it happened (default: now)."""

    reference: Reference
    occurred_at: Instant | None = None
    source: str = Field("api", min_length=1, max_length=32)


class CancelPointsIn(Incoming):
    """Why waiting points are taken back."""

    reference: Reference
    reason: str = Field("", max_length=200)
    source: str = Field("api", min_length=1, max_length=32)


@router.get(
    "/members/{number}/lots",
    response=LotsOut,
    operation_id="read_lots",
    summary=gettext_noop("List a member's lots"),
    description=gettext_noop("Newest first, each with what became of its points. Follow `next` for older ones."),
)
@reads("members:read")
def read_lots(
    request: HttpRequest,
    number: str,
    state: Literal["waiting", "pending", "open", "used", "expired", "lapsed"] | None = None,
    wallet: str = "",
    cursor: str = "",
    limit: int = Query(PAGE, ge=1, le=200),
) -> Any:
    """Newest first, each with what became of its points. Follow `next` for older ones."""
    at = timezone.now()
    account = _account(request, number, wallet)
    found = lots.fates(account, at=at, state=state or "", before=read_cursor(cursor, "l"), size=limit + 1)
    following = found[limit - 1].lot.pk if len(found) > limit else None
    return LotsOut(lots=[lot_out(one) for one in found[:limit]], next=write_cursor(following, "l"))


@router.get(
    "/members/{number}/lots/{lot}",
    response=LotMovesOut,
    operation_id="read_lot",
    summary=gettext_noop("Read a lot"),
    description=gettext_noop("What became of its points, and each line that took from it or gave back to it."),
)
@reads("members:read")
def read_lot(request: HttpRequest, number: str, lot: int, wallet: str = "") -> Any:
    """What became of its points, and each line that took from it or gave back to it."""
    found = _fate(_account(request, number, wallet), lot, timezone.now())
    return lot_moves_out(found, lots.moves_of(found.lot))


@router.get(
    "/members/{number}/entries/{entry}",
    response=OneEntryOut,
    operation_id="read_entry",
    summary=gettext_noop("Read one line of the history"),
    description=gettext_noop("Why it is there, and from which lots its points came."),
)
@reads("members:read")
def read_entry(request: HttpRequest, number: str, entry: int, wallet: str = "") -> Any:
    """Why it is there, and from which lots its points came."""
    line = history.line(_account(request, number, wallet), entry)
    if line is None:
        raise EntryUnknown(_("This member's history has no line of this number."))
    return entry_out(line, lots.drawn_by([line.entry]).get(line.entry.pk, []))


@router.get(
    "/members/{number}/statement",
    response=StatementOut,
    operation_id="read_statement",
    summary=gettext_noop("Read a member's statement"),
    description=gettext_noop(
        "Tier, balances and lots as of any instant: as it was true then or, with `known_at`, as it was known then."
    ),
)
@reads("members:read")
def read_statement(
    request: HttpRequest, number: str, as_of: Instant | None = None, known_at: Instant | None = None
) -> Any:
    """Tier, balances and lots as of any instant: as it was true then or, with `known_at`, as it was known then."""
    member = lookup.by_number(caller(request).program, number)
    return statement_out(statements.statement(member, at=as_of or timezone.now(), known_at=known_at))


@router.get(
    "/members/{number}/changes",
    response=ChangesOut,
    operation_id="read_changes",
    summary=gettext_noop("Read what changed between two instants"),
    description=gettext_noop(
        "The statement at `since` (default: the enrolment) and at `until` (default: now), each as known at `since_known` or `until_known` where given, and the lines that explain the difference."
    ),
)
@reads("members:read")
def read_changes(
    request: HttpRequest,
    number: str,
    since: Instant | None = None,
    until: Instant | None = None,
    since_known: Instant | None = None,
    until_known: Instant | None = None,
) -> Any:
    """Two statements, and the lines that explain the difference."""
    member = lookup.by_number(caller(request).program, number)
    before = statements.statement(member, at=since or member.enrolled_at, known_at=since_known)
    after = statements.statement(member, at=until or timezone.now(), known_at=until_known)
    return changes_out(statements.change(before, after))


@router.post(
    "/members/{number}/lots/{lot}/confirm",
    response=LotOut,
    operation_id="confirm_points",
    summary=gettext_noop("Confirm waiting points"),
    description=gettext_noop(
        "The event they waited for happened: they can be spent from then on. Twice gives the first answer."
    ),
)
@writes("points:confirm")
def confirm_points(request: HttpRequest, number: str, lot: int, event: ConfirmIn, wallet: str = "") -> Any:
    """The event they waited for happened: they can be spent from then on. Twice gives the first answer."""
    at = timezone.now()
    account = _account(request, number, wallet)
    origin: Entry = _fate(account, lot, at).lot.entry
    happened = _happened(event.occurred_at, at)
    words = {"reference": event.reference, "source": event.source, "actor": actor(request)}
    releasing.confirm(origin, at=at, occurred_at=happened, **words)
    return lot_out(_fate(account, lot, at))


@router.post(
    "/members/{number}/lots/{lot}/cancel",
    response=LotOut,
    operation_id="cancel_points",
    summary=gettext_noop("Cancel waiting points"),
    description=gettext_noop(
        "Takes back what is left of points that cannot be spent yet. Twice gives the first answer."
    ),
)
@writes("points:confirm")
def cancel_points(request: HttpRequest, number: str, lot: int, wish: CancelPointsIn, wallet: str = "") -> Any:
    """Takes back what is left of points that cannot be spent yet. Twice gives the first answer."""
    at = timezone.now()
    account = _account(request, number, wallet)
    origin: Entry = _fate(account, lot, at).lot.entry
    words = {"reference": wish.reference, "source": wish.source, "actor": actor(request), "reason": wish.reason}
    releasing.cancel(origin, at=at, **words)
    return lot_out(_fate(account, lot, at))


def _account(request: HttpRequest, number: str, wallet: str) -> Account:
    return passing.account_in(lookup.by_number(caller(request).program, number), wallet)


def _fate(account: Account, lot_id: int, at: datetime) -> lots.Fate:
    """One of the account's lots. Raises LotUnknown."""
    found = lots.fate(account, lot_id, at=at) if 0 < lot_id < 2**63 else None
    if found is None:
        raise LotUnknown(_("This member has no lot of this number."))
    return found


def _happened(occurred_at: datetime | None, at: datetime) -> datetime:
    """When the event happened; a clock that is a little ahead is forgiven."""
    if occurred_at is None or at < occurred_at <= at + CLOCK_TOLERANCE:
        return at
    if occurred_at > at:
        raise EventAhead(_("This has not happened yet: check the time and its zone."), field="occurred_at")
    return occurred_at

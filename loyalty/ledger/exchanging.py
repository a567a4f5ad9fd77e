"""Points change places when others that end sooner become known only after a redemption (DOMAIN 2.5).

The redemption keeps its allocations. Had the late points been known, it would have drawn on them, and those it drew on would be
left: so that many of the late points live as long as these. Two lines that add up to nothing say it: one takes points from
the lots that end sooner, as if they had been redeemed, the other gives them back to the lots that were drawn on. So claw-backs, notices and expiry
find every point where it would be. A refund that is told late asks the same: points that ran out meanwhile, which it would have found, are brought back for it. Points whose ends move by other things (inactivity, extensions, reinstatements, grace) stay as they are.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from loyalty.common.bulk import update_rows
from loyalty.common.clock import last_valid_day
from loyalty.ledger import bringing_back, debts
from loyalty.ledger.closing import open_since
from loyalty.ledger.models import Account, Allocation, Entry, Hold, Lot, Wallet
from loyalty.ledger.redating import REDATED_BY
from loyalty.ledger.redrawing import FOR_EVER, Deed, Drawn, Exchange, Part, Redrawn, exchanges
from loyalty.ledger.writing import Line, write_accounts, write_allocations, write_lines

ACTOR = "books"
INSTANT = timedelta(microseconds=1)
Key = TypeVar("Key", bound=Hashable)
POLICY = Wallet.DebtPolicy
KINDS = {Entry.Kind.REDEMPTION: "draw", Entry.Kind.CLAW_BACK: "claw_back", Entry.Kind.REVERSAL: "put_back", Entry.Kind.WRITE_OFF: "forgiven"}  # fmt: skip


@dataclass(slots=True)
class Story:
    """What is known of one account: its lots, when they were granted, and what was done, in order of recording."""

    parts: dict[int, Part] = field(default_factory=dict)
    granted_at: dict[int, datetime] = field(default_factory=dict)
    deeds: list[Deed] = field(default_factory=list)
    is_plain: bool = True


def is_behind(account: Account, since: datetime) -> bool:
    """Whether something drew on a locked account at or after an instant, so that what is true from then on is late."""
    return not account.has_idle_lots and account.last_draw_at is not None and since <= account.last_draw_at


def ran_out_since(account: Account, since: datetime, *, at: datetime) -> QuerySet[Lot]:
    """The lots of an account whose points ran out unused since an instant: something told only now would have found them."""
    unused = Q(expired__gt=0) | Q(remaining__gt=F("held"))
    gone = Lot.objects.filter(unused, account=account, expires_at__gt=since, expires_at__lte=at)
    return gone.none() if account.has_idle_lots else gone


def ends_sooner(entry_ids: Iterable[int]) -> list[int]:
    """The accounts in which points were drawn that end later than those of some new credits: only there can any change places.

    One query. Who earns under one policy has none: what is earned later ends later.
    """
    drawn = Q(redeemed__gt=0) | Q(clawed_back__gt=0) | Q(held__gt=0)
    later = Q(expires_at__gt=OuterRef("expires_at")) | Q(expires_at__isnull=True)
    others = Lot.objects.filter(drawn, later, account=OuterRef("account"))
    new = Lot.objects.filter(Exists(others), entry__any_of=list(entry_ids), expires_at__isnull=False)
    return sorted(set(new.values_list("account_id", flat=True)))


def exchange(accounts: Mapping[int, Account], *, at: datetime) -> int:
    """Let points of locked accounts change places, and repay debt, as what came late asks for; returns how many points.

    Eight statements to read and as many to write, for any number of accounts.
    """
    stories = _stories([one.id for one in accounts.values() if not one.has_idle_lots])
    wallets = Wallet.objects.select_related("program").in_bulk({one.wallet_id for one in accounts.values()})
    found: dict[int, list[Exchange]] = {}
    payments: dict[int, Drawn] = {}
    for account_id, story in stories.items():
        account = accounts[account_id]
        policy = wallets[account.wallet_id].debt_policy
        again = Redrawn(story.parts, owes=policy == POLICY.DEBT, takes_others=policy != POLICY.PENDING_ONLY)
        left = again.live(story.deeds) if story.is_plain else {}
        owed = max(0, account.debt - again.debt)
        moves, paid = exchanges(story.parts.values(), left, at=at, owed=owed) if left else ([], [])
        found |= {account_id: moves} if moves else {}
        payments |= {account_id: paid} if paid else {}
    touched = {account_id: accounts[account_id] for account_id in [*found, *payments]}
    if touched:
        given = [(lot, points) for moves in found.values() for lot, _, points in moves]
        bringing_back.bring_back(touched, [*given, *(part for paid in payments.values() for part in paid)], at=at)
    for account_id, paid in payments.items():
        moments = {lot: _last_moment(stories[account_id].parts[lot], at) for lot, _ in paid}
        debts.repay(accounts[account_id], paid, at=at, since=moments)
    if found:
        _write({account_id: accounts[account_id] for account_id in found}, wallets, stories, found, at=at)
    write_accounts(touched.values())
    moved = sum(points for moves in found.values() for _, _, points in moves)
    return moved + sum(points for paid in payments.values() for _, points in paid)


def _last_moment(part: Part, at: datetime) -> datetime:
    """The last instant at which points could repay anything."""
    return min(at, part.ends_at - INSTANT)


def _write(
    accounts: dict[int, Account], wallets: Mapping[int, Wallet], stories: Mapping[int, Story],
    found: Mapping[int, Sequence[Exchange]], *, at: datetime,
) -> None:  # fmt: skip
    """Two lines for each account, with their allocations and lots; what is alive again repays debt."""
    begins = open_since(wallets)
    lines, given, got = [], dict[int, dict[int, int]](), dict[int, dict[int, int]]()
    for account_id, moves in found.items():
        account, story = accounts[account_id], stories[account_id]
        since = max(_since(story, moves, at), begins.get(account.wallet_id) or _since(story, moves, at))
        given[account_id], got[account_id] = _sums((a, n) for a, _, n in moves), _sums((b, n) for _, b, n in moves)
        points, told = sum(given[account_id].values()), _told(story, moves, wallets[account.wallet_id])
        number = account.last_number + 1
        for amount, way in ((-points, "from"), (points, "to")):
            lines.append(
                Line(account_id, Entry.Kind.EXTENSION, amount, since, at, "books", f"in-turn:{number}:{way}", ACTOR, explanation=told)
            )  # fmt: skip
    ids = write_lines(accounts, lines)
    rows = []
    for number, account_id in enumerate(found):
        rows += [(ids[2 * number], lot, points) for lot, points in given[account_id].items()]
        rows += [(ids[2 * number + 1], lot, points) for lot, points in got[account_id].items()]
    write_allocations(rows)
    taken = [(lot, -n, n) for lots in given.values() for lot, n in lots.items()]
    back = [(lot, n, n) for lots in got.values() for lot, n in lots.items()]
    update_rows(Lot, "id", ("+remaining", "+redeemed"), taken)
    update_rows(Lot, "id", ("+remaining", "+returned"), back)
    for account_id, account in accounts.items():
        if account.debt:
            debts.repay(account, list(got[account_id].items()), at=at)


def _since(story: Story, moves: Sequence[Exchange], at: datetime) -> datetime:
    """From when it is true: the last draw before the points that gave way would have run out, and not before any of them was there."""
    end = min(story.parts[lot].ends_at for lot, _, _ in moves)
    draws = [deed.at for deed in story.deeds if deed.kind in ("draw", "claw_back") and deed.at < end]
    there = [story.granted_at[lot] for move in moves for lot in move[:2]]
    return min(max([*draws[-1:], *there]), at)


def _told(story: Story, moves: Sequence[Exchange], wallet: Wallet) -> dict[str, Any]:
    """What changes places, as plain values: how many points, their last valid day before, and since (None: for ever)."""
    zone = wallet.program.time_zone
    days = {
        part.id: None if part.ends_at == FOR_EVER else last_valid_day(part.ends_at, zone).isoformat()
        for part in story.parts.values()
    }
    by_days = _sums(((days[gives], days[gets]), points) for gives, gets, points in moves)
    told = [{"points": points, "was": was, "until": until} for (was, until), points in by_days.items()]
    return {"in_turn": told} | ({"decimals": wallet.decimals} if wallet.decimals else {})


def _sums(parts: Iterable[tuple[Key, int]]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for key, points in parts:
        found[key] = found.get(key, 0) + points
    return found


def _stories(account_ids: Sequence[int]) -> dict[int, Story]:
    """What is known of some accounts: four queries."""
    stories = {account_id: Story() for account_id in account_ids}
    if not stories:
        return stories
    of_entry = _read_lots(stories)
    held = Hold.objects.filter(account__any_of=account_ids, status__in=[Hold.Status.HELD, Hold.Status.CAPTURED])
    captured: dict[int, datetime] = {}
    for account_id, hold_id, entry_id, held_at, amount in held.order_by("id").values_list(
        "account_id", "id", "entry_id", "held_at", "amount"
    ):
        if entry_id:
            captured[entry_id] = held_at
        else:
            stories[account_id].deeds.append(Deed(held_at, -hold_id, "draw", amount))
    passed_on: dict[int, list[tuple[int, int]]] = {}
    parts = Allocation.objects.filter(
        entry__account__any_of=account_ids, entry__kind__in=[Entry.Kind.ADJUSTMENT, Entry.Kind.TRANSFER]
    ).order_by("id")
    for entry_id, lot, points in parts.values_list("entry_id", "lot_id", "amount"):
        passed_on.setdefault(entry_id, []).append((lot, points))
    entries = Entry.objects.filter(account__any_of=account_ids).exclude(
        kind__in=[Entry.Kind.ACCRUAL, Entry.Kind.EXPIRY]
    )
    columns = ("account_id", "id", "kind", "amount", "effective_at", "explanation", "corrects_id")
    for account_id, entry_id, kind, amount, effective_at, told, corrects in entries.order_by("number").values_list(
        *columns
    ):
        story = stories[account_id]
        by_hand = kind == Entry.Kind.REINSTATEMENT and bringing_back.TOLD not in told
        story.is_plain &= not by_hand and not _moves_ends(kind, told)
        if kind in KINDS and (kind != Entry.Kind.CLAW_BACK or corrects):
            points = (
                told["asked"]
                if kind == Entry.Kind.CLAW_BACK
                else abs(amount)
                if kind != Entry.Kind.WRITE_OFF
                else amount
            )
            of = of_entry.get(corrects, 0) if kind == Entry.Kind.CLAW_BACK else corrects or 0
            story.deeds.append(Deed(captured.get(entry_id, effective_at), entry_id, KINDS[kind], points, of))
        elif entry_id in passed_on:
            story.deeds.append(Deed(effective_at, entry_id, "taken", -amount, 0, passed_on[entry_id]))
    for story in stories.values():
        story.deeds.sort(key=lambda deed: (deed.at, deed.entry))
    return stories


def _read_lots(stories: Mapping[int, Story]) -> dict[int, int]:
    """The lots of some accounts into their stories; returns by credit its lot. Points that wait for an event are spent by nobody."""
    of_entry = {}
    back = bringing_back.given_back(stories)
    lots = (
        Lot.objects.filter(account__any_of=list(stories))
        .order_by("id")
        .annotate(kept=F("remaining") - F("held") + F("expired"))
    )
    columns = ("account_id", "id", "entry_id", "granted", "granted_at", "available_at", "expires_at", "kept", "is_pending")  # fmt: skip
    for (
        account_id,
        lot_id,
        entry_id,
        granted,
        granted_at,
        begins_at,
        ends_at,
        kept,
        waits,
    ) in lots.values_list(*columns):
        kept -= back.get(lot_id, 0)
        free = 0 if waits or not begins_at else kept
        part = Part(lot_id, granted, begins_at or FOR_EVER, ends_at or FOR_EVER, kept, free)
        stories[account_id].parts[lot_id], of_entry[entry_id] = part, lot_id
        stories[account_id].granted_at[lot_id] = granted_at
    return of_entry


def _moves_ends(kind: str, told: Mapping[str, Any]) -> bool:
    """Whether an entry gave a lot another end by hand or by grace; what confirms points is no such thing."""
    return kind in REDATED_BY and "extension" in told and "confirmed" not in told

"""The journal of some accounts, read as it was recorded and posted once more to others through the public verbs (laws 22).

Read are only entries, holds and activities. What the books write of themselves (what has run out, what repays a debt, what a
transfer brings, what changes places) is not posted: it has to come by itself. All that was recorded at one instant is one
deed, and no two deeds share an instant.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from loyalty.common.clock import local_day
from loyalty.ledger import clawback, confirming, corrections, expiry, holds, idling, posting, reversing, transfers
from loyalty.ledger.models import Activity, Allocation, Entry, Hold, HoldPart, Lot, Program
from loyalty.ledger.redating import confirmed, redated
from loyalty.ledger.trails import Act

INSTANT = timedelta(microseconds=1)
FIGURES = ("granted", "returned", "remaining", "redeemed", "expired", "clawed_back", "forfeited")
KIND = Entry.Kind


class Replay:
    """Posts again. `accounts` and `policies` say by id which account and expiry policy stands for which."""

    def __init__(self, program: Program, accounts: Mapping[int, int], policies: Mapping[int, int]) -> None:
        self.program, self.accounts, self.policies = program, dict(accounts), policies

    def post(self) -> None:
        """Every deed of the first accounts, in the order in which it was recorded."""
        deeds: list[tuple[datetime, Callable[[], Any]]] = []
        recorded: dict[datetime, list[Entry]] = defaultdict(list)
        for entry in Entry.objects.filter(account__in=list(self.accounts)).order_by("id"):
            recorded[entry.recorded_at].append(entry)
        for at, entries in recorded.items():
            for cause in filter(_is_a_deed, entries):
                deeds.append((at, lambda cause=cause: getattr(self, f"_{cause.kind}")(cause)))
        for held in Hold.objects.filter(account__in=list(self.accounts)).order_by("id"):
            deeds.append((held.held_at, lambda held=held: self._hold(held)))
            if held.status == Hold.Status.RELEASED and held.ended_at < held.expires_at:
                deeds.append((held.ended_at, lambda held=held: holds.release(self._held(held), at=held.ended_at)))
        for one in Activity.objects.filter(account__in=list(self.accounts)).order_by("id"):
            act = Act(self.accounts[one.account_id], one.kind, one.occurred_at)
            deeds.append((one.recorded_at, lambda act=act, one=one: idling.note([act], recorded_at=one.recorded_at)))
        # What nothing else explains was written by a sweep.
        for at in set(recorded) - {at for at, _deed in deeds}:
            deeds.append((at, lambda at=at: expiry.run_sweep(self.program, at=at)))
        for _at, deed in sorted(deeds, key=lambda deed: deed[0]):
            deed()

    # --- what stands for what ---
    def _entry(self, entry: Entry | None) -> Entry:
        assert entry
        return Entry.objects.get(account=self.accounts[entry.account_id], number=entry.number)

    def _held(self, held: Hold) -> Hold:
        return Hold.objects.get(account=self.accounts[held.account_id], reference=held.reference)

    def _words(self, entry: Entry) -> dict[str, Any]:
        return {"at": entry.recorded_at, "reference": entry.reference, "actor": entry.actor}

    def _by_hand(self, entry: Entry) -> dict[str, Any]:
        return self._words(entry) | {"reason": entry.reason}

    def _posted(self, entry: Entry) -> dict[str, Any]:
        return self._by_hand(entry) | {"source": entry.source}

    # --- the verbs ---
    def _accrual(self, entry: Entry) -> None:
        told = dict(entry.explanation)
        dates = {name: datetime.fromisoformat(day) for name, day in told.pop("lot", {}).items() if name != "policy"}
        policy = entry.explanation.get("lot", {}).get("policy")
        credit = posting.Accrual(
            self.accounts[entry.account_id],
            entry.amount,
            entry.effective_at,
            entry.reference,
            entry.source,
            entry.actor,
            told,
            reason=entry.reason,
            expiry_policy_id=self.policies[policy] if policy else None,
            kind=entry.kind,
            **dates,
        )
        posting.accrue_many([credit], recorded_at=entry.recorded_at)

    def _adjustment(self, entry: Entry) -> None:
        assert entry.amount < 0
        corrections.adjust(self.accounts[entry.account_id], entry.amount, **self._by_hand(entry))

    def _redemption(self, entry: Entry) -> None:
        held = Hold.objects.filter(entry=entry).first()
        if held:
            holds.capture(self._held(held), at=entry.recorded_at, actor=entry.actor, amount=-entry.amount)
        else:
            posting.redeem(self.accounts[entry.account_id], -entry.amount, **self._posted(entry))

    def _hold(self, held: Hold) -> None:
        words = {"reference": held.reference, "source": held.source, "actor": held.actor}
        holds.hold(self.accounts[held.account_id], held.amount, at=held.held_at, **words)

    def _reversal(self, entry: Entry) -> None:
        ends = [until for _lot, _was, until in redated(entry.explanation)]
        zone = self.program.time_zone
        days = (local_day(ends[0], zone) - local_day(entry.recorded_at, zone)).days - 1 if ends and ends[0] else 0
        reversing.reverse_part(self._entry(entry.corrects), entry.amount, grace_days=days, **self._posted(entry))

    def _claw_back(self, entry: Entry) -> None:
        words = self._posted(entry) | {"effective_at": entry.effective_at}
        clawback.claw_back(self._entry(entry.corrects), entry.explanation["asked"], **words)

    def _transfer(self, entry: Entry) -> None:
        there, rate = self.accounts[entry.explanation["to"]], Decimal(entry.explanation["rate"])
        transfers.transfer(self.accounts[entry.account_id], there, -entry.amount, rate=rate, **self._posted(entry))

    def _write_off(self, entry: Entry) -> None:
        corrections.write_off(self.accounts[entry.account_id], entry.amount, **self._by_hand(entry))

    def _reinstatement(self, entry: Entry) -> None:
        if "confirmed" in entry.explanation:
            return self._extension(entry)
        assert entry.corrects
        ends = [until for _lot, _was, until in redated(entry.explanation)]
        until = ends[0] if ends else entry.corrects.effective_at
        return corrections.reinstate(self._entry(entry.corrects), until=until, **self._by_hand(entry)) and None

    def _extension(self, entry: Entry) -> None:
        for lot_id, begins_at in confirmed(entry.explanation).items():
            words = self._words(entry) | {"source": entry.source, "occurred_at": begins_at}
            confirming.confirm(self._entry(Lot.objects.get(id=lot_id).entry), **words)
            return
        moved = redated(entry.explanation)
        before, until = max(was for _lot, was, _until in moved if was) + INSTANT, moved[0][2]
        assert until
        corrections.extend([self.accounts[entry.account_id]], until=until, before=before, **self._by_hand(entry))


def _is_a_deed(entry: Entry) -> bool:
    """Whether somebody asked for what an entry says, and it is no consequence of something else."""
    if entry.kind == KIND.TRANSFER:
        return entry.amount < 0
    if entry.kind in (KIND.EXTENSION, KIND.CLAW_BACK, KIND.REINSTATEMENT):
        return not {"in_turn", "repaid", "told_late", "kept_alive"} & set(entry.explanation)
    return entry.kind != KIND.EXPIRY


def journal(account_id: int) -> dict[str, Any]:
    """What the books say of an account, with numbers of entries and lots in place of ids; not what is written down only when it is noticed."""
    entries = list(Entry.objects.filter(account=account_id).order_by("number"))
    number = {entry.id: entry.number for entry in entries}
    lots = list(Lot.objects.filter(account=account_id).order_by("id"))
    place = {lot.id: n for n, lot in enumerate(lots)}
    parts = Allocation.objects.filter(entry__account=account_id).order_by("id")
    return {
        "entries": [
            (
                e.number,
                e.kind,
                e.amount,
                e.effective_at,
                e.recorded_at,
                e.source,
                e.actor,
                number.get(e.corrects_id or 0),
            )
            for e in entries
        ],
        "lots": [
            (
                number[lot.entry_id],
                lot.granted_at,
                lot.available_at,
                lot.confirm_by,
                lot.expires_at,
                lot.expiry_policy_id is None,
            )
            for lot in lots
        ],
        "figures": [tuple(getattr(lot, name) for name in FIGURES) for lot in lots],
        "holds": [
            (part.hold.reference, place[part.lot_id], part.amount, number.get(part.hold.entry_id or 0))
            for part in HoldPart.objects.filter(hold__account=account_id).select_related("hold").order_by("id")
        ],
        "parts": [(number[part.entry_id], place[part.lot_id], part.amount) for part in parts],
    }

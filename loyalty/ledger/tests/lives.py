"""Real accounts and their models, stepping together: two members, and a second wallet of the first one."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import count

from hypothesis import strategies as st

from loyalty.common.clock import local_day
from loyalty.jobs.changes import deciding, drafting
from loyalty.jobs.changes.drafting import NothingToDo
from loyalty.jobs.changes.limiting import FIELDS
from loyalty.jobs.models import ApprovalLimits
from loyalty.ledger import clawback, confirming, corrections, expiry, holds, posting, statements, transfers
from loyalty.ledger.checking import verify
from loyalty.ledger.models import Account, Entry, Wallet
from loyalty.ledger.tests import lives_by_hand
from loyalty.ledger.tests.model import HOLD, ZONE, Model, after_days
from loyalty.ledger.transfers import NothingArrives, received
from members.enrolment import main_account
from members.testing import OPENING, make_member, make_program

NUMBER, INDEX, NONE = st.integers(1, 30), st.integers(0, 4), st.just(0)
SIGNED = st.integers(-20, 20).filter(bool)
END_ONCE_CONFIRMED = 12
RATES = {(0, 2): Decimal("0.5"), (1, 2): Decimal("0.5"), (2, 0): Decimal(3), (2, 1): Decimal(3)}
STEPS = {
    "earn": (NUMBER, st.integers(1, 12)),
    "expect": (NUMBER, st.integers(1, 8)),
    "confirm": (INDEX, st.integers(0, 3)),
    "cancel": (INDEX, NONE),
    "burn": (NUMBER, NONE),
    "undo": (INDEX, st.integers(0, 3)),
    "hold": (NUMBER, NONE),
    "capture": (INDEX, NUMBER),
    "release": (INDEX, NONE),
    "refund": (INDEX, NUMBER),
    "take": (NUMBER, NONE),
    "pass_on": (NUMBER, st.integers(1, 2)),
    "adjust_both": (SIGNED, SIGNED),
    "undo_both": (INDEX, NONE),
    "wait": (st.integers(1, 6), NONE),
    "sweep": (NONE, NONE),
} | lives_by_hand.STEPS
steps = st.lists(
    st.one_of(*(st.tuples(st.just(name), st.integers(0, 2), *given) for name, given in STEPS.items())),
    min_size=5,
    max_size=40,
)
programs = count()


class Party:
    """One account, its model, and what was done to it."""

    def __init__(self, account_id):
        self.account, self.model = account_id, Model(OPENING)
        self.wallet = Account.objects.get(id=account_id).wallet_id
        # By lot: the accrual that made it; None where it came by a transfer or by hand.
        self.accruals, self.entries, self.holds = [], [], []


class Life(lives_by_hand.ByHand):
    """A program with three accounts."""

    def __init__(self):
        self.program = make_program(f"life-{next(programs)}")
        ApprovalLimits.objects.create(program=self.program, **dict.fromkeys(FIELDS))
        self.members = [make_member(self.program, f"{name}{self.program.id}") for name in ("Ani", "Budi")]
        coins = Wallet.objects.create(program=self.program, slug="coins", unit="coin", units="coins")
        Wallet.objects.filter(program=self.program).update(transfer_limit=10**9)
        (second,) = posting.open_accounts(coins, 1, at=OPENING)
        self.parties = [Party(account) for account in (*(main_account(one).id for one in self.members), second)]
        self.bulk, self.day, self.number, self.idle = [], 0, 0, {}
        self.let_idle_points_end()

    def step(self, name, who, first, second):
        self.number += 1
        for party in self.parties:
            party.model.now = self.at
            party.model.pass_time()
        getattr(self, name)(self.parties[who], first, second)
        for party in self.parties:
            stands, model = statements.balance(party.account, at=self.at), party.model
            assert (stands.available, stands.debt) == (model.balance(), model.debt)
            assert stands.pending == model.pending()

    @property
    def at(self):
        return OPENING + timedelta(days=self.day, seconds=self.number)

    def words(self):
        return {"at": self.at, "reference": f"r{self.number}", "source": "t", "actor": "t"}

    def earn(self, party, points, days):
        ends = OPENING + timedelta(days=self.day + days)
        party.accruals.append(posting.accrue(party.account, points, expires_at=ends, **self.words()))
        party.model.earn(points, ends)

    def expect(self, party, points, days):
        ends, until = (OPENING + timedelta(days=self.day + more) for more in (END_ONCE_CONFIRMED, days))
        words = self.words()
        credit = posting.Accrual(party.account, points, words.pop("at"), **words, expires_at=ends, confirm_by=until)
        posting.accrue_many([credit], recorded_at=self.at)
        party.accruals.append(Entry.objects.get(account=party.account, reference=credit.reference, kind="accrual"))
        party.model.expect(points, until, ends)

    def confirm(self, party, index, back):
        waits = sorted(party.model.waits)
        if not waits:
            return
        lot = waits[index % len(waits)]
        occurred_at = OPENING + timedelta(days=max(0, self.day - back), seconds=self.number)
        fits = party.model.confirm(lot, occurred_at)
        try:
            confirming.confirm(party.accruals[lot], occurred_at=occurred_at, **self.words())
        except confirming.ConfirmationLate:
            assert not fits
        else:
            assert fits

    def cancel(self, party, index, _):
        lot = self.an_accrual(party, index)
        if lot is None:
            return
        fits = party.model.cancel(lot)
        try:
            confirming.cancel(party.accruals[lot], **self.words())
        except confirming.NotWaiting:
            assert not fits
        else:
            assert fits

    def an_accrual(self, party, index):
        """The lot of one of the accruals; None when there is none."""
        lots = [lot for lot, accrual in enumerate(party.accruals) if accrual]
        return lots[index % len(lots)] if lots else None

    def _try(self, party, verb, points):
        missing = points - party.model.balance()
        try:
            made = verb(party.account, points, **self.words())
        except posting.InsufficientPoints as refusal:
            assert refusal.numbers["missing"] == missing > 0
            return None
        assert missing <= 0
        return made

    def burn(self, party, points, _):
        entry = self._try(party, posting.redeem, points)
        if entry:
            party.entries.append(entry)
            party.model.burn(party.model.draw(points)[0])

    def undo(self, party, index, grace_days):
        if party.entries:
            index %= len(party.entries)
            posting.reverse(party.entries[index], grace_days=grace_days, **self.words())
            party.model.undo(party.model.burns[index], grace_days)
            party.model.burns[index] = ([], ())

    def hold(self, party, points, _):
        held = self._try(party, holds.hold, points)
        if held:
            party.holds.append(held)
            parts = party.model.draw(points)[0]
            party.model.holds.append({"parts": parts, "open": True, "ends": self.at + HOLD})

    def an_open_hold(self, party, index):
        """The number of one of the holds that are open; None when none is."""
        found = [number for number, held in enumerate(party.model.holds) if held["open"]]
        return found[index % len(found)] if found else None

    def capture(self, party, index, points):
        number = self.an_open_hold(party, index)
        if number is None:
            return
        held, noted = party.holds[number], party.model.holds[number]
        points = min(points, held.amount)
        noted["open"] = False
        party.entries.append(holds.capture(held, at=self.at, actor="t", amount=points))
        party.model.burn(party.model.capture(noted["parts"], points))

    def release(self, party, index, _):
        number = self.an_open_hold(party, index)
        if number is not None:
            party.model.holds[number]["open"] = False
            holds.release(party.holds[number], at=self.at)
            party.model.put_back(party.model.holds[number]["parts"])

    def refund(self, party, index, points):
        lot = self.an_accrual(party, index)
        if lot is None:
            return
        fits = party.model.refund(lot, points)
        try:
            clawback.claw_back(party.accruals[lot], points, **self.words())
        except clawback.NothingLeftToTake:
            assert not fits
        else:
            assert fits

    def take(self, party, points, _):
        def adjust(account, amount, *, source, **words):
            return corrections.adjust(account, -amount, reason="test", **words)

        if self._try(party, adjust, points):
            party.model.draw(points)

    def pass_on(self, party, points, further):
        """To another account; in between wallets at a rate. What arrives keeps the ends it had."""
        here = self.parties.index(party)
        there = (here + further) % len(self.parties)
        other, rate = self.parties[there], RATES.get((here, there), Decimal(1))

        def passing(account, amount, **words):
            return transfers.transfer(account, other.account, amount, rate=rate, **words)

        if not received(points, rate):
            try:
                passing(party.account, points, **self.words())
            except NothingArrives:
                return
            raise AssertionError("nothing arrived, and nobody said so")
        if self._try(party, passing, points):
            ends, sent, given = {}, 0, 0
            for lot, part in party.model.draw(points)[0]:
                end = party.model.lots[lot][1]
                ends[end] = ends.get(end, 0) + part
            for end, part in ends.items():
                sent += part
                if received(sent, rate) > given:
                    other.accruals.append(None)
                    other.model.earn(received(sent, rate) - given, end)
                given = received(sent, rate)

    def adjust_both(self, _party, first, second):
        """Both members in one change, posted at once: nothing limits it."""
        day: date = local_day(self.at, ZONE) + timedelta(days=20)
        wanted = list(zip(self.members, self.parties, (first, second), strict=False))
        lines = [[member.number, points] for member, _, points in wanted]
        fitting = [(party, points) for _, party, points in wanted if party.model.fits(points)]
        told = {"parameters": {"lines": lines, "last_day": day.isoformat()}, "reason": "t", "at": self.at, "actor": "t"}
        try:
            change = deciding.submit(drafting.draft(self.program, "adjust_many", **told), at=self.at, actor="t")
        except NothingToDo:
            assert not fitting
            return
        assert (change.status, change.posted_count) == ("done", len(fitting))
        done = []
        for party, points in fitting:
            party.accruals += [None] if points > 0 else []
            done.append((party, party.model.adjust(points, after_days(self.at, 20))))
        self.bulk.append((change, done))

    def undo_both(self, _party, index, __):
        """A change of both is taken back as far as the points are there."""
        if not self.bulk:
            return
        change, done = self.bulk[index % len(self.bulk)]
        try:
            undo = drafting.draft_undo(change, reason="t", at=self.at, actor="t")
            undo = deciding.submit(undo, at=self.at, actor="t")
        except NothingToDo:
            assert not any(party.model.take_back(one) for party, one in done)
            return
        self.bulk.remove((change, done))
        for party, one in done:
            party.model.take_back(one)
            party.accruals += [None] * (len(party.model.lots) - len(party.accruals))
        assert undo.status == "done"

    def wait(self, _party, days, __):
        self.day += days
        for party in self.parties:
            party.model.now = self.at
            party.model.pass_time()

    def sweep(self, _party, _, __):
        expiry.run_sweep(self.program, at=self.at)
        for party in self.parties:
            party.model.sweep()


def live(told):
    """Live through these steps; every one is looked at, and the books are proven in the end."""
    life = Life()
    for step in told:
        life.step(*step)
    assert [str(violation) for violation in verify(life.program)] == []

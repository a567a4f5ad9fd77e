"""What people do to accounts in random lives, by hand: extensions, reinstatements, forgiven debt, parts of redemptions, other terms; and inactivity."""

from datetime import timedelta

import pytest
from hypothesis import strategies as st

from loyalty.ledger import corrections, idling, policies, posting, reversing
from loyalty.ledger.corrections import NoSuchDebt, NotExpired
from loyalty.ledger.models import Entry, Lot, Wallet
from loyalty.ledger.tests.model import IDLE_DAYS, after_days
from loyalty.ledger.trails import Act
from members.testing import OPENING

NUMBER, INDEX = st.integers(1, 30), st.integers(0, 4)
STEPS = {
    "announce": (NUMBER, st.integers(1, 5)),
    "undo_part": (INDEX, st.integers(1, 6)),
    "extend": (st.integers(1, 8), st.integers(1, 12)),
    "write_off": (NUMBER, st.just(0)),
    "reinstate": (INDEX, st.integers(0, 9)),
    "owe": (st.integers(0, 2), st.integers(0, 20)),
    "linger": (NUMBER, st.just(0)),
    "visit": (st.just(0), st.just(0)),
}


class ByHand:
    """These steps of a life; `at`, `day`, `words` and `parties` are those of the life."""

    def announce(self, party, points, days):
        """Points that can be spent only some days later, and end four days after that."""
        begins, ends = (OPENING + timedelta(days=self.day + more) for more in (days, days + 4))
        words = self.words()
        credit = posting.Accrual(party.account, points, words.pop("at"), **words, available_at=begins, expires_at=ends)
        posting.accrue_many([credit], recorded_at=self.at)
        party.accruals.append(Entry.objects.get(account=party.account, reference=credit.reference, kind="accrual"))
        party.model.announce(points, begins, ends)

    def undo_part(self, party, index, points):
        """Days of grace come with odd numbers."""
        if not party.entries:
            return
        index, grace = index % len(party.entries), 3 * (points % 2)
        fits = party.model.undo_part(index, points, grace)
        if fits:
            reversing.reverse_part(party.entries[index], points, grace_days=grace, **self.words())
        else:
            with pytest.raises(reversing.NotReversible):
                reversing.reverse_part(party.entries[index], points, grace_days=grace, **self.words())

    def by_hand(self):
        return {name: value for name, value in self.words().items() if name != "source"} | {"reason": "because"}

    def extend(self, party, within, days):
        before, until = (after_days(self.at, more) for more in (within, days))
        moved = corrections.extend([party.account], until=until, before=before, **self.by_hand())
        assert moved == party.model.extend(before, until)

    def write_off(self, party, points, _):
        if party.model.write_off(points):
            corrections.write_off(party.account, points, **self.by_hand())
        else:
            with pytest.raises(NoSuchDebt):
                corrections.write_off(party.account, points, **self.by_hand())

    def reinstate(self, party, index, days):
        """What an expiry took is given back, once."""
        expiries = list(Entry.objects.filter(account=party.account, kind="expiry").order_by("number"))
        if not expiries:
            return
        expiry = expiries[index % len(expiries)]
        lots = list(Lot.objects.filter(account=party.account).order_by("id").values_list("id", flat=True))
        lot, until = lots.index(expiry.allocations.get().lot_id), after_days(self.at, days)
        again = expiry.corrections.filter(kind="reinstatement").exists()
        try:
            corrections.reinstate(expiry, until=until, **self.by_hand())
        except NotExpired:
            assert lot in party.model.waits
            return
        assert lot not in party.model.waits
        if not again:
            party.model.reinstate(lot, -expiry.amount, until)

    def owe(self, _party, which, limit):
        """Refunds go by another policy from now on, for everybody; a limit of debt goes with odd numbers."""
        policy, limit = Wallet.DebtPolicy.values[which], limit if limit % 2 else None
        Wallet.objects.filter(program=self.program).update(debt_policy=policy, debt_limit=limit)
        for one in self.parties:
            one.model.policy, one.model.limit = policy, limit

    def let_idle_points_end(self):
        """Every wallet has a policy of inactivity beside its own."""
        terms = {"kind": "idle_days", "count": IDLE_DAYS, "resets": "purchase,redeem", "name": "Idle"}
        for wallet in Wallet.objects.filter(program=self.program):
            self.idle[wallet.id] = policies.set_expiry(wallet, **terms, at=OPENING, actor="t").id

    def linger(self, party, points, _):
        """Points that end by inactivity."""
        policy = self.idle[party.wallet]
        party.accruals.append(posting.accrue(party.account, points, expiry_policy_id=policy, **self.words()))
        party.model.linger(points)

    def visit(self, party, _, __):
        """Something is bought that gives no points."""
        idling.note([Act(party.account, "purchase", self.at)], recorded_at=self.at)
        party.model.be_active()

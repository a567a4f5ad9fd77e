"""The nouns of the books."""

from loyalty.ledger.models.books import Account, Allocation, Entry, Lot
from loyalty.ledger.models.holds import Hold, HoldPart
from loyalty.ledger.models.programs import ExpiryPolicy, Program, Wallet
from loyalty.ledger.models.proof import Anchor, PeriodClose

__all__ = [
    "Account", "Allocation", "Anchor", "Entry", "ExpiryPolicy", "Hold", "HoldPart", "Lot", "PeriodClose", "Program", "Wallet",
]  # fmt: skip

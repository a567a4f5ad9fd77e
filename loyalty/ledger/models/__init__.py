"""The nouns of the books."""

from loyalty.ledger.models.activity import Activity
from loyalty.ledger.models.books import Account, Allocation, Entry, Lot
from loyalty.ledger.models.days import DayFigures
from loyalty.ledger.models.exchanges import ExchangeRate
from loyalty.ledger.models.holds import Hold, HoldPart
from loyalty.ledger.models.programs import ExpiryPolicy, Program, Wallet
from loyalty.ledger.models.proof import Anchor, PeriodClose, Verification
from loyalty.ledger.models.seasons import Season, SeasonPeriod

__all__ = [
    "Account", "Activity", "Allocation", "Anchor", "DayFigures", "Entry", "ExchangeRate", "ExpiryPolicy", "Hold", "HoldPart", "Lot",
    "PeriodClose", "Program", "Season", "SeasonPeriod", "Verification", "Wallet",
]  # fmt: skip

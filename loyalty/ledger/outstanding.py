"""What members could still spend at some instants, as the books stood then: any number of instants in two queries.

Open lots as they are, less what was recorded since. Lots count by their present end, as in `finance`.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import BigIntegerField, Case, F, Q, Sum, When

from loyalty.ledger.models import Allocation, Lot, Wallet
from loyalty.ledger.span import of_wallet


def over(wallet: Wallet, instants: Sequence[datetime]) -> list[int]:
    """The outstanding points of a wallet at each instant. For past ones the cost is what has happened since the first."""
    left = Lot.objects.filter(of_wallet(wallet, "account__"), remaining__gt=0).order_by()
    open_now = left.aggregate(
        **{
            f"at_{n}": Sum("remaining", filter=_alive("", at) & Q(entry__recorded_at__lte=at), default=0)
            for n, at in enumerate(instants)
        }
    )
    since = Allocation.objects.filter(of_wallet(wallet, "entry__account__"), entry__recorded_at__gt=min(instants))
    # What was drawn since is put back, what was given back since is taken away.
    undone = Case(When(entry__amount__gt=0, then=-F("amount")), default=F("amount"), output_field=BigIntegerField())
    moved = since.order_by().aggregate(
        **{
            f"at_{n}": Sum(
                undone,
                filter=_alive("lot__", at) & Q(entry__recorded_at__gt=at, lot__entry__recorded_at__lte=at),
                default=0,
            )
            for n, at in enumerate(instants)
        }
    )
    return [open_now[f"at_{n}"] + moved[f"at_{n}"] for n in range(len(instants))]


def _alive(path: str, at: datetime) -> Q:
    """A lot that had not run out at an instant."""
    return Q(**{f"{path}expires_at__isnull": True}) | Q(**{f"{path}expires_at__gt": at})

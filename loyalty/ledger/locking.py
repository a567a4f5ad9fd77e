"""The one lock of the books: whatever moves points takes the account row first, in id order (RELIABILITY R-1, R-8).

On SQLite the IMMEDIATE transaction is the lock already, and the row lock is silently nothing.
"""

from django.db import transaction
from django.db.models import OuterRef, Subquery

from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import Account, PeriodClose

_last_signed = PeriodClose.objects.filter(wallet=OuterRef("wallet")).order_by("-month").values("month")[:1]
_locked = Prepared(
    lambda: (
        Account.objects.select_for_update(of=("self",))
        .filter(id__any_of=Given("ids"))
        .annotate(signed_month=Subquery(_last_signed))
        .order_by("id")
    )
)


def lock(*account_ids: int) -> dict[int, Account]:
    """Lock these accounts until the transaction ends and return them as they are now, by id, with their wallet's last signed month.

    Raises `Account.DoesNotExist` when one of them is not there.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("lock() needs a transaction around it")
    wanted = sorted(set(account_ids))
    accounts = {account.id: account for account in _locked(ids=wanted)}
    if len(accounts) != len(wanted):
        raise Account.DoesNotExist(f"no account {sorted(set(wanted) - accounts.keys())}")
    return accounts

"""The one lock of the books: whatever moves points takes the account row first, in id order (RELIABILITY R-1, R-8).

On SQLite the IMMEDIATE transaction is the lock already, and the row lock is silently nothing.
"""

from django.db import transaction

from loyalty.ledger.models import Account


def lock(*account_ids: int) -> dict[int, Account]:
    """Lock these accounts until the transaction ends and return them as they are now, by id.

    Raises `Account.DoesNotExist` when one of them is not there.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("lock() needs a transaction around it")
    wanted = sorted(set(account_ids))
    rows = Account.objects.select_for_update().select_related(None).filter(id__any_of=wanted).order_by("id")
    accounts = {account.id: account for account in rows}
    if len(accounts) != len(wanted):
        raise Account.DoesNotExist(f"no account {sorted(set(wanted) - accounts.keys())}")
    return accounts

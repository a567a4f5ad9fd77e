"""The terms of wallets as this process last read them, so that one credit on PostgreSQL need not ask before it writes.

What is remembered is never believed: the statement that writes compares it with the wallet, its program and its newest expiry
policy (`at_once`), and writes nothing where they differ. Policies are append-only and their ids never come back, so the
newest id stands for all of them. The days of seasons are corrected without a new policy: such terms are asked every time.
"""

from loyalty.ledger import policies
from loyalty.ledger.crediting import Accrual
from loyalty.ledger.policies import Terms

# So many accounts' wallets are remembered, then they are learned anew; some 10 MB.
MOST_ACCOUNTS = 100_000

_by_wallet: dict[int, Terms] = {}
_wallets: dict[int, int] = {}


def of_wallet(wallet_id: int, accrual: Accrual) -> Terms | None:
    """The terms for a credit as they were last read; None when they were not, cannot be remembered, or lack its policy."""
    terms = _by_wallet.get(wallet_id)
    named = accrual.expiry_policy_id
    return terms if terms and (named is None or named in terms.named) else None


def of_account(accrual: Accrual) -> Terms | None:
    """As `of_wallet`, of the wallet that the account credited is of; while only one wallet is known, of that one."""
    only = next(iter(_by_wallet)) if len(_by_wallet) == 1 else 0
    return of_wallet(_wallets.get(accrual.account_id, only), accrual)


def asked_of_wallet(wallet_id: int) -> Terms:
    """The terms of a wallet as they are now, remembered for the next credit."""
    terms = policies.terms_of([wallet_id])[wallet_id]
    _remember(terms)
    return terms


def asked_of_account(account_id: int) -> Terms | None:
    """As `asked_of_wallet`, of the wallet that an account is of; None when there is no such account."""
    terms = policies.terms_of_account(account_id)
    if terms is not None:
        if len(_wallets) >= MOST_ACCOUNTS:
            _wallets.clear()
        _wallets[account_id] = terms.wallet_id
        _remember(terms)
    return terms


def _remember(terms: Terms) -> None:
    """Keep terms that were just read, unless the days of a season are part of them."""
    if terms.periods:
        _by_wallet.pop(terms.wallet_id, None)
    else:
        _by_wallet[terms.wallet_id] = terms


def forget() -> None:
    """Forget everything: for a database that took another's place, as between tests."""
    _by_wallet.clear()
    _wallets.clear()

"""Which rows a figure of finance is about: those of a wallet, recorded in a stretch of time, found without more joins than needed."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from loyalty.ledger.models import Wallet


def counted(wallets: QuerySet[Wallet]) -> QuerySet[Wallet]:
    """Wallets that know, read in the same statement, whether each is the only one: `of_wallet` then asks nothing."""
    others = Wallet.objects.exclude(pk=OuterRef("pk"))
    return wallets.annotate(is_only_one=~Exists(others))


def of_wallet(wallet: Wallet, path: str) -> Q:
    """The rows whose account, at a path, is of a wallet. While there is one wallet all are, and no account is looked up.

    That is asked of the database, or known from when the wallet was read (`counted`): by who reads, shows and forgets it.
    """
    is_only_one = getattr(wallet, "is_only_one", None)
    if is_only_one is None:
        is_only_one = not Wallet.objects.exclude(pk=wallet.pk).exists()
    return Q() if is_only_one else Q(**{f"{path}wallet": wallet.pk})


def recorded(path: str, since: datetime | None, until: datetime | None) -> Q:
    """The rows whose entry, at a path, was recorded in `[since, until)`; None is no bound."""
    bounds = {f"{path}recorded_at__gte": since, f"{path}recorded_at__lt": until}
    return Q(**{bound: at for bound, at in bounds.items() if at is not None})

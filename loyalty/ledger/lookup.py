"""Finding programs and wallets by the short names people type."""

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program, Wallet


class Unknown(Refusal):
    """There is no program or wallet of that short name."""

    code = "unknown"
    status = 404


def program_named(slug: str) -> Program:
    """The program. Raises Unknown."""
    program = Program.objects.filter(slug=slug).first()
    if program is None:
        raise Unknown(_("There is no program “%(slug)s”.") % {"slug": slug[:100]})
    return program


def wallet_named(program: str, slug: str | None = None) -> Wallet:
    """The wallet of a program, or without a name its main one. Raises Unknown."""
    wallets = Wallet.objects.select_related("program").filter(program__slug=program)
    wallet = wallets.filter(slug=slug).first() if slug else wallets.filter(is_main=True).first()
    if wallet is None:
        program_named(program)
        raise Unknown(_("There is no such wallet in the program “%(slug)s”.") % {"slug": program[:100]})
    return wallet

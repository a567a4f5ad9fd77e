"""The account a reward is paid from, or that it credits."""

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal


class NoAccount(Refusal):
    """The member has no account in the wallet the reward is paid from."""

    code = "no_account"


def no_account() -> NoAccount:
    """The refusal for a member without an account in the reward's wallet."""
    return NoAccount(_("This member has no account in the wallet this reward is paid from."))

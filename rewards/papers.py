"""A voucher on paper: a sheet of A4 or a small slip, for the member and for staff.

Only what is ready to use and shown with a code is printed. A partner's code is printed by its member alone.
"""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from rewards import kinds, pools
from rewards.models import Redemption

SLIP = "slip"


class NotPrinted(Refusal):
    """There is nothing to print: the voucher has ended, or it is none that is shown with a code."""

    code = "not_printed"


def paper(redemption: Redemption, *, at: datetime, by_member: bool, size: str) -> dict[str, Any]:
    """What stands on the paper. Raises NotPrinted."""
    kind, reward = kinds.of(redemption.reward), redemption.reward
    if redemption.state(at=at) != Redemption.Status.ISSUED:
        raise NotPrinted(_("This voucher cannot be used any more, so there is nothing to print."))
    is_partners = reward.pool_id is not None
    if not (is_partners or kind.shows_code(reward)):
        raise NotPrinted(_("This reward is not used with a code, so there is nothing to print."))
    if is_partners and not by_member:
        raise NotPrinted(_("The partner's code is shown to the member only. They can print it themselves."))
    own = redemption.voucher
    code, shown = (pools.shown(redemption),) * 2 if is_partners else (own.code, own.shown_code)
    words = _("Enter or show this code at the partner's.") if is_partners else kind.words_for(reward)
    return {
        "redemption": redemption, "code": code, "shown_code": shown, "words": words, "facts": kind.facts(redemption, at=at),
        "is_slip": size == SLIP, "counts_uses": kind.counts_uses,
    }  # fmt: skip

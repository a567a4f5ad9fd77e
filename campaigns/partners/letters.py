"""The letter to a partner's contact when a month is settled."""

from datetime import datetime
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import override

from campaigns.partners.models import Settlement
from loyalty.common.money import show_money, show_points
from loyalty.ledger.models import Wallet
from loyalty.mail import outbox


def tell_contact(settled: Settlement, owed: Decimal, points: int, *, at: datetime) -> None:
    """Queue the letter, in the transaction of the closing; none where no address is known."""
    partner = settled.partner
    wallet = Wallet.objects.get(program=partner.program_id, is_main=True)
    with override(partner.language):
        context = {
            "name": partner.contact_name,
            "program": str(partner.program),
            "partner": partner.name,
            "month": date_format(settled.month, "F Y"),
            "points": f"{show_points(points, wallet.decimals)} {wallet.name_of(points)}",
            "owed": show_money(owed, partner.program.currency),
        }
    outbox.queue(
        recipient=f"partner:{partner.pk}",
        address=partner.contact_email,
        language=partner.language,
        kind="settlement",
        subject=f"settlement:{partner.pk}",
        period=f"{settled.month:%Y-%m}",
        context=context,
        at=at,
    )

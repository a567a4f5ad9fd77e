"""The months that partners are settled in: of the program clock, closed one after the other."""

from datetime import date

from campaigns.partners.models import Partner, Settlement
from loyalty.common.clock import add_months, local_day


def last_closed(partner: Partner) -> Settlement | None:
    """The last settled month of a partner."""
    return Settlement.objects.filter(partner=partner).order_by("-month").first()


def first_open(partner: Partner) -> date:
    """The first day of the first month that is not settled: that of the agreement when none is."""
    last = last_closed(partner)
    if last:
        return add_months(last.month, 1)
    return local_day(partner.created_at, partner.program.time_zone).replace(day=1)

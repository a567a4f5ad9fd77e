"""The demo's parcels: one waits for its address, one is packed, one is on its way, one arrived."""

from datetime import datetime, timedelta

from loyalty.ledger.models import Program
from members.models import Member
from rewards import granting, parcels
from rewards.models import Parcel, Reward

ACTOR = "job:load_demo"


def add_parcels(program: Program, *, at: datetime) -> None:
    """Four members who got the record of the season, once."""
    if Parcel.objects.filter(redemption__reference__startswith="demo:parcel:").exists():
        return
    record = Reward.objects.get(program=program, slug="limited-vinyl")
    for number, member in enumerate(Member.objects.filter(program=program).order_by("-pk")[:4]):
        when = at - timedelta(days=8 - number)
        made = granting.grant(member, record, at=when, reference=f"demo:parcel:{number}", actor=ACTOR)
        parcel = parcels.of(made)
        if number == 0:
            continue
        address = {
            "recipient": member.name or member.number, "street": f"{number * 7} Harbour Street", "postcode": f"{94100 + number}",
            "city": "Port Setia", "country": "", "phone": "",
        }  # fmt: skip
        parcel = parcels.readdress(parcel, address, at=when + timedelta(hours=2), actor=f"member:{member.number}")
        parcel = parcels.pack(parcel, at=when + timedelta(days=1), actor=ACTOR)
        if number > 1:
            parcel = parcels.send(
                parcel, carrier="Pos Setia", tracking=f"PS{number:08}ID", at=when + timedelta(days=2), actor=ACTOR
            )
        if number > 2:
            parcels.deliver(parcel, at=when + timedelta(days=4), actor=ACTOR)

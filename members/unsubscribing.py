"""What the links of a letter do without signing in: withdraw consent at once, or change what comes by e-mail."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.mail import unsubscribing as links
from loyalty.mail.unsubscribing import LinkBroken, Way
from members import consents
from members.consents import Channel, Choice, Source
from members.models import Member


def member_behind(token: str, *, is_to_choose: bool = False) -> tuple[Way, Member]:
    """The reader a letter's link stands for. Raises LinkBroken."""
    way = links.read(token, is_to_choose=is_to_choose)
    member = Member.objects.select_related("program").filter(number=way.recipient).first()
    if member is None or not way.purpose:
        raise LinkBroken(_("Nobody gets letters by this link any more."))
    return way, member


@transaction.atomic
def unsubscribe(token: str, *, at: datetime) -> Member:
    """Withdraw the consent that a letter came by. A second time changes nothing. Raises LinkBroken."""
    way, member = member_behind(token)
    consents.withdraw(member, Channel.EMAIL, way.purpose, at=at, source=Source.LETTER, actor=f"member:{member.number}")
    links.note(way, at=at)
    return member


def choices(member: Member) -> list[Choice]:
    """What a member may choose about letters by e-mail."""
    return [choice for choice in consents.choices(member) if choice.channel == Channel.EMAIL]


@transaction.atomic
def choose(token: str, wanted: set[str], *, at: datetime) -> Member:
    """Make the choices about letters these (`Choice.key`); other channels stay as they are. Raises LinkBroken, ConsentRefused."""
    way, member = member_behind(token, is_to_choose=True)
    told: dict[str, Any] = {"at": at, "source": Source.LETTER, "actor": f"member:{member.number}"}
    for choice in choices(member):
        if choice.is_given and choice.key not in wanted:
            consents.withdraw(member, choice.channel, choice.purpose, **told)
            if choice.purpose == way.purpose:
                links.note(way, at=at)
        elif choice.key in wanted and not choice.is_given:
            consents.give(member, choice.channel, choice.purpose, **told)
    return member

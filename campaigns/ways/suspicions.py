"""What speaks against a referral: the same person twice, or too many at once (DOMAIN 10.2).

A friend with the referrer's own address or phone is refused; one whose address or phone another friend had, or who comes in a
flood, is held for staff. Addresses are compared folded: no case, nothing after a plus, no dots before the @.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from campaigns.ways.models import Referral, WayTerms
from members.models import Member

SAME_EMAIL, SAME_PHONE, KNOWN_EMAIL, KNOWN_PHONE, VELOCITY = (
    "same_email", "same_phone", "known_email", "known_phone", "velocity",
)  # fmt: skip
REFUSING = {SAME_EMAIL, SAME_PHONE}
WORDS = {
    SAME_EMAIL: _("The friend has the e-mail address of the member who brought them."),
    SAME_PHONE: _("The friend has the phone number of the member who brought them."),
    KNOWN_EMAIL: _("Another friend was brought with this e-mail address before."),
    KNOWN_PHONE: _("Another friend was brought with this phone number before."),
    VELOCITY: _("Unusually many friends came within 24 hours."),
    "period_cap": _("The member had the most rewarded friends of this month already."),
}
FLOOD = timedelta(hours=24)
# Numbers are compared by their end: +62 812..., 0812... and 812... are one phone.
PHONE_END = 9


def folded_email(email: str) -> str:
    """An address as its mailbox: Ani.B+shop@Example.com is anib@example.com."""
    local, sign, domain = email.strip().casefold().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}" if sign else ""


def folded_phone(phone: str) -> str:
    """The last nine digits of a phone number; empty when there are fewer than seven."""
    digits = "".join(c for c in phone if c.isdecimal())
    return digits[-PHONE_END:] if len(digits) >= 7 else ""


def digest(folded: str) -> str:
    """What is kept of a folded address or number: enough to know it again, not to read it."""
    return hmac.new(settings.BOOKS_KEY.encode(), folded.encode(), sha256).hexdigest() if folded else ""


def found(referrer: Member, friend: Member, terms: WayTerms, *, at: datetime) -> list[str]:
    """What speaks against this friend of this member, as codes of WORDS: at most three queries."""
    email, phone = folded_email(friend.email), folded_phone(friend.phone)
    codes = []
    if email and email == folded_email(referrer.email):
        codes.append(SAME_EMAIL)
    if phone and phone == folded_phone(referrer.phone):
        codes.append(SAME_PHONE)
    others = Referral.objects.filter(program=referrer.program_id).exclude(friend=friend)
    if email and others.filter(email_digest=digest(email)).exists():
        codes.append(KNOWN_EMAIL)
    if phone and others.filter(phone_digest=digest(phone)).exists():
        codes.append(KNOWN_PHONE)
    lately = others.filter(referrer=referrer, bound_at__gt=at - FLOOD, bound_at__lte=at).count()
    return codes + ([VELOCITY] if lately >= terms.velocity_a_day else [])


def in_words(codes: Sequence[str]) -> list[str]:
    """What was found, as sentences."""
    return [str(WORDS.get(code, code)) for code in codes]

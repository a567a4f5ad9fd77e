"""The way out of every letter that needs consent: a signed link, for people and for their mail programs (RFC 8058).

The token names the letter, its reader and the purpose. The way out never ends, because letters are kept; choosing, which can also agree,
ends a year after the letter. It lets its bearer change what that reader gets, and nothing else. Withdrawing consent is the members'
floor's verb.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.mail.kinds import kind_of
from loyalty.mail.models import Message

SALT = "loyalty.mail.unsubscribing"
CHOOSING_LASTS = timedelta(days=365)


class LinkBroken(Refusal):
    """The link of a letter was cut off or changed."""

    code = "link_broken"
    status = 404


@dataclass(frozen=True, slots=True)
class Way:
    """What the link of a letter is good for."""

    recipient: str
    letter: int
    purpose: str


def token_of(message: Message) -> str:
    """The signed name of a letter, its reader and its purpose."""
    return signing.dumps([message.recipient, message.pk, kind_of(message.kind).purpose], salt=SALT, compress=False)


def read(token: str, *, is_to_choose: bool = False) -> Way:
    """What a token stands for. Raises LinkBroken, also when one that is to choose is older than CHOOSING_LASTS."""
    try:
        recipient, letter, purpose = signing.loads(token, salt=SALT, max_age=CHOOSING_LASTS if is_to_choose else None)
    except signing.SignatureExpired as failure:
        raise LinkBroken(
            _("This link is older than a year. Take one from a newer letter, or sign in and choose under My profile.")
        ) from failure
    except (signing.BadSignature, ValueError) as failure:
        raise LinkBroken(
            _("This link is not complete. Open it from the letter once more, or sign in and choose under My profile.")
        ) from failure
    return Way(recipient, letter, purpose)


def addresses(message: Message) -> tuple[str, str]:
    """The full addresses of the page that unsubscribes and of the page of choices."""
    token = token_of(message)
    return tuple(settings.SITE_URL + reverse(name, args=[token]) for name in ("letter_unsubscribe", "letter_choices"))


def headers(message: Message) -> dict[str, str]:
    """What mail programs read to offer a button of their own. A service letter has none."""
    if not kind_of(message.kind).purpose:
        return {}
    return {
        "List-Unsubscribe": f"<{addresses(message)[0]}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def note(way: Way, *, at: datetime) -> None:
    """Remember which letter made its reader unsubscribe, the first time."""
    Message.objects.filter(pk=way.letter, recipient=way.recipient, unsubscribed_at__isnull=True).update(
        unsubscribed_at=at
    )

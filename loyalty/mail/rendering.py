"""A letter as it is read: subject, plain text and HTML, in the language of the one it goes to.

Templates are files, `emails/<kind>/{subject.txt,body.txt,body.html}`. The values of a letter are shown, never run: a
name that looks like template code or HTML stays a name.
"""

import re
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.loader import get_template
from django.urls import NoReverseMatch, reverse
from django.utils import translation

from loyalty.mail.models import Message

# The page a letter sends its reader to. Pages are named, not imported: they stand on upper floors.
PAGES = {
    "welcome": "portal_home",
    "redeemed": "portal_vouchers",
    "parcel_sent": "portal_vouchers",
    "voucher_ends": "portal_vouchers",
    "session_off": "portal_rewards",
    "refunded": "portal_history",
    "expiring": "portal_rewards",
    "points_passed": "portal_history",
    "points_lapsed": "portal_history",
    "points_received": "portal_points",
    "birthday_gift": "portal_points",
    "tier_up": "portal_tier",
    "tier_kept": "portal_tier",
    "tier_down": "portal_tier",
    "tier_at_risk": "portal_tier",
    "challenge_done": "portal_challenges",
    "challenge_back": "portal_challenges",
    "draw_won": "portal_draws",
    "approval": "admin:jobs_changerequest_changelist",
    "job_failed": "admin:jobs_health",
    "job_mended": "admin:jobs_health",
}
KIND = re.compile(r"[a-z][a-z0-9_]*")


def render(message: Message) -> tuple[str, str, str]:
    """Subject (one line), text and HTML of a letter. Raises TemplateDoesNotExist for an unknown kind."""
    if not KIND.fullmatch(message.kind):
        raise ValueError(f"not a kind of letter: {message.kind[:40]!r}")
    values = {"sender": sender_name(), **message.context}
    values |= {"link": link_for(message.kind), "site": settings.SITE_URL, "language": message.language}
    with translation.override(message.language):
        subject = _fill(message.kind, "subject.txt", values)
        text = _fill(message.kind, "body.txt", values)
        html = _fill(message.kind, "body.html", values)
    return " ".join(subject.split())[:200], text.strip() + "\n", html.strip() + "\n"


def as_email(message: Message) -> EmailMultiAlternatives:
    """The letter ready to be handed over, with the Message-ID it has at every attempt."""
    subject, text, html = render(message)
    headers = {"Message-ID": message.message_id, "Auto-Submitted": "auto-generated"}
    email = EmailMultiAlternatives(subject, text, settings.DEFAULT_FROM_EMAIL, [message.address], headers=headers)
    email.attach_alternative(html, "text/html")
    return email


def sender_name() -> str:
    """The name letters come from, when the letter does not name its program."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[0] or "Setia"


def link_for(kind: str) -> str:
    """The full address of the page a letter of this kind points to."""
    try:
        return settings.SITE_URL + reverse(PAGES.get(kind, "portal_home"))
    except NoReverseMatch:
        return settings.SITE_URL + "/"


def _fill(kind: str, part: str, values: dict[str, Any]) -> str:
    template: Any = get_template(f"emails/{kind}/{part}")
    return template.template.render(Context(values, autoescape=part.endswith(".html")))

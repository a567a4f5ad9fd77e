"""Sending a letter past the outbox: what its reader waits for in front of a page, as a code to sign in (RELIABILITY R-6)."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives


def send_at_once(parts: tuple[str, str, str], *, to: str) -> None:
    """Send subject, text and HTML now. Raises what the mail server says."""
    subject, text, html = parts
    email = EmailMultiAlternatives(subject, text, settings.DEFAULT_FROM_EMAIL, [to])
    email.attach_alternative(html, "text/html")
    email.send()

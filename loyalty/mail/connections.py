"""An open connection to a mail server: whether it still answers, and whether a letter may have left over it.

A letter leaves with the command DATA. A server that goes silent before it has got nothing, so that letter may be sent again; after
it nobody knows. What a mail system other than SMTP got is not known either.
"""

import smtplib
from typing import Any

from django.core.mail.backends.base import BaseEmailBackend


def watch(mailer: BaseEmailBackend) -> None:
    """From now on note when a letter leaves."""
    smtp: Any = getattr(mailer, "connection", None)
    if not hasattr(smtp, "data"):
        return
    hand_over = smtp.data

    def noted(letter: Any) -> Any:
        smtp.has_sent = True
        return hand_over(letter)

    smtp.data, smtp.has_sent = noted, False


def begin(mailer: BaseEmailBackend) -> None:
    """Another letter begins."""
    smtp: Any = getattr(mailer, "connection", None)
    if hasattr(smtp, "has_sent"):
        smtp.has_sent = False


def may_have_sent(mailer: BaseEmailBackend) -> bool:
    """Whether the letter that was begun last may have left."""
    return bool(getattr(getattr(mailer, "connection", None), "has_sent", True))


def is_listening(mailer: BaseEmailBackend) -> bool:
    """Whether the server still answers, asked before each letter: servers may end a connection between two."""
    smtp: Any = getattr(mailer, "connection", None)
    if not hasattr(smtp, "noop"):
        return True
    try:
        return smtp.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False

"""The demo's mailbox: letters become files that a page lists, so that sign-in codes can be read without a mail server."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage as ReadMessage
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

SHOWN = 50
KEPT = 2000


class Letter(NamedTuple):
    """A letter in the mailbox. `html` is empty when it came as plain text only."""

    name: str
    received_at: datetime
    to: str
    subject: str
    text: str
    html: str


def folder() -> Path:
    """Where the letters lie."""
    path = settings.DATA_DIR / "mailbox"
    path.mkdir(parents=True, exist_ok=True)
    return path


class DemoMailboxBackend(BaseEmailBackend):
    """Writes each letter to a file and a line to the console, and sends nothing."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for email in email_messages:
            message = email.message()
            received_at = datetime.now(UTC)
            name = f"{received_at:%Y%m%d-%H%M%S-%f}-{abs(hash(message['Message-ID'])) % 10**8:08}.eml"
            unfinished = folder() / f".{name}"
            unfinished.write_bytes(message.as_bytes())
            unfinished.rename(folder() / name)
            # Somebody waits for a sign-in code; the outbox's letters, many at once, are on the page.
            if "Auto-Submitted" not in message:
                sys.stdout.write(f"Letter for {', '.join(email.to)}: {email.subject} (see /demo/mailbox/)\n")
        sys.stdout.flush()
        forget_old()
        return len(email_messages)


def forget_old() -> None:
    """Keep the newest letters only: a demo may run for long."""
    for path in sorted(folder().glob("*.eml"), reverse=True)[KEPT:]:
        path.unlink(missing_ok=True)


def newest(wanted: str = "") -> list[Letter]:
    """The newest letters, or the newest whose address or subject contains a text."""
    found: list[Letter] = []
    for path in sorted(folder().glob("*.eml"), reverse=True):
        letter = _read(path)
        if wanted.lower() in f"{letter.to} {letter.subject}".lower():
            found.append(letter)
        if len(found) == SHOWN:
            break
    return found


def find(name: str) -> Letter | None:
    """One letter by the name of its file."""
    path = folder() / f"{name}.eml"
    return _read(path) if path.is_file() and path.parent == folder() else None


def _read(path: Path) -> Letter:
    message = message_from_bytes(path.read_bytes(), _class=ReadMessage, policy=policy.default)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    return Letter(
        name=path.stem,
        received_at=datetime.strptime(path.stem[:22], "%Y%m%d-%H%M%S-%f").replace(tzinfo=UTC),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        text=plain.get_content() if plain else "",
        html=html.get_content() if html else "",
    )

"""Handing letters to the mail system, at most once each (RELIABILITY R-6).

A letter is claimed, and the claim committed, before any connection is opened. What follows has four ends: the server
took it (sent); the server refused this letter (an attempt is counted, with growing pauses, and finally failed); the
server could not be reached, or went silent before the letter itself was on its way (the run ends, everything claimed goes back to the
queue); or nobody knows (uncertain). Uncertain letters are shown to staff and never sent again by themselves.
"""

import smtplib
import time
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.mail import channels, connections, gate
from loyalty.mail.at_once import send_at_once
from loyalty.mail.channels import LetterRefused
from loyalty.mail.kinds import kind_of
from loyalty.mail.models import Message
from loyalty.mail.rendering import as_email

BATCH = 50
BATCH_SECONDS = 300
CLAIM_HOLDS = timedelta(minutes=15)
PAUSES = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8))
TOO_BIG = {552, 555}
SERVER_CLOSING = 421
Status, EMAIL = Message.Status, Message.Channel.EMAIL
log = structlog.get_logger(__name__)


class MailServerUnreachable(Refusal):
    """The mail server does not answer or does not let us in. Nothing was marked; the letters wait."""

    code = "mail_server_unreachable"
    status = 503


class NotToBeResent(Refusal):
    """Only a letter that failed or is uncertain can be sent again."""

    code = "letter_not_to_be_resent"


def deliver_due(program: Any = None, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Deliver every letter that is due at `at`, in batches of one connection each. Raises MailServerUnreachable."""
    letters = Message.objects.filter(status=Status.QUEUED, channel=EMAIL)
    if dry_run:
        return Tally(found=letters.filter(due_at__lte=at).count())
    tally = Tally(report={})
    waiting = letters.filter(due_at__lte=min(at, timezone.now()))
    uncertain = settle_lost_claims(at=timezone.now())
    if uncertain:
        tally.skipped += uncertain
        tally.report["uncertain"] = uncertain
    _settle_unaddressed(waiting)
    while batch := claim(waiting, at=timezone.now()):
        tally.found += len(batch)
        if not _deliver(batch, tally, progress):
            break
    return tally


def claim(waiting: Any, *, at: datetime) -> list[Message]:
    """Make the next batch ours, and commit that. Two workers at once never claim one letter.

    Consent, blocked addresses and quiet hours are asked in here: what may not go out is marked, and the next ones looked at.
    """
    locking = {"skip_locked": True} if connection.features.has_select_for_update_skip_locked else {}
    while True:
        with transaction.atomic():
            found = list(waiting.select_for_update(**locking).order_by("due_at", "id")[:BATCH])
            channels.copy([one for one in found if one.channel == EMAIL], at=at)
            ids = [letter.pk for letter in gate.sift(found, at=at)]
            Message.objects.filter(id__in=ids, status=Status.QUEUED).update(status=Status.SENDING, claimed_at=at)
        if ids or not found:
            return list(Message.objects.filter(id__in=ids, claimed_at=at).order_by("due_at", "id"))


def _settle_unaddressed(waiting: Any) -> None:
    """Letters that cannot be mailed are passed on and read in the portal, whether or not the mail server answers.

    One whose reader has an address by now has it from here on, and waits with the others.
    """
    while batch := claim(waiting.filter(address=""), at=timezone.now()):
        give_back(batch)


def settle_lost_claims(*, at: datetime) -> int:
    """Letters whose worker died between claim and outcome: nobody knows whether they went out."""
    lost = Message.objects.filter(status=Status.SENDING, claimed_at__lt=at - CLAIM_HOLDS)
    return lost.update(status=Status.UNCERTAIN, error=_("The worker ended before the outcome was known."))


def resend(message: Message, *, at: datetime, actor: str) -> Message:
    """Queue a letter that did not go out, or perhaps not, once more, because a person decided so. Raises NotToBeResent.

    One that was stopped is stopped again if what stopped it still holds.
    """
    if message.forgotten_at:
        raise NotToBeResent(_("What stood in this letter is forgotten, so that it cannot be sent again."))
    over = [Status.FAILED, Status.UNCERTAIN, Status.STOPPED]
    ended = Message.objects.filter(pk=message.pk, status__in=over, forgotten_at__isnull=True)
    queued = ended.update(
        status=Status.QUEUED,
        due_at=at,
        claimed_at=None,
        attempts=0,
        error="",
        stopped_for="",
        bounced_at=None,
        resent_at=at,
        resent_by=actor,
    )
    message.refresh_from_db()
    if not queued:
        raise NotToBeResent(
            _("This letter is %(status)s. Only a refused or uncertain letter can be sent again.")
            % {"status": message.get_status_display()}
        )
    return message


def take_as_arrived(message: Message, *, at: datetime, actor: str) -> Message:
    """Leave an uncertain letter as it is, because a person decided that it arrived. Raises NotToBeResent."""
    doubted = Message.objects.filter(pk=message.pk, status=Status.UNCERTAIN)
    settled = doubted.update(status=Status.SENT, sent_at=Coalesce("sent_at", "claimed_at", Value(at)), error="")
    message.refresh_from_db()
    if not settled:
        raise NotToBeResent(
            _("This letter is %(status)s: there is nothing to decide any more.")
            % {"status": message.get_status_display()}
        )
    log.info("letter_taken_as_arrived", letter=message.pk, actor=actor)
    return message


def send_trial(parts: tuple[str, str, str], *, to: str) -> None:
    """Send subject, text and HTML straight to the member of staff who wrote them. Raises MailServerUnreachable."""
    subject, text, html = parts
    try:
        send_at_once((f"[{_('Test')}] {subject}", text, html), to=to)
    except (OSError, smtplib.SMTPException) as failure:
        raise _unreachable(failure) from failure


def _deliver(batch: list[Message], tally: Tally, progress: Progress) -> bool:
    """Send a claimed batch over one connection; what is not reached goes back. Whether to go on with another batch."""
    left = list(batch)
    mailer = get_connection()
    began = time.monotonic()
    try:
        _open(mailer)
        while left and time.monotonic() - began < BATCH_SECONDS and connections.is_listening(mailer):
            is_certain = _send(mailer, left.pop(0), tally)
            if not (progress(tally.found - len(left), tally.done, tally.skipped) and is_certain):
                return False
        if len(left) == len(batch):
            raise _unreachable(_("it closed the connection at once"))
        return True
    finally:
        give_back(left)
        tally.found -= len(left)
        _close(mailer)


def _open(mailer: BaseEmailBackend) -> None:
    try:
        mailer.open()
        connections.watch(mailer)
    except (OSError, smtplib.SMTPException) as failure:
        raise _unreachable(failure) from failure


def _close(mailer: BaseEmailBackend) -> None:
    """A goodbye that goes wrong changes nothing: every outcome is written already."""
    try:
        mailer.close()
    except (OSError, smtplib.SMTPException):
        log.info("mail_connection_ended_badly")


def _send(mailer: BaseEmailBackend, message: Message, tally: Tally) -> bool:
    """Hand over one letter and write down what became of it. False when nobody knows: then the server is not well."""
    if not is_still_wanted(message):
        tally.found -= 1
        return True
    ours = Message.objects.filter(pk=message.pk, status=Status.SENDING, claimed_at=message.claimed_at)
    try:
        _hand_over(mailer, message)
    except LetterRefused as refusal:
        count_attempt(ours, message, str(refusal))
        tally.skipped += 1
        tally.report["refused"] = tally.report.get("refused", 0) + 1
    except MailServerUnreachable:
        give_back([message])
        tally.found -= 1
        raise
    except Exception as failure:
        if not connections.may_have_sent(mailer):
            # Later than the others: a letter at which the server always hangs must not hold them up.
            due_at = timezone.now() + PAUSES[0]
            ours.update(status=Status.QUEUED, claimed_at=None, due_at=due_at, error=first_line(failure))
            tally.found -= 1
            raise _unreachable(failure) from failure
        ours.update(status=Status.UNCERTAIN, error=first_line(failure))
        tally.skipped += 1
        tally.report["uncertain"] = tally.report.get("uncertain", 0) + 1
        log.warning("letter_uncertain", letter=message.pk, failure=type(failure).__name__)
        return False
    else:
        ours.update(status=Status.SENT, sent_at=timezone.now(), attempts=F("attempts") + 1, error="")
        tally.done += 1
    return True


def is_still_wanted(message: Message) -> bool:
    """Whether a claimed letter may go out still: its reader may have withdrawn while the letters before it went out."""
    return not kind_of(message.kind).purpose or bool(gate.sift([message], at=timezone.now()))


def _hand_over(mailer: BaseEmailBackend, message: Message) -> None:
    """Raises LetterRefused (this letter), MailServerUnreachable (nothing left us), anything else when nobody knows."""
    try:
        validate_email(message.address)
        email = as_email(message)
        email.message()
    except ValidationError as failure:
        raise LetterRefused(_("It has no proper e-mail address.")) from failure
    except Exception as failure:
        raise LetterRefused(first_line(failure)) from failure
    connections.begin(mailer)
    try:
        mailer.send_messages([email])
    except smtplib.SMTPRecipientsRefused as refusal:
        code, said = next(iter(refusal.recipients.values()))
        raise _refused(code, said) from refusal
    except smtplib.SMTPSenderRefused as refusal:
        if refusal.smtp_code not in TOO_BIG:
            raise _unreachable(refusal) from refusal
        raise _refused(refusal.smtp_code, refusal.smtp_error) from refusal
    except (smtplib.SMTPDataError, smtplib.SMTPHeloError) as refusal:
        raise _refused(refusal.smtp_code, refusal.smtp_error) from refusal
    except (smtplib.SMTPNotSupportedError, UnicodeError, ValueError) as failure:
        raise LetterRefused(first_line(failure)) from failure


def _refused(code: int, said: bytes | str) -> Exception:
    """A refusal by the server: of this letter, or (421) of everything for now."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    if code == SERVER_CLOSING:
        return _unreachable(f"{code} {text}")
    return LetterRefused(f"{code} {text}"[:300])


def count_attempt(ours: Any, message: Message, said: str) -> None:
    """Another try after a pause, or the end of trying."""
    attempts = message.attempts + 1
    if attempts > len(PAUSES):
        ours.update(status=Status.FAILED, attempts=attempts, error=said[:300])
        return
    due_at = timezone.now() + PAUSES[attempts - 1]
    ours.update(status=Status.QUEUED, attempts=attempts, due_at=due_at, claimed_at=None, error=said[:300])


def give_back(batch: list[Message]) -> None:
    """Return claimed letters to the queue as if nothing had been."""
    for message in batch:
        ours = Message.objects.filter(pk=message.pk, status=Status.SENDING, claimed_at=message.claimed_at)
        ours.update(status=Status.QUEUED, claimed_at=None)


def _unreachable(failure: Any) -> MailServerUnreachable:
    said = _("The mail server cannot be used now: %(said)s. Nothing is lost; the letters wait and are tried again.")
    return MailServerUnreachable(said % {"said": first_line(failure)})


def first_line(failure: Any) -> str:
    """What went wrong, in one line."""
    said = (str(failure).strip().splitlines() or [""])[0]
    return (f"{type(failure).__name__}: {said}" if isinstance(failure, BaseException) else said)[:300]

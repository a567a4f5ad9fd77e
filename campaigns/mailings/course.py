"""The course of a mailing: a draft is asked for, scheduled, started, paused, resumed, stopped; each step once, by whoever is first.

Asking goes through the changes of four eyes: above a limit on its recipients a second person approves. At its start the audience is
frozen; for ten minutes after it nothing leaves. Each step locks the mailing before it touches its letters; what a worker has claimed already is
asked about once more before it is handed over (`loyalty.mail.halting`), so that a pause and a stop hold at once.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.mailings import audience, writing
from campaigns.mailings.models import Mailing
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.jobs.changes import deciding, drafting, limits
from loyalty.jobs.models import ChangeRequest
from loyalty.mail import halting
from loyalty.mail.models import Message

CHANGE = "mailing"
Status = Mailing.Status
OPEN = (Status.SCHEDULED, Status.RUNNING, Status.PAUSED)


class MailingMoved(Refusal):
    """The mailing is not in the state that this needs; somebody else was faster."""

    code = "mailing_moved"


def is_waiting(mailing: Mailing) -> bool:
    """Whether it was asked for and a second person has not decided yet."""
    change = mailing.change
    return mailing.status == Status.DRAFT and change is not None and change.status == ChangeRequest.Status.WAITING


@transaction.atomic
def ask(mailing: Mailing, *, at: datetime, actor: str) -> Mailing:
    """Ask for a draft to go out at its time, or now: scheduled at once, or when a second person has approved.

    Raises MailingRefused, MailingMoved, and what the changes refuse.
    """
    mailing = _locked(mailing, Status.DRAFT)
    if is_waiting(mailing):
        raise MailingMoved(_("This mailing waits for a second person already."))
    if wrong := writing.faults(mailing):
        raise writing.MailingRefused(" ".join(said for sentences in wrong.values() for said in sentences), faults=wrong)
    if mailing.starts_at and mailing.starts_at < at:
        raise writing.MailingRefused(_("Its start has passed. Choose a later one, or none to send it now."))
    change = drafting.draft(
        mailing.program, CHANGE, parameters={"mailing": mailing.pk}, reason=str(mailing), at=at, actor=actor
    )
    Mailing.objects.filter(pk=mailing.pk).update(change=change, said="")
    deciding.submit(change, at=at, actor=actor)
    mailing.refresh_from_db()
    return mailing


def schedule(mailing: Mailing, change_id: int | None, *, at: datetime) -> None:
    """What an approved change does: the mailing starts at its time, at the earliest now. Raises MailingMoved."""
    mailing = _locked(mailing, Status.DRAFT)
    starts_at = max(mailing.starts_at or at, at)
    Mailing.objects.filter(pk=mailing.pk).update(
        status=Status.SCHEDULED, starts_at=starts_at, change=change_id, said=""
    )


@transaction.atomic
def take_back(mailing: Mailing, *, at: datetime, actor: str) -> Mailing:
    """Make a scheduled mailing a draft again, to be changed and asked for anew. Raises MailingMoved."""
    return _move(_locked(mailing, Status.SCHEDULED), Status.DRAFT, change=None)


@transaction.atomic
def begin(mailing: Mailing, *, at: datetime) -> Mailing:
    """Start a scheduled mailing: its audience is frozen now. One that outgrew what was approved becomes a draft again. Raises MailingMoved."""
    mailing = _locked(mailing, Status.SCHEDULED)
    if mailing.segment.archived_at:
        return _move(mailing, Status.STOPPED, ended_at=at, said=_("Its segment was archived before it started."))
    secret, percent = audience.draw_of(mailing)
    found = audience.freeze(mailing, at=at)
    if too_many := _outgrown(mailing, found.recipients):
        mailing.recipients.order_by().delete()
        return _move(mailing, Status.DRAFT, change=None, starts_at=None, said=too_many)
    told = {name: getattr(found, name) for name in audience.Audience.__dataclass_fields__}
    return _move(
        mailing, Status.RUNNING, started_at=at, audience=told, control_secret=secret, control_percent=percent
    )  # fmt: skip


@transaction.atomic
def pause(mailing: Mailing, *, at: datetime, actor: str) -> Mailing:
    """Let nothing more of it go out until it is resumed. Raises MailingMoved."""
    mailing = _move(_locked(mailing, Status.RUNNING), Status.PAUSED)
    halting.hold(mailing.about)
    return mailing


@transaction.atomic
def resume(mailing: Mailing, *, at: datetime, actor: str) -> Mailing:
    """Let a paused mailing go on. Raises MailingMoved."""
    mailing = _move(_locked(mailing, Status.PAUSED), Status.RUNNING, paced_at=at)
    halting.let_go(mailing.about, at=at)
    return mailing


@transaction.atomic
def stop(mailing: Mailing, *, at: datetime, actor: str) -> Mailing:
    """End a mailing for good: what has not gone out never will. Raises MailingMoved."""
    mailing = _move(_locked(mailing, *OPEN), Status.STOPPED, ended_at=at)
    halting.call_off(mailing.about)
    return mailing


def halted(subjects: Collection[str]) -> dict[str, str]:
    """Of what letters are about, the mailings that do not go on: held while paused, or the reason their letters are stopped for. One query."""
    numbers = {subject.removeprefix("mailing:"): subject for subject in subjects}
    states = Mailing.objects.filter(
        pk__in=[int(number) for number in numbers if number.isdecimal()], status__in=[Status.PAUSED, Status.STOPPED]
    )
    ends: dict[str, str] = {Status.PAUSED: Message.Status.HELD.value, Status.STOPPED: Message.Stop.OFF.value}
    return {numbers[str(pk)]: ends[status] for pk, status in states.values_list("pk", "status")}


def _outgrown(mailing: Mailing, recipients: int) -> str:
    """Why the audience needs a second person now although the one that was asked for did not; empty when it does not."""
    most = limits.of(mailing.program).mailing_recipients
    if most is None or recipients <= most or (mailing.change is not None and mailing.change.is_above_limit):
        return ""
    told = {"count": show_points(recipients), "limit": show_points(most)}
    return _("Its segment has grown: it would go to %(count)s, and one person alone may write to %(limit)s. Nothing was sent; ask for it again.") % told  # fmt: skip


def _locked(mailing: Mailing, *expected: str) -> Mailing:
    """The mailing as it is now, locked; in one of these states. Raises MailingMoved."""
    rows = Mailing.objects.select_for_update(of=("self",)).select_related("program", "segment__program", "campaign", "change")  # fmt: skip
    now = rows.get(pk=mailing.pk)
    if now.status not in expected:
        raise MailingMoved(_("This mailing is %(status)s by now. Look at it again.") % {"status": now.get_status_display()})  # fmt: skip
    return now


def _move(mailing: Mailing, status: str, **changes: Any) -> Mailing:
    """Write the next state of a locked mailing."""
    changes["status"] = status
    Mailing.objects.filter(pk=mailing.pk).update(**changes)
    for name, value in changes.items():
        setattr(mailing, name if name != "change" else "change_id", value)
    return mailing

"""Asking for a change, and what the second person says (DOMAIN 12.4, laws of the books 19).

Below the limits a change is posted at once by whoever asks. Above, it waits for a different person with the right to
approve; superusers too. Whoever decides sees the stored lines, and approval looks everything up once more under the
locks: when one line would be another now, the change is overtaken and dies, with the differences in words.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from loyalty.common.changes import Plan
from loyalty.common.errors import Refusal
from loyalty.jobs.changes import differences, drafting, kinds, letters, limits, people, posting
from loyalty.jobs.models import ChangeLine, ChangeRequest

Status = ChangeRequest.Status


class NotWaiting(Refusal):
    """The change is not in the state that this needs; `state` says in which one it is."""

    code = "change_not_waiting"


class SamePerson(Refusal):
    """Nobody approves or refuses what they asked for themselves."""

    code = "same_person"
    status = 403


class NotAllowed(Refusal):
    """This person may not do this with this change."""

    code = "not_allowed"
    status = 403


class PreviewChanged(Refusal):
    """Something changed between the preview and asking for it."""

    code = "preview_changed"


def submit(change: ChangeRequest, *, at: datetime, actor: str) -> ChangeRequest:
    """Ask for a draft: posted at once below the limits, else it waits and those who may approve get a letter.

    A change that was submitted before is returned as it is. Raises PreviewChanged, NotAllowed, OwnAccount, NotWaiting.
    """
    with transaction.atomic():
        if change.asked_by != actor:
            raise NotAllowed(_("Only the one who made this preview can ask for it. Make one of your own."))
        change.refresh_from_db()
        if change.status != Status.DRAFT:
            return change
        kind = kinds.find(change.kind)
        plan, words = _look_again(change, at=at)
        if change.undoes is not None:
            change.undoes.refresh_from_db()
            drafting.need_undoable(change.undoes)
        if words:
            raise PreviewChanged(
                _("Something changed since this preview: %(what)s Look it up again.") % {"what": words[0]}
            )
        over = limits.passed(change.program, kind, plan, actor=actor, at=at)
        summary = change.summary | {"limits": over}
        if over:
            _move(change, Status.DRAFT, Status.WAITING, is_above_limit=True, summary=summary)
            letters.ask_for_approval(change, at=at)
            return change
        decided = {"decided_by": actor, "decided_at": at, "is_above_limit": False, "summary": summary}
        _move(change, Status.DRAFT, Status.APPROVED, **decided)
        posting.post_small(change, at=at)
    return change


def approve(change: ChangeRequest, *, at: datetime, actor: str) -> ChangeRequest:
    """Approve what somebody else asked for: small changes are posted in the same transaction, large ones by the job.

    Returns it `stale`, with `differences`, when anything would be other than shown. Raises NotWaiting, SamePerson,
    NotAllowed, OwnAccount.
    """
    with transaction.atomic():
        _refuse_unfit(change, actor)
        _plan, words = _look_again(change, at=at)
        change.refresh_from_db()
        decided = {"decided_by": actor, "decided_at": at}
        if words:
            _move(change, Status.WAITING, Status.STALE, differences=words, ended_at=at, **decided)
            return change
        _move(change, Status.WAITING, Status.APPROVED, **decided)
        posting.post_small(change, at=at)
    return change


@transaction.atomic
def refuse(change: ChangeRequest, *, decision: str, at: datetime, actor: str) -> ChangeRequest:
    """Say no to what somebody else asked for, with words for them. Raises NotWaiting, SamePerson, NotAllowed."""
    _refuse_unfit(change, actor)
    if not decision.strip():
        raise Refusal(_("Please say why, so that whoever asked for it knows what to do."))
    decided = {"decided_by": actor, "decided_at": at, "decision": decision.strip()[:200]}
    _move(change, Status.WAITING, Status.REFUSED, ended_at=at, **decided)
    return change


@transaction.atomic
def withdraw(change: ChangeRequest, *, at: datetime, actor: str) -> ChangeRequest:
    """Take back what one asked for oneself, before anybody decided. Raises NotWaiting, NotAllowed."""
    if change.asked_by != actor:
        raise NotAllowed(_("Only the one who asked for it can withdraw it. You can refuse it instead."))
    before = Status.DRAFT if change.status == Status.DRAFT else Status.WAITING
    _move(change, before, Status.WITHDRAWN, ended_at=at, decided_by=actor, decided_at=at)
    return change


def _refuse_unfit(change: ChangeRequest, actor: str) -> None:
    """Raise unless this person may decide about this waiting change."""
    change.refresh_from_db()
    if change.status != Status.WAITING:
        raise _not_waiting(change)
    if change.asked_by == actor:
        raise SamePerson(_("You asked for this yourself: somebody else must decide. You can withdraw it."))
    kind = kinds.find(change.kind)
    if not people.may(actor, kind.may_approve):
        raise NotAllowed(_("You may not approve or refuse changes. Ask somebody with that right."))
    if kind.is_personal:
        people.refuse_own(actor, change.lines.filter(account__isnull=False).values_list("account_id", flat=True))


def _look_again(change: ChangeRequest, *, at: datetime) -> tuple[Plan, list[str]]:
    """What would be written now, under the locks, and how it differs from what was shown."""
    kind, told = kinds.find(change.kind), kinds.asked(change)
    plan = kinds.plan(told, kind, undoes=change.undoes, at=at, locked=True)
    plan.worth = change.summary.get("worth", {})
    if plan.digest() == change.digest:
        return plan, []
    shown = [kinds.row(line) for line in ChangeLine.objects.filter(change=change).order_by("number")]
    return plan, differences.told(kind, told, shown, plan.rows, change.wallet)


def _move(change: ChangeRequest, before: str, after: str, **fields: object) -> None:
    """From one state to another, if nobody was faster. Raises NotWaiting."""
    try:
        with transaction.atomic():
            moved = ChangeRequest.objects.filter(pk=change.pk, status=before).update(status=after, **fields)
    except IntegrityError:  # the database allows one living undo of a change
        raise drafting.NotUndoable(_("Somebody else has begun to undo this. Look at the change again.")) from None
    change.refresh_from_db()
    if not moved:
        raise _not_waiting(change)


def _not_waiting(change: ChangeRequest) -> NotWaiting:
    return NotWaiting(
        _("This change is %(status)s already, so there is nothing to decide.")
        % {"status": change.get_status_display()},
        state=change.status,
    )

"""The kinds of change there are, each named by its dotted path in `settings.SETIA_CHANGES`."""

from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from loyalty.common.changes import Asked, ChangeKind, Plan, Row
from loyalty.common.errors import Refusal
from loyalty.jobs.models import ChangeLine, ChangeRequest


class UnknownKind(Refusal):
    """No kind of change has that name."""

    code = "unknown_change"
    status = 404


def kinds() -> list[ChangeKind]:
    """Every kind, in the order of the settings."""
    return [import_string(path)() for path in settings.SETIA_CHANGES]


def listed() -> list[ChangeKind]:
    """Those that are begun from the list of new changes."""
    return [kind for kind in kinds() if kind.form and kind.is_listed]


def find(name: str) -> ChangeKind:
    """The kind of that name. Raises UnknownKind."""
    for kind in kinds():
        if kind.name == name:
            return kind
    raise UnknownKind(_("There is no kind of change called “%(name)s”.") % {"name": name[:40]})


def asked(change: ChangeRequest) -> Asked:
    """A stored change as its kind sees it."""
    return Asked(
        change.program,
        change.parameters,
        change.reason,
        change.asked_at,
        change.asked_by,
        change.pk,
        change.undoes_id,
    )


def row(line: ChangeLine) -> Row:
    """A stored line as its kind made it."""
    return Row(line.key, line.account_id, line.kind, line.amount, line.facts, line.short)


def posted_rows(change: ChangeRequest) -> list[Row]:
    """The rows of a change that were posted, in their order."""
    lines = ChangeLine.objects.filter(change=change, outcome=ChangeLine.Outcome.POSTED).order_by("number")
    return [row(line) for line in lines]


def plan(told: Asked, kind: ChangeKind, *, undoes: ChangeRequest | None = None, **terms: Any) -> Plan:
    """What a change, or the undo of one, would write now."""
    if undoes is None:
        return kind.plan(told, **terms)
    return kind.plan_undo(told, posted_rows(undoes), **terms)

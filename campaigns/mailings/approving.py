"""Sending a mailing is asked for like any change of many: above a limit on its recipients a second person says yes (DOMAIN 12.4)."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.mailings import audience, course
from campaigns.mailings.models import Mailing
from campaigns.mailings.writing import COPIED, MailingRefused
from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.money import show_points
from loyalty.desk.panels import moment


class SendMailing(ChangeKind):
    """Send a mailing at its time. Parameters: mailing, its id. What it says, to whom and when must stay as it was shown."""

    name = course.CHANGE
    title = gettext_lazy("Send a mailing")
    question = gettext_lazy("Who gets which letter, and when?")
    may_ask = "mailings.change_mailing"
    is_listed = False
    is_whole = True
    is_personal = False
    can_undo = False

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        mailing = _find(asked, locked=locked)
        gone = MailingRefused(_("This mailing is no draft any more. Look at its page."))
        if mailing.status != Mailing.Status.DRAFT:
            return Plan([], refusal=gone)
        rows = [Row(f"mailing:{mailing.pk}", None, self.name, 0, _facts(mailing))]
        if locked:
            return Plan(rows)
        counted = audience.count(mailing, at=at)
        if counted is None:
            raise MailingRefused(_("Counting its segment takes too long. Make its question simpler, or take fewer conditions."))  # fmt: skip
        if not counted.recipients:
            raise MailingRefused(_("Nobody would get it. Its page says why each member of the segment is left out."))
        return Plan(rows, warnings=_said(mailing, counted.recipients), worth={"recipients": counted.recipients})

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        course.schedule(_find(asked, locked=False), asked.id, at=at)

    def limits(self, plan: Plan) -> list[Limit] | None:
        return [Limit("mailing_recipients", plan.worth.get("recipients", 0))]

    def words(self, asked: Asked, row: Row) -> str:
        return _("“%(subject)s” to the segment %(segment)s") % row.facts

    def summary(self, asked: Asked) -> str:
        return str(_find(asked, locked=False))


def _find(asked: Asked, *, locked: bool) -> Mailing:
    rows = Mailing.objects.filter(program=asked.program).select_related("program", "segment__program", "campaign")
    rows = rows.select_for_update(of=("self",)) if locked else rows
    found = rows.filter(pk=asked.parameters["mailing"]).first()
    if found is None:
        raise MailingRefused(_("This mailing was deleted."))
    return found


def _facts(mailing: Mailing) -> dict[str, str]:
    """What was shown and must not change: the words, the question of the segment, the time, the pace and the draw."""
    told = {name: str(getattr(mailing, name)) for name in (*COPIED, "starts_at")}
    told |= {"who": json.dumps(mailing.segment.definition, sort_keys=True), "draw": str(audience.draw_of(mailing))}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return {"subject": mailing.subject, "segment": mailing.segment.slug, "digest": digest}


def _said(mailing: Mailing, recipients: int) -> list[str]:
    when = moment(mailing.starts_at) if mailing.starts_at else _("as soon as it is approved")
    return [
        _("It would go to %(count)s members now; who gets it is settled when it starts.") % {"count": show_points(recipients)},
        _("It starts: %(when)s.") % {"when": when},
    ]  # fmt: skip

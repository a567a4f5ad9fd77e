"""Segments and scores on the pages of members."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import EMPTY, Panel, badge, day, link, moment
from members import desk
from members.models import Member
from members.segments.models import MemberScore, SegmentStay
from members.segments.reading import class_name
from members.segments.scoring import score_of

TONES = {"champions": "good", "loyal": "good", "potential": "info", "new": "info", "at_risk": "warn", "lapsed": "bad"}


def register() -> None:
    """Show them."""
    desk.more_panels.append(panels)


def panels(member: Member, at: datetime) -> list[Panel]:
    """How the member buys, and the segments it is in; two queries."""
    return [_segments(member), *_score(score_of(member), member.program.currency)]


def _segments(member: Member) -> Panel:
    stays = (
        SegmentStay.objects.filter(member=member, until__isnull=True)
        .select_related("segment")
        .order_by("segment__name")
    )
    rows = [
        (link(reverse("admin:segments_segment_why", args=[s.segment_id, member.number]), s.segment), s.segment.note or EMPTY, moment(s.since))
        for s in stays
    ]  # fmt: skip
    return Panel(_("Segments"), [_("Segment"), _("What it is for"), _("Since")], rows, _("In no segment."))


def _score(score: MemberScore | None, currency: str) -> list[Panel]:
    """The score in words; nothing for who never bought."""
    if score is None:
        return []
    rows = [
        (_("Buys like"), badge(class_name(score.class_name), TONES[score.class_name]), _class_since(score)),
        (_("Recency"), _of_five(score.recency), _("last bought %(day)s") % {"day": day(score.last_bought_at)}),
        (_("Frequency"), _of_five(score.frequency), _("%(number)s purchases in the days looked at") % {"number": show_points(score.purchases)}),
        (_("Money"), _of_five(score.money), _("%(amount)s in the days looked at") % {"amount": show_money(score.spent, currency)}),
    ]  # fmt: skip
    note = _("Compared with the program's other members; 5 is the best fifth. Scored each night, these since %(day)s.") % {"day": day(score.day)}  # fmt: skip
    return [Panel(_("How the member buys"), [_("What"), _("Score"), _("Because")], rows, note=note)]


def _class_since(score: MemberScore) -> str:
    if score.class_before:
        return _("since %(day)s; before: %(class)s") % {"day": day(score.class_since), "class": class_name(score.class_before)}  # fmt: skip
    return _("since %(day)s") % {"day": day(score.class_since)}


def _of_five(score: int | None) -> str:
    return _("%(score)s of 5") % {"score": score} if score else EMPTY

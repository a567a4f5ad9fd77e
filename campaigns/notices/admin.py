"""Notices on the desk: which member was told when of which points that run out, and what became of the letter."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns.notices.models import Notice
from campaigns.notices.passed import with_passed
from campaigns.notices.showing import member_panel, what_became_of
from campaigns.ways.scoped_desk import member_link
from loyalty.backoffice import BookAdmin
from loyalty.common.clock import last_valid_day
from loyalty.common.money import show_points
from loyalty.desk import programs
from loyalty.desk.panels import day, link, moment
from members.desk import more_panels


@admin.register(Notice)
class NoticeAdmin(BookAdmin):
    """The proof that nothing ended in silence."""

    list_display = ["shown_written", "shown_member", "shown_points", "shown_day", "shown_status", "shown_sent"]
    list_filter = ["letter__status"]
    list_select_related = ["letter", "account__wallet__program", "account__member_account__member"]
    search_fields = ["letter__recipient"]
    search_help_text = _("Exact member number or e-mail address")
    fields = [
        "shown_member",
        "shown_points",
        "shown_day",
        "shown_letter",
        "shown_status",
        "shown_written",
        "shown_sent",
    ]
    readonly_fields = fields
    empty_words = _("Members are told some days before points run out. What they were told stands here, with what became of the letter.")  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        program = programs.chosen(request)
        found = super().get_queryset(request)
        return with_passed(found.filter(account__wallet__program=program) if program else found)

    def found_by(self, term: str) -> Q:
        return Q(letter__address__iexact=term) if "@" in term else Q(letter__recipient=term.replace(" ", ""))

    @display(description=_("written"))
    def shown_written(self, notice: Notice) -> str:
        return moment(notice.letter.queued_at)

    @display(description=_("member"))
    def shown_member(self, notice: Notice) -> Any:
        return member_link(notice.account.member_account.member)

    @display(description=_("points told of"))
    def shown_points(self, notice: Notice) -> str:
        wallet = notice.account.wallet
        return f"{show_points(notice.points, wallet.decimals)} {wallet.name_of(notice.points)}"

    @display(description=_("last valid day"))
    def shown_day(self, notice: Notice) -> str:
        return day(last_valid_day(notice.expires_at, notice.account.wallet.program.time_zone))

    @display(description=_("letter"))
    def shown_letter(self, notice: Notice) -> str:
        return link(reverse("admin:mail_message_change", args=[notice.letter_id]), notice.letter.message_id)

    @display(description=_("status"))
    def shown_status(self, notice: Notice) -> str:
        return what_became_of(notice)

    @display(description=_("handed over"))
    def shown_sent(self, notice: Notice) -> str:
        return moment(notice.letter.sent_at or getattr(notice, "passed_at", None))


more_panels.append(member_panel)

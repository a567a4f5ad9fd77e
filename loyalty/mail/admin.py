"""Letters on the desk: what was written to whom, what became of it, and how it reads."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.template import TemplateDoesNotExist
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from loyalty.backoffice import BookAdmin, actor_of
from loyalty.desk.deeds import deed
from loyalty.desk.panels import badge
from loyalty.mail import delivery, rendering
from loyalty.mail.models import Message

TONES = {"queued": "info", "sending": "info", "sent": "good", "failed": "bad", "uncertain": "warn"}


@admin.register(Message)
class MessageAdmin(BookAdmin):
    """The outbox."""

    list_display = ["shown_kind", "address", "language", "shown_status", "queued_at", "sent_at", "attempts"]
    list_display_links = ["shown_kind"]
    list_filter = [("status", ChoicesDropdownFilter), ("language", ChoicesDropdownFilter)]
    search_fields = ["recipient"]
    search_help_text = _("Exact member number or e-mail address")
    fieldsets = [
        (None, {"fields": ["shown_kind", "shown_status", "recipient", "address", "language", "error"]}),
        (_("Times"), {"fields": ["queued_at", "due_at", "claimed_at", "sent_at", "attempts"]}),
    ]
    readonly_fields = ["shown_kind", "shown_status"]
    actions_detail = ["send_again"]
    empty_words = _("No letters yet. They are written when members enrol, redeem, or are about to lose points.")

    def found_by(self, term: str) -> Q:
        return Q(address__iexact=term) if "@" in term else Q(recipient=term.replace(" ", ""))

    @display(description=_("letter"))
    def shown_kind(self, message: Message) -> str:
        known = {"welcome": _("Welcome"), "redeemed": _("Reward redeemed"), "expiring": _("Points about to expire")}
        return str(known.get(message.kind, message.kind))

    @display(description=_("status"))
    def shown_status(self, message: Message) -> str:
        return badge(message.get_status_display(), TONES.get(message.status, ""))

    def page_context(self, request: HttpRequest, record: Message) -> dict[str, Any]:
        """The letter as its reader sees it. The HTML stands in a sandboxed frame that can run nothing."""
        try:
            subject, text, body = rendering.render(record)
        except (TemplateDoesNotExist, ValueError) as failure:
            return {"after_include": "admin/desk/letter.html", "letter_problem": str(failure)[:200]}
        return {
            "after_include": "admin/desk/letter.html",
            "letter_subject": subject,
            "letter_text": text,
            "letter_html": f'<base target="_blank">{body}',
        }

    @deed(
        title=_("Send again"),
        question=_(
            "Nobody knows whether a letter marked uncertain arrived: sending it again may give the member two. A refused letter did not arrive."
        ),
        button=_("Send it again"),
        permission="mail.change_message",
        icon="forward_to_inbox",
        fits=lambda message: message.status in ("failed", "uncertain"),
    )
    def send_again(self, request: HttpRequest, record: Message) -> str:
        delivery.resend(record, at=timezone.now(), actor=actor_of(request))
        return _("The letter waits to be sent again.")

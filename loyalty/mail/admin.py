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
from loyalty.desk.panels import Panel, badge
from loyalty.mail import blocks_desk, delivery, halting, rendering, wordings_desk
from loyalty.mail.kinds import kind_in_words
from loyalty.mail.models import Message

__all__ = ["blocks_desk", "wordings_desk"]

TONES = {
    "queued": "info",
    "held": "warn",
    "sending": "info",
    "sent": "good",
    "failed": "bad",
    "uncertain": "warn",
    "stopped": "warn",
}


@admin.register(Message)
class MessageAdmin(BookAdmin):
    """The outbox."""

    list_display = ["shown_kind", "address", "language", "shown_status", "queued_at", "sent_at", "attempts"]
    list_display_links = ["shown_kind"]
    list_filter = [
        ("status", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
        ("language", ChoicesDropdownFilter),
    ]
    search_fields = ["recipient"]
    search_help_text = _("Exact member number or e-mail address")
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "shown_kind",
                    "shown_status",
                    "recipient",
                    "address",
                    "channel",
                    "language",
                    "error",
                    "stopped_for",
                ]
            },
        ),
        (
            _("Times"),
            {
                "fields": [
                    "queued_at",
                    "due_at",
                    "claimed_at",
                    "sent_at",
                    "attempts",
                    "bounced_at",
                    "unsubscribed_at",
                    "read_at",
                    "forgotten_at",
                ]
            },
        ),
    ]
    readonly_fields = ["shown_kind", "shown_status"]
    actions_detail = ["send_again", "take_as_arrived"]
    empty_words = _("No letters yet. They are written when members enrol, redeem, or are about to lose points.")

    def found_by(self, term: str) -> Q:
        if term.startswith("mailing:"):  # the page of a mailing leads to its letters
            return Q(kind=halting.KIND, subject=term)
        return Q(address__iexact=term) if "@" in term else Q(recipient=term.replace(" ", ""))

    @display(description=_("letter"))
    def shown_kind(self, message: Message) -> str:
        return kind_in_words(message.kind)

    @display(description=_("status"))
    def shown_status(self, message: Message) -> str:
        return badge(message.get_status_display(), TONES.get(message.status, ""))

    def page_context(self, request: HttpRequest, record: Message) -> dict[str, Any]:
        """What is to be decided, and the letter as its reader sees it, in a sandboxed frame that can run nothing."""
        if record.forgotten_at:
            said = _(
                "Its program keeps letters only for so long. That it was written, when, and what became of it stays."
            )
            return {"panels_before": [Panel(_("What stood in this letter is forgotten"), [], [], said)]}
        return self._in_doubt(record) | self._letter(record)

    def _in_doubt(self, record: Message) -> dict[str, Any]:
        said = {
            "uncertain": _(
                "The connection broke while this letter was handed over, so nobody knows whether it arrived. Ask the member or look into the log of the mail server. Then choose above: send it again, or leave it."
            ),
            "failed": _(
                "The mail server refused this letter for good: see the last error. Mend the address on the member's page or the mail settings, then send it again."
            ),
            "stopped": _(
                "This letter was not sent; see below why. When that is mended, send it again. Without consent it stays unsent."
            ),
        }.get(record.status)
        return {"panels_before": [Panel(_("What to do now"), [], [], said)]} if said else {}

    def _letter(self, record: Message) -> dict[str, Any]:
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
        title=_("Leave it"),
        question=_(
            "Choose this when the member has the letter, or does not need it any more. It is not sent again and counts as handed to the mail system."
        ),
        button=_("Leave it as it is"),
        permission="mail.change_message",
        icon="done",
        fits=lambda message: message.status == "uncertain",
    )
    def take_as_arrived(self, request: HttpRequest, record: Message) -> str:
        delivery.take_as_arrived(record, at=timezone.now(), actor=actor_of(request))
        return _("The letter is left as it is.")

    @deed(
        title=_("Send again"),
        question=_(
            "Nobody knows whether a letter marked uncertain arrived: sending it again may give the member two. A refused letter did not arrive."
        ),
        button=_("Send it again"),
        permission="mail.change_message",
        icon="forward_to_inbox",
        fits=lambda message: message.status in ("failed", "uncertain", "stopped") and not message.forgotten_at,
    )
    def send_again(self, request: HttpRequest, record: Message) -> str:
        delivery.resend(record, at=timezone.now(), actor=actor_of(request))
        return _("The letter waits to be sent again.")

"""The proof at the desk: what the last verification found, the anchors, and a file checked against the books (the ledger's admin)."""

import io
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.backoffice import EXPORT, BookAdmin
from loyalty.common.errors import Refusal
from loyalty.desk import programs
from loyalty.desk.panels import badge
from loyalty.ledger import evidence, proof_page
from loyalty.ledger.models import Anchor, Verification

LARGEST_FILE = 100 * 1024 * 1024


@admin.register(Verification)
class VerificationAdmin(BookAdmin):
    """What every verification found, and the page of the proof."""

    list_display = ["made_at", "program", "entries", "shown_result"]
    list_select_related = ["program"]
    fields = ["made_at", "program", "entries", "is_whole", "shown_result"]
    readonly_fields = ["shown_result"]
    empty_words = _("The books were not verified yet. The nightly job does it, and the page of the proof on demand.")

    def get_urls(self) -> list[Any]:
        """The page of the proof."""
        wrap = self.admin_site.admin_view
        return [path("proof/", wrap(self.proof), name="ledger_proof"), *super().get_urls()]

    def proof(self, request: HttpRequest) -> HttpResponse:
        """The last verification, the anchors, and what an uploaded anchor file says."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        program = programs.chosen(request)
        told = proof_page.read(program) if program else {}
        if request.method == "POST":
            told |= {"checked": _checked(request)}
        context = self.admin_site.each_context(request) | told | {
            "title": _("Proof of the books"),
            "may_run": request.user.has_perm("loyalty.run_jobs"),
        }  # fmt: skip
        return TemplateResponse(request, "admin/desk/proof.html", context)

    @display(description=_("result"))
    def shown_result(self, verification: Verification) -> str:
        return badge(*proof_page.result(verification))

    def page_context(self, request: HttpRequest, record: Verification) -> dict[str, Any]:
        return {"panels": [proof_page.violations_panel(record)]}


@admin.register(Anchor)
class AnchorAdmin(BookAdmin):
    """The daily anchors; each can be taken out as a file."""

    list_display = ["day", "program", "number", "made_at", "accounts", "points", "shown_digest"]
    list_select_related = ["program"]
    fields = ["day", "program", "number", "made_at", "last_entry", "accounts", "points", "digest", "seal"]
    empty_words = _("No anchor yet. The nightly job makes one a day.")

    def get_urls(self) -> list[Any]:
        """The file of an anchor."""
        file = path("<int:pk>/file/", self.admin_site.admin_view(self.file), name="ledger_anchor_file")
        return [file, *super().get_urls()]

    def file(self, request: HttpRequest, pk: int) -> HttpResponse:
        """An anchor with its heads as JSON, to be kept outside."""
        if not self.has_view_permission(request) or not request.user.has_perm(EXPORT):
            raise PermissionDenied
        anchor = self.get_object(request, str(pk))
        back = HttpResponseRedirect(reverse("admin:ledger_proof"))
        if anchor is None:
            messages.error(request, _("There is no such anchor."))
            return back
        made = io.StringIO()
        try:
            evidence.export(anchor, made)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return back
        self.log_export(request)
        answer = StreamingHttpResponse(iter([made.getvalue()]), content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="{evidence.file_name(anchor)}"'
        return answer

    @display(description=_("digest"))
    def shown_digest(self, anchor: Anchor) -> str:
        return f"{anchor.digest[:16]}…"


def _checked(request: HttpRequest) -> dict[str, Any]:
    """What an uploaded file says, and whether the books still say the same."""
    sent = request.FILES.get("file")
    if sent is None:
        return {"tone": "bad", "said": _("Choose a file first."), "found": []}
    if sent.size > LARGEST_FILE:
        return {"tone": "bad", "said": _("This file is too large: use manage.py verify_anchor."), "found": []}
    try:
        told = evidence.read(io.StringIO(sent.read().decode()))
    except UnicodeDecodeError:
        return {"tone": "bad", "said": _("This file is no exported anchor."), "found": []}
    except Refusal as refusal:
        return {"tone": "bad", "said": str(refusal), "found": []}
    return proof_page.compared(told)

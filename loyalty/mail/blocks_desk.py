"""Blocked addresses on the desk: why and since when, lifting a block, and bringing in what the mail provider reports as a file."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from loyalty.backoffice import BookAdmin, actor_of
from loyalty.common.errors import Refusal
from loyalty.desk import people
from loyalty.desk.deeds import deed
from loyalty.desk.panels import badge
from loyalty.mail import blocking
from loyalty.mail.models import BlockedAddress

MAY = "mail.change_blockedaddress"
MOST_BYTES = 2_000_000


class EventsFileForm(forms.Form):
    """A file of bounces and complaints, or one address."""

    file = forms.FileField(label=_("File"), required=False, widget=UnfoldAdminFileFieldWidget)
    address = forms.EmailField(label=_("or one address"), required=False, widget=UnfoldAdminEmailInputWidget)
    detail = forms.CharField(label=_("Why"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget)

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        values = super().clean() or {}
        if not self.errors and bool(values.get("file")) == bool(values.get("address")):
            raise forms.ValidationError(_("Choose a file, or type one address."))
        if values.get("file") and values["file"].size > MOST_BYTES:
            raise forms.ValidationError(_("This file is larger than 2 MB. Bring it in parts."))
        return values


@admin.register(BlockedAddress)
class BlockedAddressAdmin(BookAdmin):
    """Addresses that get no mail."""

    list_display = ["address", "reason", "blocked_at", "shown_state"]
    list_filter = ["reason"]
    search_fields = ["address"]
    search_help_text = _("Exact e-mail address")
    fields = ["address", "reason", "detail", "blocked_at", "shown_blocker", "lifted_at", "shown_lifter"]
    readonly_fields = ["shown_blocker", "shown_lifter"]
    actions_list = ["bring_in"]
    actions_detail = ["lift"]
    empty_words = _("No address is blocked. Addresses whose letters bounce, or whose owners complain, come here.")

    def get_urls(self) -> list[Any]:
        """The page where a file is chosen or an address typed."""
        page = path("file/", self.admin_site.admin_view(self.upload), name="mail_blockedaddress_file")
        return [page, *super().get_urls()]

    def found_by(self, term: str) -> Q:
        return Q(address=term.lower())

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        offered = super().get_actions_list(request)
        may = request.user.has_perm(MAY)
        return [one for one in offered if may or not one.action_name.endswith("_bring_in")]

    @display(description=_("status"))
    def shown_state(self, blocked: BlockedAddress) -> str:
        return badge(_("lifted"), "") if blocked.lifted_at else badge(_("blocked"), "bad")

    @display(description=_("recorded by"))
    def shown_blocker(self, blocked: BlockedAddress) -> str:
        return people.name(blocked.blocked_by)

    @display(description=_("lifted by"))
    def shown_lifter(self, blocked: BlockedAddress) -> str:
        return people.name(blocked.lifted_by) if blocked.lifted_by else "–"

    @action(description=_("Block addresses"), url_path="bring-in", icon="upload_file")
    def bring_in(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:mail_blockedaddress_file"))

    def upload(self, request: HttpRequest) -> HttpResponse:
        """Take a file, or one address, and tell how many are blocked now."""
        if not request.user.has_perm(MAY):
            raise PermissionDenied
        form = EventsFileForm(request.POST, request.FILES) if request.method == "POST" else EventsFileForm()
        here = reverse("admin:mail_blockedaddress_changelist")
        if form.is_valid():
            try:
                messages.success(request, self._take(request, form.cleaned_data))
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                return HttpResponseRedirect(here)
        told = {"title": _("Block addresses"), "form": form, "back": here, "opts": self.opts}
        return TemplateResponse(
            request, "admin/desk/block_addresses.html", self.admin_site.each_context(request) | told
        )

    def _take(self, request: HttpRequest, values: dict[str, Any]) -> str:
        told = {"at": timezone.now(), "actor": actor_of(request)}
        if values["address"]:
            blocked = blocking.block(values["address"], detail=values["detail"], **told)
            self.log_addition(request, blocked, [{"added": {}}])
            return _("%(address)s gets no more mail.") % {"address": blocked.address}
        events = blocking.read_file(values["file"].read(MOST_BYTES + 1), at=told["at"])
        count = blocking.take_events(events, actor=told["actor"]).blocked
        return ngettext("%(count)d address is blocked now.", "%(count)d addresses are blocked now.", count) % {"count": count}  # fmt: skip

    @deed(
        title=_("Lift the block"),
        question=_("Mail goes to this address again. Do this when the address was mended, or its owner asks for it."),
        button=_("Lift it"),
        permission=MAY,
        icon="mark_email_read",
        fits=lambda blocked: blocked.lifted_at is None,
    )
    def lift(self, request: HttpRequest, record: BlockedAddress) -> str:
        blocking.lift(record, at=timezone.now(), actor=actor_of(request))
        return _("Mail goes to this address again.")

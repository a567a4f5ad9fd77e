"""Stores, tills and API keys on the desk."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import display

from loyalty.backoffice import DeskAdmin, actor_of
from loyalty.desk.deeds import deed
from loyalty.desk.panels import badge, day
from loyalty.pos import keys
from loyalty.pos.forms import ApiKeyForm
from loyalty.pos.models import ApiKey, Store, Till


@admin.register(Store)
class StoreAdmin(DeskAdmin):
    """Shops and web shops."""

    list_display = ["name", "code", "city", "program", "till_count", "is_active"]
    list_filter = ["program", "is_active"]
    list_select_related = ["program"]
    search_fields = ["name", "code", "city"]
    fields = ["program", "name", "code", "city", "is_active"]
    empty_words = _("Add the shops whose sales earn points.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(tills_here=Count("tills"))

    @display(description=_("tills"))
    def till_count(self, store: Store) -> int:
        return store.tills_here


@admin.register(Till)
class TillAdmin(DeskAdmin):
    """Tills and checkouts."""

    list_display = ["code", "store", "is_active"]
    list_filter = ["store", "is_active"]
    list_select_related = ["store"]
    search_fields = ["code"]
    fields = ["store", "code", "is_active"]


@admin.register(ApiKey)
class ApiKeyAdmin(DeskAdmin):
    """API keys: the secret is shown once, when the key is made or given a new secret."""

    form = ApiKeyForm
    list_display = ["name", "prefix", "program", "store", "shown_state", "last_used_on", "shown_end"]
    list_filter = ["program"]
    list_select_related = ["program", "store"]
    search_fields = ["name", "prefix"]
    add_fieldsets = [
        (None, {"fields": ["program", "name", "store", "expires_at"]}),
        (_("What it may do"), {"fields": ["scopes"]}),
    ]
    fieldsets = [
        (None, {"fields": ["name", "program", "store", "prefix", "shown_state"]}),
        (_("What it may do"), {"fields": ["shown_scopes"]}),
        (_("Dates"), {"fields": ["created_at", "last_used_on", "expires_at", "revoked_at"]}),
    ]
    readonly_fields = ["prefix", "shown_state", "shown_scopes", "created_at", "last_used_on", "revoked_at"]
    actions_detail = ["new_secret", "revoke"]
    change_form_before_template = None
    empty_words = _("A till, web shop or app calls Setia with a key. Make one for each.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A key is not edited: it is given a new secret, or revoked."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make the key by its verb and keep the secret for the one page that shows it."""
        made, request.new_secret = keys.create(
            obj.program, name=obj.name, scopes=form.cleaned_data["scopes"], store=obj.store, expires_at=obj.expires_at, at=timezone.now(), actor=actor_of(request),
        )  # fmt: skip
        obj.pk, obj.prefix = made.pk, made.prefix
        obj._state.adding = False

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """The only page that ever shows the secret."""
        return self._show_secret(request, obj, request.new_secret)

    def _show_secret(self, request: HttpRequest, key: ApiKey, secret: str) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": _("Copy the secret now"), "opts": self.opts, "key": key, "secret": secret, "back": self.page_of(key),
        }  # fmt: skip
        answer = TemplateResponse(request, "admin/desk/secret.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @display(description=_("state"))
    def shown_state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return badge(_("revoked"), "bad")
        if key.expires_at and key.expires_at <= timezone.now():
            return badge(_("expired"), "warn")
        return badge(_("works"), "good")

    @display(description=_("valid until"))
    def shown_end(self, key: ApiKey) -> str:
        return day(key.expires_at) if key.expires_at else str(_("revoked"))

    @display(description=pgettext_lazy("what a key is allowed", "may"))
    def shown_scopes(self, key: ApiKey) -> str:
        return "; ".join(str(keys.SCOPES.get(scope, scope)) for scope in key.scopes)

    @deed(
        title=_("Give a new secret"),
        question=_(
            "The key gets a new secret, shown once on the next page. The old one keeps working for one day, so that the shop can change over."
        ),
        button=_("Make a new secret"),
        permission="pos.change_apikey",
        icon="sync_lock",
        fits=lambda key: key.revoked_at is None,
    )
    def new_secret(self, request: HttpRequest, record: ApiKey) -> HttpResponse:
        key, secret = keys.rotate(record, at=timezone.now(), actor=actor_of(request))
        self.log_change(request, key, str(_("Gave the key a new secret.")))
        messages.success(request, _("The key has a new secret."))
        return self._show_secret(request, key, secret)

    @deed(
        title=_("Revoke the key"),
        question=_("Whoever calls with this key is refused from this moment on. This cannot be undone."),
        button=_("Revoke it"),
        permission="pos.change_apikey",
        icon="key_off",
        fits=lambda key: key.revoked_at is None,
        danger=True,
    )
    def revoke(self, request: HttpRequest, record: ApiKey) -> str:
        keys.revoke(record, at=timezone.now(), actor=actor_of(request))
        return _("The key %(name)s is revoked.") % {"name": record.name}

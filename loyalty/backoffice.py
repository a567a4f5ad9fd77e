"""The desk: the admin site, and the ModelAdmin bases that every admin of the project builds on.

`DeskAdmin` is for settings that staff edit, `BookAdmin` for what only verbs write. Both page without counting whole
tables, search by indexed prefixes, and show a refusal as a sentence.
"""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.views import ChangeList

from loyalty.common.errors import Refusal
from loyalty.desk import exporting, programs, stamps
from loyalty.desk.paging import CappedPaginator
from loyalty.desk.site import Desk

__all__ = ["BookAdmin", "Desk", "DeskAdmin", "actor_of", "explain", "why"]
EXPORT = "loyalty.export_lists"


class DeskList(ChangeList):
    """One page of a list, completed in one go, called by what it lists and not "Select reward to change"."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.title = capfirst(self.opts.verbose_name_plural)

    def get_results(self, request: HttpRequest) -> None:
        """The rows of the page, with what their columns need."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        self.model_admin.complete(self.result_list)


class DeskAdmin(ModelAdmin):
    """The base of every ModelAdmin."""

    form = stamps.StampedForm
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_filter_submit = True
    list_fullwidth = True
    compressed_fields = True
    warn_unsaved_form = True
    change_form_before_template = "admin/desk/stamp.html"
    change_form_outer_before_template = "admin/desk/before.html"
    change_form_outer_after_template = "admin/desk/after.html"
    sortable_by = ()
    # Columns of the CSV file, (title, what to read); empty: this list cannot be exported.
    export_columns: tuple[tuple[Any, Any], ...] = ()
    # Whether the desk's command search looks here.
    in_command_search = False
    command_icon = "search"
    # What to say instead of deleting a row that others point at.
    keep_instead = _("Switch it off instead of deleting it.")
    # Columns that no field of the form is called by, and that `save_model` decides.
    also_saved: tuple[str, ...] = ()
    # The deeds a page is opened for: the first that fits stands in the page on a phone too, where the others are in a menu.
    main_deeds: tuple[str, ...] = ()
    # A sentence for the empty list.
    empty_words: Any = ""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deleting in bulk: what has history stays, and what has none goes one by one."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    # --- lists ------------------------------------------------------------------------------------------------------
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list whose rows `complete` may fill."""
        return DeskList

    def complete(self, rows: list[Any]) -> None:
        """Fetch for all rows of a page at once what a column shows (set-based, never per row)."""

    # --- search -----------------------------------------------------------------------------------------------------
    def found_by(self, term: str) -> models.Q | None:
        """The condition a search term means here; None: Django's own search over `search_fields`."""
        return None

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        """Search by indexed prefixes where the admin says which."""
        term = search_term.strip()
        found = self.found_by(term) if term else None
        if found is None:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(found), False

    # --- the page of one record -------------------------------------------------------------------------------------
    def page_context(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        """What a record's page shows besides its form: `stats`, `panels_before`, `panels` (loyalty.desk.panels)."""
        return {}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of a record, with its figures and tables when it is looked at (not when it is saved)."""
        context = dict(extra_context or {})
        if request.method == "GET":
            record = self.get_object(request, unquote(object_id))
            if record is not None and self.has_view_or_change_permission(request, record):
                context |= {"main_deed": self._main_deed(request, object_id)} | self.page_context(request, record)
        return super().change_view(request, object_id, form_url, context)

    def _main_deed(self, request: HttpRequest, object_id: str) -> dict[str, Any] | None:
        """The title and address of the first of `main_deeds` this person may do now."""
        offered = self.get_actions_detail(request, object_id) if self.main_deeds else []
        by_name = {a.method.__name__: a for a in offered}
        for name in self.main_deeds:
            if name in by_name:
                deed = by_name[name]
                return {
                    "title": deed.description,
                    "url": reverse(f"admin:{deed.action_name}", args=[unquote(object_id)]),
                }
        return None

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What is added belongs to the program being looked at, unless said otherwise."""
        return {"program": programs.chosen(request)} | super().get_changeform_initial_data(request)

    # --- saving -----------------------------------------------------------------------------------------------------
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A verb's refusal becomes a message on the same page; nothing was saved."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        except IntegrityError:
            messages.error(
                request,
                _(
                    "Somebody else saved the same thing at this very moment, so nothing was saved. Look at the list, then try again."
                ),
            )
        return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write the edited columns only, so that counters that moved meanwhile keep their value."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        columns = {field.name for field in obj._meta.concrete_fields if not field.primary_key}
        edited = [name for name in (*form.changed_data, *self.also_saved) if name in columns]
        if edited:
            obj.save(update_fields=edited)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What others point at is not deleted: say so, and what to do instead."""
        record = self.get_object(request, object_id)
        if record is not None and self.has_delete_permission(request, record) and has_history(record):
            messages.warning(
                request,
                _("%(record)s has history and cannot be deleted. %(instead)s")
                % {"record": record, "instead": self.keep_instead},
            )
            return HttpResponseRedirect(self.page_of(record))
        return super().delete_view(request, object_id, extra_context)

    # --- export -----------------------------------------------------------------------------------------------------
    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        """The export button shows where there is something to export and somebody who may."""
        offered = super().get_actions_list(request)
        if self.export_columns and request.user.has_perm(EXPORT):
            return offered
        return [a for a in offered if not a.action_name.endswith("_export_list")]

    def get_object(self, request: HttpRequest, object_id: Any, from_field: str | None = None) -> Any:
        """The record; while a page is shown it is asked for several times and read once."""
        if request.method != "GET":
            return super().get_object(request, object_id, from_field)
        shown = request.__dict__.setdefault("_records_shown", {})
        key = (self.opts.label, str(object_id), from_field)
        if key not in shown:
            shown[key] = super().get_object(request, object_id, from_field)
        return shown[key]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only the deeds this person may do, and that fit the record."""
        offered = [a for a in super().get_actions_detail(request, object_id) if self._may(request, a.method)]
        if not any(getattr(a.method, "fits", None) for a in offered):
            return offered
        record = self.get_object(request, unquote(str(object_id)))
        return [a for a in offered if not getattr(a.method, "fits", None) or (record and a.method.fits(record))]

    def _may(self, request: HttpRequest, deed: Any) -> bool:
        return not hasattr(deed, "needs") or request.user.has_perm(deed.needs)

    @action(description=_("Export as CSV"), url_path="export-csv", icon="download")
    def export_list(self, request: HttpRequest) -> HttpResponse:
        """The list as it is filtered and searched, as a CSV file."""
        if not self.export_columns or not request.user.has_perm(EXPORT) or not self.has_view_permission(request):
            raise PermissionDenied
        shown = self.get_changelist_instance(request)
        self.log_export(request)
        return exporting.stream(self.opts.model_name, list(self.export_columns), shown.get_queryset(request))

    def log_export(self, request: HttpRequest) -> None:
        """Who took which list out is in the audit log."""
        told = _("Exported the list %(list)s.") % {"list": self.opts.verbose_name_plural}
        admin.models.LogEntry.objects.create(
            user_id=request.user.pk, content_type_id=content_type(self.model).pk, object_repr=str(self.opts.verbose_name_plural)[:200], action_flag=CHANGE, change_message=str(told),
        )  # fmt: skip

    # --- addresses --------------------------------------------------------------------------------------------------
    def page_of(self, record: Any) -> str:
        """The address of a record's page."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[record.pk])


class BookAdmin(DeskAdmin):
    """Read-only: rows that only verbs write."""

    actions = None
    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def content_type(model: type[models.Model]) -> Any:
    """The content type of a model (cached by Django)."""
    from django.contrib.contenttypes.models import ContentType

    return ContentType.objects.get_for_model(model)


def has_history(record: models.Model) -> bool:
    """Whether any row that must not be lost points at this one."""
    for relation in record._meta.related_objects:
        if relation.on_delete is models.PROTECT:
            related = relation.related_model._default_manager.filter(**{relation.field.name: record.pk})
            if related.exists():
                return True
    return False


def actor_of(request: HttpRequest) -> str:
    """How the books call the person behind this request."""
    return f"staff:{request.user.pk}"


def why(entry: Any) -> str:
    """Why an entry of the ledger is there, in words."""
    said = explain(entry.explanation) or entry.reason
    return said or (str(_("Ran out unused.")) if entry.kind == "expiry" else entry.reference)


def explain(explanation: dict[str, Any]) -> str:
    """The stored explanation of an entry as a sentence; the floor that knows how is named in the settings."""
    return import_string(settings.SETIA_EXPLAIN)(explanation) if explanation else ""

"""Codes of partners on the desk: their pools, the files they come in, and what a file would bring before it is taken in."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.desk import people
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, Stat, badge, link, moment
from rewards import pools
from rewards.forms import CodePoolForm, PoolFileForm
from rewards.models import CodePool, PoolImport

MAY_IMPORT = "rewards.change_codepool"


@admin.register(CodePool)
class CodePoolAdmin(DeskAdmin):
    """Pools of partners' codes."""

    form = CodePoolForm
    list_display = ["name", "partner", "shown_free"]
    search_fields = ["name"]
    fieldsets = [(None, {"fields": ["name", ("partner", "low_at"), "program"]})]
    actions_detail = ["bring_in"]
    keep_instead = _("Take it out of the reward instead.")
    empty_words = _("A pool holds the codes a partner gave you; each is given out once.")

    def get_urls(self) -> list[Any]:
        """The page where a file is chosen."""
        upload = path("<path:object_id>/file/", self.admin_site.admin_view(self.upload), name="rewards_codepool_file")
        return [upload, *super().get_urls()]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["program"] if obj else []

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term)

    def complete(self, rows: list[CodePool]) -> None:
        free = pools.left(row.pk for row in rows)
        for row in rows:
            row.free = free.get(row.pk, 0)

    @display(description=_("left"))
    def shown_free(self, pool: Any) -> str:
        return badge(show_points(pool.free), "warn") if pool.free < pool.low_at else show_points(pool.free)

    @action(description=_("Import codes"), url_path="bring-in", icon="upload_file")
    def bring_in(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:rewards_codepool_file", args=[object_id]))

    bring_in.needs = MAY_IMPORT

    def upload(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Choose a file; the next page tells what it would bring."""
        pool = self.get_object(request, object_id)
        if pool is None:
            raise Http404
        if not request.user.has_perm(MAY_IMPORT):
            raise PermissionDenied
        form = PoolFileForm(request.POST or None, request.FILES or None)
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                looked = pools.look_through(
                    pool,
                    file.read(pools.MOST_BYTES + 1),
                    file_name=file.name,
                    at=timezone.now(),
                    actor=actor_of(request),
                )
            except Refusal as refusal:
                messages.error(request, str(refusal))
            else:
                return HttpResponseRedirect(reverse("admin:rewards_poolimport_change", args=[looked.pk]))
        told = {"title": _("Import codes"), "form": form, "record": pool, "back": self.page_of(pool), "opts": self.opts}
        return TemplateResponse(request, "admin/desk/pool_file.html", self.admin_site.each_context(request) | told)

    def page_context(self, request: HttpRequest, record: CodePool) -> dict[str, Any]:
        free, given = pools.left([record.pk]).get(record.pk, 0), record.codes.filter(redemption__isnull=False).count()
        rows = [
            (link(reverse("admin:rewards_poolimport_change", args=[one.pk]), moment(one.looked_at)), one.file_name, one.report.get("taken_in", "–"))
            for one in record.imports.order_by("-id")[:10]
        ]  # fmt: skip
        tone = "bad" if free < record.low_at else ""
        return {
            "stats": [
                Stat(_("Left"), show_points(free), _("Codes that can still be given out."), tone=tone),
                Stat(_("Given out"), show_points(given), _("Codes that members have seen; none is given out again.")),
            ],
            "panels": [Panel(_("Files"), [_("When"), _("File"), _("Codes taken in")], rows, _("No file yet."), numeric=frozenset({2}))],
        }  # fmt: skip


@admin.register(PoolImport)
class PoolImportAdmin(BookAdmin):
    """One file of codes: what it would bring, or brought."""

    list_display = ["file_name", "pool", "looked_at", "taken_in_at"]
    list_select_related = ["pool"]
    actions_detail = ["take_in"]
    main_deeds = ("take_in",)
    fieldsets = [(None, {"fields": [("pool", "file_name"), ("looked_at", "shown_looker"), ("taken_in_at", "shown_taker")]})]  # fmt: skip
    readonly_fields = ["shown_looker", "shown_taker"]
    empty_words = _("Files of codes come in on the page of their pool.")

    @display(description=_("looked through by"))
    def shown_looker(self, looked: PoolImport) -> str:
        return people.name(looked.looked_by)

    @display(description=_("taken in by"))
    def shown_taker(self, looked: PoolImport) -> str:
        return people.name(looked.taken_in_by) if looked.taken_in_by else "–"

    def page_context(self, request: HttpRequest, record: PoolImport) -> dict[str, Any]:
        told = record.report
        doubts = [
            (_("Twice in the file"), told["twice"], told["twice_lines"]),
            (_("In the pool already"), told["known"], told["known_lines"]),
            (
                _("A number: zeros in front are lost (format the column as text and type the codes again)"),
                told.get("numbers", 0),
                told.get("number_lines", []),
            ),
            (_("No code (4 to 100 signs, no blanks)"), told["bad"], told["bad_lines"]),
        ]
        rows = [(words, show_points(count), ", ".join(map(str, lines))) for words, count, lines in doubts if count]
        taken = told.get("taken_in")
        return {
            "stats": [
                Stat(_("Lines"), show_points(told["lines"]), _("Lines of the file, without its heading.")),
                Stat(_("New"), show_points(told["new"]), _("Codes that the pool does not have yet.")),
                *([Stat(_("Taken in"), show_points(taken), _("Codes now in the pool."))] if taken is not None else []),
            ],
            "panels": [Panel(_("Left out"), [_("Why"), _("Lines"), _("Which (the first 20)")], rows, _("Every line is a new code."), numeric=frozenset({1}))],
        }  # fmt: skip

    @deed(
        title=_("Take the codes in"),
        question=_("The new codes go into the pool and can be given out at once."),
        button=_("Take them in"),
        permission=MAY_IMPORT,
        icon="done_all",
        fits=lambda looked: bool(looked.sealed),
    )
    def take_in(self, request: HttpRequest, record: PoolImport) -> str:
        done = pools.take_in(record, at=timezone.now(), actor=actor_of(request))
        return _("%(count)s codes are in the pool.") % {"count": show_points(done.report["taken_in"])}

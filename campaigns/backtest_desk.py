"""Back-tests on the desk: asked for from a campaign or a rule, with a page of their own (DOMAIN 10.5)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldBooleanSwitchWidget

from campaigns import backtest, backtest_page
from campaigns.models import BackTest, Rule
from campaigns.rule_fields import factor_field, plain, points_field
from campaigns.scoped import ProgramScoped
from loyalty.backoffice import EXPORT, BookAdmin, actor_of
from loyalty.common.money import show_points
from loyalty.desk import exporting, people
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Stat, badge, day, moment

Status = BackTest.Status
LOOKS_AGAIN_AFTER = 5  # seconds
TONES = {Status.WAITING: "info", Status.RUNNING: "info", Status.DONE: "good", Status.STOPPED: "warn", Status.FAILED: "bad"}  # fmt: skip


class BackTestForm(forms.Form):
    """What to try: another number for the award, or the rule left out; over how many months."""

    months = forms.IntegerField(
        label=_("Months of real purchases"),
        min_value=1,
        max_value=backtest.MOST_MONTHS,
        initial=12,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("The purchases of so many months until now."),
    )
    factor = factor_field(help_text=_("Empty: as its newest terms say. Only for a rule that multiplies."))
    points = points_field(help_text=_("Empty: as its newest terms say. Only for a rule that gives points."))
    all_the_time = forms.BooleanField(
        label=_("As if it had counted all the time"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_(
            "Otherwise on the days of its campaign; what has not begun is moved back by years of 52 weeks, and what runs for a year or longer counts all the time."
        ),
    )
    leave_out = forms.BooleanField(
        label=_("Without it"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("What the same months would have come to if it had not been."),
    )
    with_drafts = forms.BooleanField(
        label=_("With all other drafts"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=_("Every other campaign that is still a draft counts too, as its newest terms say."),
    )


def trial_of(told: dict[str, Any]) -> backtest.Trial:
    """The values of the form as the verb takes them."""
    return backtest.Trial(
        months=told["months"],
        factor=plain(told["factor"]) if told["factor"] else "",
        points=plain(told["points"]) if told["points"] else "",
        all_the_time=told["all_the_time"],
        leave_out=told["leave_out"],
        with_drafts=told["with_drafts"],
    )


class AsksBackTests:
    """What the pages of campaigns and of rules offer: “What would this have cost?”."""

    def rule_tried(self, record: Any) -> Rule | None:
        """The rule of the page."""
        return record if isinstance(record, Rule) else record.rules.select_related("program", "campaign").first()

    @deed(
        title=_("What would this have cost?"),
        question=_(
            "The purchases of the past are replayed with this, beside the live rules. Nothing is posted and nobody is told."
        ),
        button=_("Try it on the past"),
        permission="campaigns.add_backtest",
        icon="history",
        form=BackTestForm,
    )
    def try_on_past(self, request: HttpRequest, record: Any, values: dict[str, Any]) -> HttpResponse:
        rule, at = self.rule_tried(record), timezone.now()
        if rule is None:
            raise backtest.BackTestRefused(
                str(_("This campaign says nothing yet. Write its terms and save them first."))
            )
        made = backtest.ask(rule, trial_of(values), at=at, actor=actor_of(request))
        backtest.run_small(made, at=at)
        return HttpResponseRedirect(reverse("admin:campaigns_backtest_change", args=[made.pk]))


@admin.register(BackTest)
class BackTestAdmin(BookAdmin, ProgramScoped):
    """Every back-test with what came out."""

    list_display = ["title", "shown_status", "shown_period", "shown_points", "asked_at", "shown_asker"]
    list_filter = ["status"]
    list_select_related = ["program"]
    search_fields = ["title"]
    fields = ["title", "shown_terms", "shown_period", "shown_digest"]
    readonly_fields = ["shown_terms", "shown_period", "shown_digest"]
    actions_detail = ["stop", "run_again"]
    empty_words = _("Open a campaign or a rule and choose “What would this have cost?” to try it on real purchases.")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("program", "rule", "campaign")

    def get_urls(self) -> list[URLPattern]:
        """The figures as a file."""
        file = path("<int:pk>/csv/", self.admin_site.admin_view(self.file), name="campaigns_backtest_csv")
        return [file, *super().get_urls()]

    def file(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """The figures as CSV."""
        if not self.has_view_permission(request) or not request.user.has_perm(EXPORT):
            raise PermissionDenied
        test = self.get_object(request, str(pk))
        if test is None:
            raise Http404
        self.log_export(request)
        headers = [_("What"), _("Of"), _("Live"), _("Tried"), _("Difference")]
        return exporting.stream_rows(f"back-test-{test.pk}", headers, backtest_page.rows(test))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page of one that still runs looks again by itself."""
        answer = super().change_view(request, object_id, *args, **kwargs)
        if (getattr(answer, "context_data", None) or {}).get("is_open"):
            answer["Refresh"] = str(LOOKS_AGAIN_AFTER)
        return answer

    def page_context(self, request: HttpRequest, record: BackTest) -> dict[str, Any]:
        told = backtest_page.page(record)
        asker = people.names([record.asked_by])[record.asked_by]
        first = [
            Stat(_("State"), self.shown_status(record), "", record.error or moment(record.ended_at or record.asked_at)),
            Stat(_("Purchases"), f"{show_points(record.done)} / {show_points(record.found)}", _("Replayed so far, of all in these months."), asker),
        ]  # fmt: skip
        may_export = bool(told.get("charts")) and request.user.has_perm(EXPORT)
        return told | {
            "stats": [*first, *told["stats"]],
            "may_export": may_export,
            "is_open": record.status in backtest.OPEN,
            "share_done": 100 * record.done // record.found if record.found else 0,
            "after_include": "admin/campaigns/backtest.html",
        }

    @deed(
        title=_("Stop"),
        question=_("It ends after its present batch. You can run it again later."),
        button=_("Stop it"),
        permission="campaigns.add_backtest",
        icon="stop_circle",
        fits=lambda test: test.status in backtest.OPEN,
    )
    def stop(self, request: HttpRequest, record: BackTest) -> str:
        backtest.stop(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The back-test was stopped."))

    @deed(
        title=_("Run again"),
        question=_("The same purchases are replayed once more from the first one."),
        button=_("Run it again"),
        permission="campaigns.add_backtest",
        icon="replay",
        fits=lambda test: test.status in (Status.STOPPED, Status.FAILED),
    )
    def run_again(self, request: HttpRequest, record: BackTest) -> str:
        backtest.again(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The back-test runs again."))

    @display(description=_("state"))
    def shown_status(self, test: BackTest) -> str:
        return badge(test.get_status_display(), TONES[Status(test.status)])

    @display(description=_("purchases of"))
    def shown_period(self, test: BackTest) -> str:
        return f"{day(test.since)} – {day(test.until)}"

    @display(description=_("points more or fewer"))
    def shown_points(self, test: BackTest) -> str:
        if not test.figures:
            return "–"
        points = test.figures["tried"]["points"] - test.figures["live"]["points"]
        return ("+" if points > 0 else "") + show_points(points)

    @display(description=_("asked by"))
    def shown_asker(self, test: BackTest) -> str:
        return people.names([test.asked_by])[test.asked_by]

    @display(description=_("what is another"))
    def shown_terms(self, test: BackTest) -> str:
        return backtest_page.change_in_words(test)

    @display(description=_("rules, as a digest"))
    def shown_digest(self, test: BackTest) -> str:
        return f"{test.digest[:16]}…"

"""The figures on the desk: all of them beside the period before, each with a page of its own, and as files."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns.figures import page, telling
from campaigns.figures.catalogue import FIGURES, GROUPS, Reading
from campaigns.figures.periods import Period, PeriodRefused, between, periods
from loyalty.backoffice import EXPORT
from loyalty.common.errors import Refusal
from loyalty.desk import exporting, programs
from loyalty.ledger.span import counted

SEE = "loyalty.see_figures"
FRESH_SECONDS = 60
HEADERS = ["name", "title", "unit", "value", "low", "high", "before", "definition"]
# What is drawn on the page of all figures, beside the tiles.
PICTURES = ("points_by_month", "reward_popularity", "purchases_by_week", "members_by_tier")


class ShowsFigures:
    """The pages of the figures, at the desk of campaigns."""

    admin_site: Any
    opts: Any
    log_export: Any

    def get_urls(self) -> list[URLPattern]:
        """All figures, one figure, and both as CSV."""
        wrap = self.admin_site.admin_view
        own = [
            path("figures/", wrap(self.figures), name="campaigns_figures"),
            path("figures/all.csv", wrap(self.figures_file), name="campaigns_figures_csv"),
            path("figures/<slug:name>/", wrap(self.figure), name="campaigns_figure"),
            path("figures/<slug:name>.csv", wrap(self.figure_file), name="campaigns_figure_csv"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def figures(self, request: HttpRequest) -> HttpResponse:
        """Every number of a period, with charts of what changes by month."""
        asked, wrong = self._asked(request)
        if asked is None:
            return self._page(request, {"title": _("Figures"), "empty": True})
        query = chosen_query(request)
        shown = _fresh(request, asked, "all", lambda: _everything(asked, query))
        return self._page(request, {"title": _("Figures"), **shown}, asked, wrong)

    def figure(self, request: HttpRequest, name: str) -> HttpResponse:
        """One figure: what it counts, its chart, and the chart's numbers."""
        known = FIGURES.get(name)
        asked, wrong = self._asked(request)
        if known is None or asked is None:
            raise Http404
        shown = _fresh(request, asked, name, lambda: _single(known, asked))
        context = {"title": known.title, "figure": known, **shown}
        return self._page(request, context, asked, wrong)

    def figures_file(self, request: HttpRequest) -> StreamingHttpResponse:
        """Every number as CSV."""
        asked = self._to_export(request)
        return exporting.stream_rows(
            f"figures-{asked.program.slug}-{asked.period.first}-{asked.period.last}",
            HEADERS,
            telling.lines(telling.tell(asked, telling.numbers())),
        )

    def figure_file(self, request: HttpRequest, name: str) -> StreamingHttpResponse:
        """One figure as CSV: its table, or month by month."""
        if name not in FIGURES:
            raise Http404
        asked, known = self._to_export(request), FIGURES[name]
        headers = [column.name for column in telling.columns(known)]
        file = f"{name}-{asked.program.slug}-{asked.period.first}-{asked.period.last}"
        return exporting.stream_rows(file, headers, telling.rows(known, asked))

    def _to_export(self, request: HttpRequest) -> Reading:
        asked, _wrong = self._asked(request)
        if not request.user.has_perm(EXPORT):
            raise PermissionDenied
        if asked is None:
            raise Http404
        self.log_export(request)
        return asked

    def _asked(self, request: HttpRequest) -> tuple[Reading | None, str]:
        """What is looked at, and what was wrong with the days that were typed. None without a wallet."""
        if not request.user.has_perm(SEE):
            raise PermissionDenied
        program = programs.chosen(request)
        wallets = list(counted(program.wallets.order_by("-is_main", "pk"))) if program else []
        if program is None or not wallets:
            return None, ""
        wallet = next((one for one in wallets if one.slug == request.GET.get("wallet")), wallets[0])
        wallet.program = program
        at = timezone.now()
        period, wrong = period_of(request, program, at)
        return Reading(program, wallet, period, at), wrong

    def _page(
        self, request: HttpRequest, shown: dict[str, Any], asked: Reading | None = None, wrong: str = ""
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"wrong": wrong} | shown
        if asked is not None:
            context |= {
                "asked": asked,
                "periods": list(periods(asked.program, at=asked.at).values()),
                "wallets": list(asked.program.wallets.order_by("-is_main", "pk")),
                "query": chosen_query(request),
                "may_export": request.user.has_perm(EXPORT),
            }
        return TemplateResponse(request, "admin/campaigns/figures.html", context)


def period_of(request: HttpRequest, program: Any, at: Any) -> tuple[Period, str]:
    """The period that was chosen by name or by its days; this month where neither is in order, and why."""
    offered = periods(program, at=at)
    first, last = request.GET.get("since", ""), request.GET.get("until", "")
    if not first and not last:
        return offered.get(request.GET.get("period", ""), offered["month"]), ""
    try:
        return between(program, _day(first), _day(last), at=at), ""
    except Refusal as refusal:
        return offered["month"], str(refusal)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise PeriodRefused(_("Choose the first and the last day.")) from None


def chosen_query(request: HttpRequest) -> str:
    """The same choice for another address."""
    kept = {name: request.GET[name] for name in ("period", "since", "until", "wallet") if request.GET.get(name)}
    return f"?{urlencode(kept)}" if kept else ""


def _fresh(request: HttpRequest, asked: Reading, name: str, make: Any) -> dict[str, Any]:
    """At most a minute old, by program, wallet, period and language."""
    period = f"{asked.period.name}:{asked.period.first}:{asked.period.after}"
    key = f"figures:1:{asked.program.pk}:{asked.wallet.pk}:{period}:{name}:{get_language()}"
    found: Any = cache.get_or_set(key, make, FRESH_SECONDS)
    return dict(found)


def _everything(asked: Reading, query: str) -> dict[str, Any]:
    told = {one.figure.name: one for one in telling.tell(asked, telling.numbers())}
    return {
        "groups": [
            (title, [page.tile(told[one.name], asked, query) for one in page.figures_of(group)])
            for group, title in GROUPS.items()
        ],
        "charts": [page.chart(FIGURES[name], asked) | {"name": name} for name in PICTURES],
        "tables": [page.panel(FIGURES[name], asked) for name in ("campaigns", "retention")],
    }


def _single(known: Any, asked: Reading) -> dict[str, Any]:
    told = telling.tell(asked, [known]) if known.unit else []
    table = page.panel(known, asked, has_note=False)
    return {
        "stats": [page.tile(one, asked) for one in told],
        "charts": [page.chart(known, asked)],
        "tables": [table] if table else [],
        "opens_table": table is None,
    }

"""Finance at the desk: a month of a wallet, its tables as files, revenue, and signing a month off (the ledger's admin)."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from loyalty.backoffice import EXPORT, BookAdmin, actor_of
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.common.typed import month as typed_month
from loyalty.desk import exporting, people, programs
from loyalty.ledger import closing, finance, journal, month_page, signing_page
from loyalty.ledger.models import PeriodClose, Wallet
from loyalty.ledger.span import counted


@admin.register(PeriodClose)
class PeriodCloseAdmin(BookAdmin):
    """Signed months, and the pages of finance around them."""

    list_display = ["shown_month", "wallet", "shown_closing", "shown_signer", "closed_at"]
    list_select_related = ["wallet__program"]
    fields = ["shown_month", "wallet", "shown_closing", "shown_signer", "closed_at", "seal"]
    readonly_fields = ["shown_month", "shown_closing", "shown_signer"]
    empty_words = _("No month was signed yet. Months are signed on the finance page, in order, once they are over.")

    def get_urls(self) -> list[Any]:
        """The pages of finance."""
        wrap = self.admin_site.admin_view
        return [
            path("finance/", wrap(self.month), name="ledger_finance"),
            path("finance/file/<slug:name>.csv", wrap(self.file), name="ledger_finance_file"),
            path("finance/revenue/", wrap(self.revenue), name="ledger_revenue"),
            path("finance/sign/", wrap(require_POST(self.sign)), name="ledger_sign_month"),
            *super().get_urls(),
        ]

    def month(self, request: HttpRequest) -> HttpResponse:
        """One month: roll-forward, ageing, what ends when, breakage, and what is checked before it is signed."""
        wallet, month, at = self._asked(request)
        if wallet is None:
            return self._page(request, "finance_empty.html", {"title": _("Figures and month end")})
        told = month_page.read(wallet, month, at=at)
        files = _Files(wallet, month, may_export=request.user.has_perm(EXPORT))
        return self._page(
            request,
            "finance.html",
            {
                "title": _("Figures and month end"),
                "told": told,
                "chooser": _chooser(request, wallet, month, at),
                "stats": month_page.stats(told),
                "tables": month_page.panels(told, files),
                "chart": month_page.ends_chart(told, files("ends")),
                "closes": month_page.closes_panel(wallet),
                "review": signing_page.review(wallet, month, told.close, at=at),
                "signer": people.name(told.close.closed_by) if told.close else "",
                "may_sign": request.user.has_perm("ledger.add_periodclose"),
                "may_export": request.user.has_perm(EXPORT),
                "query": files.query,
                "month_name": month_page.name_of(month),
            },
        )

    def file(self, request: HttpRequest, name: str) -> HttpResponse:
        """The journal of the month or one of its tables as CSV, row by row."""
        wallet, month, at = self._asked(request)
        if not request.user.has_perm(EXPORT):
            raise PermissionDenied
        if wallet is None:
            raise Http404
        headers: Iterable[str] = journal.HEADER
        rows: Iterable[Iterable[Any]]
        if name == "journal":
            since, until = finance.month_bounds(month, wallet.program.time_zone)
            rows = journal.rows(wallet, since=since, until=until)
        else:
            try:
                headers, rows = month_page.table(name, month_page.read(wallet, month, at=at))
            except KeyError:
                raise Http404 from None
        self.log_export(request)
        answer = StreamingHttpResponse(exporting.lines(headers, rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{name}-{wallet.slug}-{month:%Y-%m}.csv"'
        return answer

    def revenue(self, request: HttpRequest) -> HttpResponse:
        """Revenue from points: the rule, the worked example, and the program's own figures."""
        wallet, _month, at = self._asked(request)
        if wallet is None:
            return self._page(request, "finance_empty.html", {"title": _("Revenue from points")})
        amounts = {name: _amount(request.GET.get(name, "")) for name in ("allocated", "recognised")}
        told = signing_page.revenue_page(wallet, at=at, **amounts)
        return self._page(request, "revenue.html", {"title": _("Revenue from points"), "wallet": wallet, **told})

    def sign(self, request: HttpRequest) -> HttpResponse:
        """Sign a month off."""
        if not request.user.has_perm("ledger.add_periodclose"):
            raise PermissionDenied
        wallet, month, at = self._asked(request, request.POST)
        if wallet is None:
            raise Http404
        shown = {"month": month_page.name_of(month)}
        try:
            close = closing.close_month(wallet, month, at=at, actor=actor_of(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            said = _("%(month)s is signed: its figures are kept, and it takes no more entries.") % shown
            self.log_change(request, close, str(said))
            messages.success(request, said)
        asked = urlencode({"wallet": wallet.pk, "month": f"{month:%Y-%m}"})
        return HttpResponseRedirect(f"{reverse('admin:ledger_finance')}?{asked}")

    def _asked(self, request: HttpRequest, told: Any = None) -> tuple[Wallet | None, date, Any]:
        """The wallet and the month that are asked for, else the main wallet and the month that runs; and the clock."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        told, at = told or request.GET, timezone.now()
        wallets = counted(Wallet.objects.select_related("program").filter(program=programs.chosen(request)))
        number = told.get("wallet", "")
        known = wallets.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 19 else None
        wallet = known or wallets.order_by("-is_main", "pk").first()
        this = month_page.this_month(wallet, at=at) if wallet else at.date().replace(day=1)
        try:
            wanted = typed_month(told.get("month", ""))
        except Refusal:
            wanted = this
        return wallet, min(wanted, this) if wanted.year >= 1990 else this, at

    def _page(self, request: HttpRequest, template: str, told: dict[str, Any]) -> HttpResponse:
        context = self.admin_site.each_context(request) | told
        return TemplateResponse(request, f"admin/desk/{template}", context)

    @display(description=_("month"))
    def shown_month(self, close: PeriodClose) -> str:
        return month_page.name_of(close.month)

    @display(description=_("closing"))
    def shown_closing(self, close: PeriodClose) -> str:
        return show_points(close.figures["closing"], close.wallet.decimals)

    def complete(self, rows: list[PeriodClose]) -> None:
        """The names of all who signed, at once."""
        known = people.names(close.closed_by for close in rows)
        for close in rows:
            close.signer_shown = known[close.closed_by]

    @display(description=_("signed by"))
    def shown_signer(self, close: PeriodClose) -> str:
        return getattr(close, "signer_shown", None) or people.name(close.closed_by)


class _Files:
    """Where the tables of a month can be taken out, by name; nowhere without the right to."""

    def __init__(self, wallet: Wallet, month: date, *, may_export: bool) -> None:
        self.query = urlencode({"wallet": wallet.pk, "month": f"{month:%Y-%m}"})
        self.may_export = may_export

    def __call__(self, name: str) -> dict[str, Any]:
        if not self.may_export:
            return {}
        address = reverse("admin:ledger_finance_file", args=[name])
        return {"more": f"{address}?{self.query}", "more_words": _("As CSV")}


def _chooser(request: HttpRequest, wallet: Wallet, month: date, at: Any) -> dict[str, Any]:
    """The wallets and months to choose from."""
    wallets = Wallet.objects.filter(program=wallet.program).order_by("-is_main", "pk")
    offered = month_page.months(wallet, at=at)
    months = offered if month in offered else [*offered, month]
    return {
        "wallets": [(one.pk, one.name_of(0), one.pk == wallet.pk) for one in wallets],
        "months": [(f"{one:%Y-%m}", month_page.name_of(one), one == month) for one in months],
    }


def _amount(typed: str) -> Decimal | None:
    """An amount as somebody typed it; None when it is none."""
    try:
        amount = Decimal(typed.strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < Decimal(10) ** 15 else None

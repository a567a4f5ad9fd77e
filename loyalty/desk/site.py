"""The admin site: its door, and the few pages that belong to no model."""

from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.sites import UnfoldAdminSite

from loyalty.desk import programs, second_factor
from loyalty.desk.sessions import MARK


class Desk(UnfoldAdminSite):
    """Setia's admin site: staff only, with a second factor, superusers too."""

    index_title = _("Dashboard")
    final_catch_all_view = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff whose session proved a second factor."""
        return super().has_permission(request) and second_factor.is_proven(request)

    def extra_urls(self) -> list[URLPattern]:
        """Own pages of the desk beside those of the models."""
        return [
            path("second-factor/", never_cache(self.second_factor), name="second_factor"),
            path("program/", self.admin_view(require_POST(self.choose_program)), name="choose_program"),
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Every page knows which program is looked at."""
        context = super().each_context(request)
        if context["has_permission"]:
            context |= {"desk_program": programs.chosen(request), "desk_programs": programs.choices(request)}
        return context

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Where somebody without access goes: to sign in, to the second factor, or to a page that says why not."""
        back = self._back(request)
        if self.has_permission(request):
            return HttpResponseRedirect(back)
        if not request.user.is_authenticated:
            return redirect_to_login(back, reverse(settings.LOGIN_URL))
        if not request.user.is_staff:
            context = {
                "title": _("This is the desk of the staff"),
                "site_title": settings.UNFOLD["SITE_TITLE"],
                "colors": self._get_colors("COLORS", request),
            }
            return TemplateResponse(request, "admin/desk/not_staff.html", context, status=403)
        return redirect_to_login(back, reverse("admin:second_factor"))

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """Leads staff without a proven second factor to set one up, or to confirm the one they have."""
        if self.has_permission(request) or not request.user.is_authenticated or not request.user.is_staff:
            return self.login(request)
        back = self._back(request)
        context = {
            "title": _("One more step"),
            "site_title": settings.UNFOLD["SITE_TITLE"],
            "colors": self._get_colors("COLORS", request),
            "is_set_up": second_factor.is_set_up(request.user),
            "back": back,
        }
        return TemplateResponse(request, "admin/desk/second_factor.html", context)

    @method_decorator(never_cache)
    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sign out through the one sign-out of the project."""
        if request.method == "POST":
            request.session.pop(MARK, None)
            logout(request)
        return HttpResponseRedirect(reverse(settings.LOGIN_URL))

    def choose_program(self, request: HttpRequest) -> HttpResponse:
        """Look at another program from now on."""
        programs.choose(request, request.POST.get("program", ""))
        return HttpResponseRedirect(self._back(request))

    def _back(self, request: HttpRequest) -> str:
        """Where to go on: the address asked for when it is ours, else the dashboard."""
        wanted = request.POST.get("next") or request.GET.get("next") or ""
        ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
        if not ours or wanted.startswith((reverse("admin:login"), reverse("admin:second_factor"))):
            return reverse("admin:index")
        return wanted

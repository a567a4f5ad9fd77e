"""What the desk's pages of campaigns and of standing rules share: the program looked at, and a rule's versions."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from campaigns.models import Rule, RuleVersion
from campaigns.naming import names_of
from campaigns.reading import definition_in_words
from loyalty.backoffice import DeskAdmin
from loyalty.desk import people, programs
from loyalty.desk.panels import Panel, moment

NEWEST_FIRST = Prefetch("versions", RuleVersion.objects.order_by("-number"))


def versions_panel(rule: Rule | None, names: dict[str, str]) -> Panel:
    """Every version a rule ever had, newest first."""
    currency = rule.program.currency if rule else ""
    versions = list(rule.versions.order_by("-number")[:50]) if rule else []
    known = people.names(v.created_by for v in versions)
    rows = [
        (
            v.number,
            definition_in_words(v.definition, currency=currency, tiers=names),
            moment(v.since),
            known[v.created_by],
        )
        for v in versions
    ]
    headers = [_("Version"), _("Terms"), _("Counts from"), _("By")]
    note = _("Points keep the version that made them; a change counts for what is earned afterwards.")
    return Panel(_("Versions"), headers, rows, _("No version yet."), note=note)


class ProgramScoped(DeskAdmin):
    """Lists what belongs to the program being looked at, so that dates are always in its clock."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(program=programs.chosen(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and programs.chosen(request) is not None

    def tier_names(self, request: HttpRequest) -> dict[str, str]:
        """Short name to name of the program's tiers, lowest first; asked once per request."""
        if not hasattr(request, "_tier_names"):
            program = programs.chosen(request)
            request._tier_names = {tier.slug: str(tier) for tier in program.tiers.order_by("rank")} if program else {}
        return request._tier_names

    def names(self, request: HttpRequest) -> dict[str, str]:
        """What the program's tiers and segments are called in words; asked once per request."""
        if not hasattr(request, "_rule_names"):
            request._rule_names = names_of(programs.chosen(request))
        return request._rule_names

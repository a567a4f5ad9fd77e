"""The figures of the days at the desk, to be read and taken out (the ledger's admin)."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from loyalty.backoffice import BookAdmin
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import day
from loyalty.ledger.models import DayFigures

POINTS = ("opening", "issued", "reinstated", "burned", "expired", "reversed", "adjusted", "closing")


@admin.register(DayFigures)
class DayFiguresAdmin(BookAdmin):
    """One line for each day and wallet."""

    list_display = ["shown_day", "wallet", "shown_opening", "shown_issued", "shown_burned", "shown_expired", "shown_other", "shown_closing", "shown_worth"]  # fmt: skip
    list_display_links = ["shown_day"]
    list_filter = [("day", RangeDateFilter)]
    list_select_related = ["wallet__program"]
    fields = ["day", "wallet", *POINTS, "worth", "earners", "spenders", "kept_at"]
    empty_words = _(
        "No day was kept yet. The nightly job “Keep the figures of the day” keeps each day once it is over."
    )

    @display(description=_("day"), ordering="day")
    def shown_day(self, row: DayFigures) -> str:
        return day(row.day)

    @display(description=_("opening"))
    def shown_opening(self, row: DayFigures) -> str:
        return _points(row, row.opening)

    @display(description=_("issued"), ordering="issued")
    def shown_issued(self, row: DayFigures) -> str:
        return _points(row, row.issued)

    @display(description=_("redeemed"), ordering="burned")
    def shown_burned(self, row: DayFigures) -> str:
        return _points(row, row.burned)

    @display(description=_("expired"), ordering="expired")
    def shown_expired(self, row: DayFigures) -> str:
        return _points(row, row.expired)

    @display(description=_("corrected"))
    def shown_other(self, row: DayFigures) -> str:
        return _points(row, row.reinstated + row.adjusted - row.reversed)

    @display(description=_("closing"), ordering="closing")
    def shown_closing(self, row: DayFigures) -> str:
        return _points(row, row.closing)

    @display(description=_("worth"))
    def shown_worth(self, row: DayFigures) -> str:
        return show_money(row.worth, row.wallet.program.currency)


def _points(row: DayFigures, points: int) -> str:
    return show_points(points, row.wallet.decimals)

"""Why a purchase earns what it earns, on its page of the desk: in words, and computed once more from what is stored (DOMAIN 3.5)."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import explanations
from campaigns.earning import recompute
from campaigns.frozen import explanations_of, reference_of
from loyalty.common.money import show_points
from loyalty.desk.panels import Panel, badge
from members.desk import more_purchase_panels
from members.models import Purchase


def why_panel(record: Purchase) -> list[Panel]:
    """The award of a purchase as it stands now: its sentence, caps that bit, campaigns left out, near misses, and the check."""
    told = explanations_of([record]).get(reference_of(record), {})
    if "steps" not in told:
        return []
    rows: list[tuple[Any, Any]] = [(_("In words"), explanations.sentence(told))]
    rows += [(_("Capped or left out"), limit) for limit in explanations.limits(told)]
    rows += [(_("Would have earned more"), near) for near in explanations.near_misses(told)]
    rows.append((_("Computed again"), _checked(record, told)))
    return [Panel(gettext_lazy("Why this many points"), [_("What"), _("Told")], rows)]


def _checked(record: Purchase, told: dict[str, Any]) -> Any:
    """Whether the stored inputs give the points of the purchase once more."""
    points, _qualifying = recompute(told)
    decimals = told.get("decimals", 0)
    shown = show_points(points, decimals)
    if points == record.points:
        return badge(_("This recomputes to the same number: %(points)s.") % {"points": shown}, "good")
    return badge(
        _("This recomputes to %(points)s, but the purchase says %(recorded)s. Tell whoever keeps this system.")
        % {"points": shown, "recorded": show_points(record.points, decimals)},
        "bad",
    )


more_purchase_panels.append(why_panel)

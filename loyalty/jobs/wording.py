"""What a run reports, in words: its figures that are not zero, each with its noun."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.common.money import show_points
from loyalty.jobs.models import JobRun

# Nothing of these is news as well.
ALWAYS_SAID = frozenset({"entries", "violations"})


def report(run: JobRun) -> list[str]:
    """A run's report as short phrases, or at least how much was done."""
    said = phrases(run.report)
    if said:
        return said
    if run.found == run.done == run.skipped == 0:
        return [_("nothing was due")]
    if run.is_dry:
        return [_("%(number)s found") % {"number": show_points(run.found)}]
    return [_("%(number)s done") % {"number": show_points(run.done)}]


def phrases(told: Mapping[str, Any]) -> list[str]:
    """The figures and short words of a report; lists and tables have panels of their own."""
    return [
        _phrase(key, value)
        for key, value in told.items()
        if not isinstance(value, bool | list | dict) and (value or key in ALWAYS_SAID)
    ]


def _phrase(key: str, value: Any) -> str:
    number = show_points(value) if isinstance(value, int) else _short(str(value))
    known = _known(value if isinstance(value, int) else 2).get(key)
    return known % {"number": number} if known else f"{key.replace('_', ' ')}: {number}"


def _short(text: str) -> str:
    """Digests and the like are recognised by their beginning."""
    return text if len(text) <= 24 else text[:16] + "…"


def _known(count: int) -> dict[str, str]:
    """The phrase for each figure, for so many."""
    return {
        "lots": ngettext("%(number)s lot", "%(number)s lots", count),
        "accounts": ngettext("%(number)s account", "%(number)s accounts", count),
        "points": ngettext("%(number)s point", "%(number)s points", count),
        "entries": ngettext("%(number)s entry read", "%(number)s entries read", count),
        "violations": ngettext("%(number)s violation", "%(number)s violations", count),
        "members": ngettext("%(number)s member", "%(number)s members", count),
        "letters": ngettext("%(number)s letter", "%(number)s letters", count),
        "queued": ngettext("%(number)s letter queued", "%(number)s letters queued", count),
        "without_address": _("%(number)s without an address"),
        "day": _("day %(number)s"),
        "refused": _("%(number)s refused"),
        "uncertain": _("%(number)s uncertain"),
        "not_reached": _("%(number)s not reached, tried again"),
        "repaid": ngettext("%(number)s point repaid debt", "%(number)s points repaid debt", count),
        "extended": ngettext("%(number)s voucher got more time", "%(number)s vouchers got more time", count),
        "extended_lots": ngettext("%(number)s credit got more time", "%(number)s credits got more time", count),
        "extended_points": ngettext("%(number)s point got more time", "%(number)s points got more time", count),
        "extended_members": ngettext("%(number)s member could not be told in time", "%(number)s members could not be told in time", count),
        "waiting_for_approval": _("waits for approval as change #%(number)s"),
        "up": _("%(number)s up"),
        "down": _("%(number)s down"),
        "birthday": ngettext("%(number)s birthday", "%(number)s birthdays", count),
        "anniversary": ngettext("%(number)s anniversary", "%(number)s anniversaries", count),
        "tenure": ngettext("%(number)s year of membership", "%(number)s years of membership", count),
        "profile": ngettext("%(number)s full profile", "%(number)s full profiles", count),
        "rewards": ngettext("%(number)s reward", "%(number)s rewards", count),
        "owed": ngettext("%(number)s could not be given yet", "%(number)s could not be given yet", count),
        "begun": ngettext("%(number)s began", "%(number)s began", count),
        "ended": ngettext("%(number)s ended", "%(number)s ended", count),
    }  # fmt: skip

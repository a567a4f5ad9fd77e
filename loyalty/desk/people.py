"""Who did it, as staff read it: `staff:7` in the books is a colleague with a name."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _


def names(actors: Iterable[str]) -> dict[str, str]:
    """What to show for each actor; one query for all of them."""
    told = set(actors)
    numbers = {
        int(rest)
        for kind, _colon, rest in (actor.partition(":") for actor in told)
        if kind == "staff" and rest.isdecimal()
    }
    known = get_user_model().objects.in_bulk(numbers) if numbers else {}
    return {actor: _name(actor, known) for actor in told}


def name(actor: str) -> str:
    """What to show for one actor."""
    return names([actor])[actor]


def _name(actor: str, known: dict[int, Any]) -> str:
    kind, _colon, rest = actor.partition(":")
    if kind == "staff" and rest.isdecimal() and int(rest) in known:
        user = known[int(rest)]
        return user.get_full_name() or user.email or actor
    if kind == "member" and rest:
        return _("member %(number)s") % {"number": rest}
    if kind == "api" and rest:
        return _("API key %(key)s") % {"key": rest}
    if kind in ("job", "command") and rest:
        return _("the job “%(name)s”") % {"name": rest.replace("_", " ")}
    return _("an import") if actor == "import" else actor

"""Seasons that come every year: days of the year as `MM-DD`, both inclusive; one may reach over New Year."""

from django.db.models import Q


def season_order() -> Q:
    """A season has both of its days or none."""
    return Q(season_from="", season_until="") | (~Q(season_from="") & ~Q(season_until=""))


def in_season(day: str, season_from: str, season_until: str) -> bool:
    """Whether a day of the year lies in the season; always where there is none."""
    if not season_from:
        return True
    if season_from <= season_until:
        return season_from <= day <= season_until
    return day >= season_from or day <= season_until

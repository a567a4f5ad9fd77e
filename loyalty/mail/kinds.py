"""The kinds of letters, as staff read them."""

from django.utils.translation import gettext as _


def kind_in_words(kind: str) -> str:
    """The name of a kind of letter; an unknown one is shown as it is."""
    known = {"welcome": _("Welcome"), "redeemed": _("Reward redeemed"), "expiring": _("Points about to expire")}
    return known.get(kind, kind)

"""What members can earn by, in words: purchases, the events that Setia knows, and the kinds a program has described."""

from collections.abc import Mapping
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.earning import PURCHASE
from campaigns.ways.models import EventKind
from loyalty.ledger.models import Program

# By the kinds that the ways to earn and the partners record.
NAMES: dict[str, Any] = {
    PURCHASE: _("purchase"),
    "signup": _("sign-up"),
    "launch": _("place among the first members"),
    "referral": _("friend brought"),
    "referred": _("joining by a friend"),
    "referral_milestone": _("milestone of friends brought"),
    "birthday": _("birthday"),
    "anniversary": _("anniversary of joining"),
    "tenure": _("jubilee as a member"),
    "profile": _("complete profile"),
    "review": _("review"),
    "survey": _("survey answered"),
    "share": _("recommendation shared"),
    "registration": _("product registered"),
    "visit": _("visit of a store"),
    "partner_posting": _("posting of a partner"),
}


def in_words(kind: str, own: Mapping[str, str]) -> str:
    """What an activity is called within a sentence; `own` maps the short names of a program's own kinds, after `kind:`, to their names."""
    return str(NAMES[kind]) if kind in NAMES else gettext("“%(name)s”") % {"name": own.get(f"kind:{kind}", kind)}


def choices(program: Program) -> list[tuple[str, str]]:
    """What a rule can be for: one query."""
    own = EventKind.objects.filter(program=program).exclude(slug__in=NAMES).order_by("name", "pk")
    return [(kind, capfirst(str(name))) for kind, name in NAMES.items()] + [(kind.slug, str(kind)) for kind in own]

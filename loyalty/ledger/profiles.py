"""Presets for the laws points live under. They only fill in settings: what a wallet then says is what counts (DOMAIN 9.2).

`house` is what Setia promises by itself: a letter fourteen days before. `inactivity` follows laws such as Quebec's: points end only
after a year without any activity, and members hear of it thirty days before. What is set by hand afterwards is nobody's preset.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.errors import Refusal
from loyalty.ledger import policies
from loyalty.ledger.models import Activity, Wallet


class UnknownProfile(Refusal):
    """There is no preset of that name."""

    code = "unknown_profile"
    status = 422


@dataclass(frozen=True, slots=True)
class Profile:
    """What a preset fills in; without `idle_months` the policy of the wallet stays."""

    name: Any
    title: Any
    notice_days: int
    idle_months: int = 0


PROFILES = {
    "house": Profile(
        gettext_lazy("No special law"),
        gettext_lazy("No special law: 14 days of notice"),
        14,
    ),
    "inactivity": Profile(
        gettext_lazy("Inactivity"),
        gettext_lazy("As in Quebec: 12 idle months, 30 days"),
        30,
        12,
    ),
}
CUSTOM = "custom"


def name_of(wallet: Wallet) -> str:
    """The preset a wallet's settings agree with; `custom` when they agree with none."""
    if wallet.notice_guarantee != Wallet.Guarantee.ALL:
        return CUSTOM
    own = wallet.expiry_policies.filter(name="").order_by("-version").first()
    idle = own.count if own and own.kind == "idle_months" else 0
    for name, profile in PROFILES.items():
        if wallet.notice_days == profile.notice_days and profile.idle_months == idle:
            return name
    return CUSTOM


def in_words(wallet: Wallet) -> str:
    """The preset as people read it."""
    profile = PROFILES.get(name_of(wallet))
    return str(profile.name) if profile else _("Set by hand")


@transaction.atomic
def apply_profile(wallet: Wallet, profile: str, *, at: datetime, actor: str) -> Wallet:
    """Fill in a wallet's settings from a preset. A new policy counts for points earned from now on. Raises UnknownProfile."""
    found = PROFILES.get(profile)
    if found is None:
        raise UnknownProfile(_("There is no such preset."))
    terms = {"notice_days": found.notice_days, "notice_guarantee": Wallet.Guarantee.ALL}
    Wallet.objects.filter(pk=wallet.pk).update(**terms)
    wallet.refresh_from_db()
    if found.idle_months and name_of(wallet) != profile:
        resets = ",".join(Activity.Kind.values)
        policies.set_expiry(wallet, kind="idle_months", count=found.idle_months, resets=resets, at=at, actor=actor)
    return wallet

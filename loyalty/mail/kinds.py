"""The kinds of letters: how staff call them, the page they lead to, whether they need consent, whether they may wait.

Service letters (codes, receipts, notices) do not ask for consent; a kind with a purpose does (DOMAIN 11.2). A prompt letter
answers what its reader has just done and goes out at once; the others wait while a program's quiet hours last. A kind with its own
words is written anew each time: by a mailing, which its letters are about, and which may be paused and stopped.
"""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

# The purpose of consent that news and offers need (members.consents); an empty purpose is a service letter.
MARKETING = "marketing"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of letter. `page` is the name of an address: pages are named, not imported, they stand on upper floors.

    `needs` are the variables without which a wording of it is worth nothing.
    """

    title: Any
    page: str = "portal_home"
    purpose: str = ""
    is_prompt: bool = False
    has_own_words: bool = False
    needs: tuple[str, ...] = ()


KINDS: dict[str, Kind] = {
    "welcome": Kind(_("Welcome"), is_prompt=True),
    "sign_in_code": Kind(_("Code to sign in"), is_prompt=True, needs=("code",)),
    "redeemed": Kind(_("Reward redeemed"), "portal_vouchers", is_prompt=True),
    "parcel_sent": Kind(_("Parcel sent"), "portal_vouchers"),
    "voucher_ends": Kind(_("Voucher about to end"), "portal_vouchers"),
    "session_off": Kind(_("Date called off"), "portal_rewards", is_prompt=True),
    "refunded": Kind(_("Goods returned"), "portal_history", is_prompt=True),
    "expiring": Kind(_("Points about to expire"), "portal_rewards"),
    "points_passed": Kind(_("Points passed on"), "portal_history", is_prompt=True),
    "points_received": Kind(_("Points received"), "portal_points"),
    "points_lapsed": Kind(_("Points not confirmed"), "portal_history"),
    "points_earned": Kind(_("Points earned"), "portal_points"),
    "points_adjusted": Kind(_("Points adjusted"), "portal_history"),
    "points_activated": Kind(_("Points can be spent"), "portal_points"),
    "points_expired": Kind(_("Points expired"), "portal_history"),
    "statement": Kind(_("Monthly statement"), "portal_history"),
    "referral": Kind(_("Friend brought")),
    "birthday_gift": Kind(_("Birthday gift"), "portal_points"),
    "tier_up": Kind(_("Tier reached"), "portal_tier"),
    "tier_kept": Kind(_("Tier kept"), "portal_tier"),
    "tier_down": Kind(_("Tier lowered"), "portal_tier"),
    "tier_at_risk": Kind(_("Tier at risk"), "portal_tier"),
    "challenge_done": Kind(_("Challenge done"), "portal_challenges"),
    "challenge_back": Kind(_("Prize taken back"), "portal_challenges"),
    "draw_won": Kind(_("Prize of a draw won"), "portal_draws"),
    "reward_there": Kind(_("Reward there"), "portal_rewards", MARKETING),
    "win_back": Kind(_("We miss you"), "portal_rewards", MARKETING),
    "announcement": Kind(_("Campaign announcement"), "portal_home", MARKETING, has_own_words=True),
    "settlement": Kind(_("Month settled with a partner")),
    "job_failed": Kind(_("Job failed or late"), "admin:jobs_health", is_prompt=True),
    "job_mended": Kind(_("Trouble over"), "admin:jobs_health", is_prompt=True),
    "stock_low": Kind(_("Stock or codes run low"), "admin:index", is_prompt=True),
    "approval": Kind(_("Approval requested"), "admin:jobs_changerequest_changelist", is_prompt=True),
}
# What a member's share of news is counted by.
NEWS = sorted(name for name, kind in KINDS.items() if kind.purpose == MARKETING)
# A kind nobody knows is a service letter that waits for nothing: it fails at writing, in words.
UNKNOWN = Kind("", is_prompt=True)


def kind_of(name: str) -> Kind:
    """What is known of a kind of letter."""
    return KINDS.get(name, UNKNOWN)


def kind_in_words(name: str) -> str:
    """The name of a kind of letter; an unknown one is shown as it is."""
    return str(kind_of(name).title) or name

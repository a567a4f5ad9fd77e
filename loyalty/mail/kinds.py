"""The kinds of letters, as staff read them."""

from django.utils.translation import gettext as _


def kind_in_words(kind: str) -> str:
    """The name of a kind of letter; an unknown one is shown as it is."""
    known = {
        "welcome": _("Welcome"),
        "redeemed": _("Reward redeemed"),
        "refunded": _("Goods returned"),
        "expiring": _("Points about to expire"),
        "approval": _("Approval requested"),
        "job_failed": _("Job failed or late"),
        "job_mended": _("Trouble over"),
    }
    known |= {
        "referral": _("Friend brought"),
        "points_passed": _("Points passed on"),
        "points_received": _("Points received"),
        "points_lapsed": _("Points not confirmed"),
    }
    known |= {"settlement": _("Month settled with a partner")}
    known |= {"challenge_done": _("Challenge done"), "challenge_back": _("Prize taken back")}
    known |= {"draw_won": _("Prize of a draw won")}
    known |= {
        "birthday_gift": _("Birthday gift"),
        "tier_up": _("Tier reached"),
        "tier_kept": _("Tier kept"),
        "tier_down": _("Tier lowered"),
        "tier_at_risk": _("Tier at risk"),
    }
    return known.get(kind, kind)

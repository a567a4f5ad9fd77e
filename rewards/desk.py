"""What the desk shows of redemptions on the pages of rewards and of members."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.desk.panels import Panel, badge, day, link, moment
from members.models import Member
from rewards.eligibility import show_amount
from rewards.models import Redemption, Reward

TONES = {"issued": "info", "used": "good", "cancelled": "bad", "expired": "warn"}
ROWS = 10


def state_badge(redemption: Redemption, at: datetime) -> str:
    """The state of a redemption right now: an unused voucher past its end is expired, swept or not."""
    state = redemption.state(at=at)
    return badge(Redemption.Status(state).label, TONES[state])


def latest_rows(reward: Reward, sees_members: bool, at: datetime) -> list[tuple[Any, ...]]:
    """Who redeemed a reward last: when, who, what became of it."""
    recent = reward.redemptions.select_related("member", "voucher").order_by("-id")[:ROWS]
    return [
        (
            link(reverse("admin:rewards_redemption_change", args=[r.pk]), moment(r.redeemed_at)),
            link(reverse("admin:members_member_change", args=[r.member_id]), r.member) if sees_members else r.member,
            state_badge(r, at),
        )
        for r in recent
    ]


def member_vouchers(member: Member, at: datetime) -> list[Panel]:
    """A member's latest redemptions, for the member's page."""
    found: QuerySet[Redemption] = (
        Redemption.objects.filter(member=member).select_related("reward__wallet", "voucher").order_by("-id")[:ROWS]
    )
    rows = [
        (
            link(reverse("admin:rewards_redemption_change", args=[r.pk]), moment(r.redeemed_at)),
            r.reward,
            show_amount(r.cost, r.reward.wallet),
            state_badge(r, at),
            day(r.voucher.expires_at - timedelta(microseconds=1)),
        )
        for r in found
    ]
    headers = [_("When"), _("Reward"), _("Cost"), _("State"), _("Valid until")]
    more = reverse("admin:rewards_redemption_changelist") + f"?q={member.number}"
    empty = _("Nothing redeemed yet.")
    return [Panel(_("Rewards and vouchers"), headers, rows, empty, more=more, numeric=frozenset({2}))]

"""What the desk shows of redemptions on the pages of rewards and of members."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.common.money import show_money
from loyalty.desk import people
from loyalty.desk.panels import EMPTY, Panel, badge, day, link, moment
from members.models import Member
from rewards import kinds
from rewards.eligibility import show_amount
from rewards.models import Redemption, Reward, VoucherExtension, VoucherUse

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


def _paid(redemption: Redemption, use: VoucherUse) -> str:
    """What a gift card paid."""
    return show_money(use.amount, redemption.program.currency) if use.amount else EMPTY


def uses_panel(redemption: Redemption) -> list[Panel]:
    """When and where the voucher of a redemption was used, and what was taken back."""
    rows = [
        (
            moment(one.used_at),
            f"{one.till} / {one.receipt}",
            _paid(redemption, one),
            people.name(one.used_by),
            moment(one.released_at),
        )
        for one in VoucherUse.objects.filter(voucher__redemption=redemption).order_by("-id")[:ROWS]
    ]
    headers = [_("When"), _("Till / receipt"), _("Paid with it"), _("By"), _("Taken back")]
    return [Panel(_("Uses"), headers, rows, _("Not used yet."))]


def facts_panel(redemption: Redemption, at: datetime) -> list[Panel]:
    """What its kind tells besides: the date and place of a ticket."""
    facts = kinds.of(redemption.reward).facts(redemption, at=at)
    return [Panel(_("What it is"), [_("What"), _("How")], facts, "")] if facts else []


def ends_panel(redemption: Redemption) -> list[Panel]:
    """When the end of the voucher was moved, and why."""
    rows = [
        (
            moment(one.made_at),
            day(one.ended_at - timedelta(microseconds=1)),
            day(one.ends_at - timedelta(microseconds=1)),
            one.reason,
        )
        for one in VoucherExtension.objects.filter(voucher__redemption=redemption)[:ROWS]
    ]
    return (
        [Panel(_("Moved ends"), [_("When"), _("Valid until, before"), _("Valid until, after"), _("Why")], rows)]
        if rows
        else []
    )

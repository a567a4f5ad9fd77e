"""What the portal says of the ways to earn: which there are for a member, what each gives, how many friends came."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext_lazy as _

from campaigns import rules
from campaigns.earning import Basket
from campaigns.rating import Rating
from campaigns.ways import deeds, joining, occasions, rewarding, surveys
from campaigns.ways.models import Referral
from campaigns.ways.terms import terms_of
from loyalty.common.money import show_points
from loyalty.ledger.models import Wallet
from members import tiers
from members.ladders import ladder
from members.models import Member

# Kind, name, address, picture; without an address it comes by itself.
WAYS: list[tuple[str, Any, str, str]] = [
    (rewarding.REFERRER, _("Bring a friend"), "portal_friends", "gift"),
    (deeds.REVIEW, _("Review what you bought"), "portal_reviews", "service"),
    (deeds.REGISTRATION, _("Register a product"), "portal_registrations", "check"),
    (deeds.SHARE, _("Tell others about us"), "portal_friends", "news"),
    (deeds.VISIT, _("Visit us and scan the code in the store"), "", "qr"),
    (occasions.BIRTHDAY, _("Your birthday"), "", "service"),
    (occasions.ANNIVERSARY, _("Each year with us"), "", "clock"),
    (occasions.PROFILE, _("A complete profile"), "portal_profile", "check"),
]
Status = Referral.Status


def worths(member: Member, *, at: datetime) -> dict[str, int]:
    """By kind of event: what it would earn this member now, of every kind some rule is for."""
    book = rules.book(member.program)
    tier = tiers.tier_at(member, at).slug
    found = {}
    for kind in sorted({terms.activity for terms in book.at(at)} - {"purchase"}):
        rating = Rating(
            member.program, decimals=ladder(member.program).decimals, since=at, until=at, activity=kind, book=book
        )
        rating.read([member.pk], at=at, for_update=False)
        found[kind] = rating.award(member.pk, Basket(activity=kind), tier, at).points
    return found


def worth(member: Member, kind: str, *, at: datetime) -> int:
    """What one kind of event would earn this member now."""
    return worths(member, at=at).get(kind, 0)


def ways(member: Member, *, at: datetime) -> dict[str, Any]:
    """The ways to earn that give something now, with open surveys."""
    gives, is_open = worths(member, at=at), terms_of(member.program).referral_is_open
    shown = [
        {"name": name, "points": gives[kind], "url": url, "icon": icon}
        for kind, name, url, icon in WAYS
        if gives.get(kind) and (kind != rewarding.REFERRER or is_open)
    ]
    return {
        "ways": shown, "surveys": surveys.open_to(member, at=at), "survey_points": gives.get(surveys.SURVEY, 0),
        "wallet": Wallet.objects.get(program=member.program_id, is_main=True),
    }  # fmt: skip


def friends(member: Member, *, at: datetime) -> dict[str, Any]:
    """How many friends came and what they brought, and what the next one would."""
    terms = terms_of(member.program)
    brought = Referral.objects.filter(referrer=member)
    rewarded = Q(status=Status.REWARDED)
    counts = brought.aggregate(
        came=Count("pk"), rewarded=Count("pk", filter=rewarded), waiting=Count("pk", filter=Q(status__in=[Status.BOUND, Status.HELD])),
        points=Sum("points", filter=rewarded),
    )  # fmt: skip
    gives = worths(member, at=at)
    every = terms.milestone_every if gives.get(rewarding.MILESTONE) else 0
    return promise(member, at=at, gives=gives) | {
        "counts": counts | {"points": counts["points"] or 0}, "is_open": terms.referral_is_open, "shares": gives.get(deeds.SHARE, 0),
        "milestone": gives.get(rewarding.MILESTONE, 0), "every": every,
        "to_milestone": every - counts["rewarded"] % every if every else 0,
        "wallet": Wallet.objects.get(program=member.program_id, is_main=True),
    }  # fmt: skip


def promise(member: Member, *, at: datetime, gives: dict[str, int] | None = None) -> dict[str, Any]:
    """What a friend of this member and the member get, and for which purchase."""
    gives = worths(member, at=at) if gives is None else gives
    terms = terms_of(member.program)
    wallet = Wallet.objects.get(program=member.program_id, is_main=True)
    return {
        "mine": gives.get(rewarding.REFERRER, 0), "theirs": gives.get(rewarding.FRIEND, 0), "sign_up": gives.get(joining.SIGN_UP, 0),
        "terms": terms, "wallet": wallet,
    }  # fmt: skip


def shown_points(member: Member, points: int) -> str:
    """Points with their name."""
    wallet = Wallet.objects.get(program=member.program_id, is_main=True)
    return f"{show_points(points, wallet.decimals)} {wallet.name_of(points)}"

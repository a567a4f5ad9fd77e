"""The portal's page about paying with points: what they are worth at the till, the card to show, and what was paid."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from loyalty.ledger import holds, statements
from members.models import Member, MemberAccount
from members.portal import member_page
from rewards import quoting
from rewards.models import PointsPayment, PointsTerms

SHOWN = 20


@require_GET
@member_page
def show_paying(request: HttpRequest) -> HttpResponse:
    """Per wallet that pays: worth, limits and what there is; then the latest payments."""
    member, at = request.member, timezone.now()
    accounts = dict(MemberAccount.objects.filter(member=member).values_list("wallet_id", "account_id"))
    ways = [
        _way(terms, statements.balance(accounts[terms.wallet_id], at=at).available)
        for terms in quoting.offered(member.program)
        if terms.wallet_id in accounts
    ]
    return render(request, "rewards/pay.html", {"ways": ways, "payments": _payments(member, at), "at": at})


def _way(terms: PointsTerms, available: int) -> dict[str, Any]:
    """What a wallet's points are worth at the till."""
    rule = quoting.payable(terms)
    most = available // rule.step * rule.step
    return {
        "terms": terms,
        "wallet": terms.wallet,
        "available": available,
        "least": rule.least,
        "step": terms.step if terms.step > 1 else 0,
        "share": terms.share.normalize() if terms.share < 100 else None,
        "worth": rule.worth(most) if most >= rule.least else None,
        "example": rule.worth(rule.least),
        "missing": max(0, rule.least - available),
    }


def _payments(member: Member, at: Any) -> list[dict[str, Any]]:
    """The member's latest payments with what became of each. One query."""
    related = PointsPayment.objects.filter(member=member).select_related("hold", "account__wallet", "store", "program")
    latest = list(related.order_by("-id")[:SHOWN])
    return [{"payment": one, "state": holds.state(one.hold, at=at)[0]} for one in latest]

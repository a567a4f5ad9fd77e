"""One person with cards of several programs: whoever signed in with the code of an address may look at each card kept under it.

The code is the proof. An address that was changed since, or another way of signing in, opens the card that is signed in and no other.
"""

from allauth.account.internal.flows.login import get_authentication_records
from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from members.models import Member
from members.signin import member_of

CHOICE = "portal_member"


class NotYourCard(Refusal):
    """The person who is signed in has no such card."""

    code = "not_your_card"
    status = 404


def current(request: HttpRequest) -> Member | None:
    """The member whose pages are shown: the card chosen in this session, else the one that is signed in. One query, two after a choice ended."""
    chosen = request.session.get(CHOICE) if request.user.is_authenticated else None
    found = _cards(request).filter(pk=chosen).first() if isinstance(chosen, int) else None
    return found or member_of(request.user)


def others(request: HttpRequest, shown: Member) -> list[Member]:
    """The person's other cards, by program: one query."""
    return list(_cards(request).exclude(pk=shown.pk).order_by("program__name", "pk"))


def wants_code(request: HttpRequest) -> bool:
    """Whether cards of other programs may be there that only a code can show: nothing is told about whether there are any."""
    return not _codes(request) and Program.objects.filter(is_active=True).exclude(pk=request.member.program_id).exists()  # type: ignore[attr-defined]


def look_at(request: HttpRequest, number: str) -> Member:
    """Show another card of this person from now on. Raises NotYourCard."""
    card = _cards(request).filter(number=number).first()
    if card is None:
        raise NotYourCard(_("This card is not under the e-mail address you signed in with. Sign in with its address."))
    request.session[CHOICE] = card.pk
    return card


def _cards(request: HttpRequest) -> QuerySet[Member]:
    """The active card that is signed in, and those under the address whose code opened this session."""
    codes, whose = _codes(request), Q(user_id=request.user.pk)
    if codes:
        whose |= Q(address=codes[-1])
    found = Member.objects.annotate(address=Lower("email")).filter(whose)  # the indexed form
    return found.filter(status=Member.Status.ACTIVE, program__is_active=True).select_related("program", "tier")


def _codes(request: HttpRequest) -> list[str]:
    """The addresses whose codes opened this session, the latest last."""
    records = get_authentication_records(request, request.user)
    return [str(told["email"]).lower() for told in records if told.get("method") == "code" and told.get("email")]

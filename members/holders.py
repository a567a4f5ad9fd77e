"""Who holds an account: the ground asks by the names of these functions in the settings, the books know nobody."""

from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.db.models import Q

from members.models import MemberAccount


def numbers(account_ids: Iterable[int]) -> dict[int, str]:
    """The member number behind each account, in groups of four."""
    held = MemberAccount.objects.filter(account__any_of=list(account_ids)).select_related("member")
    return {pair.account_id: pair.member.shown_number for pair in held}


def own_accounts(actor: str) -> set[int]:
    """The accounts that one of the staff has as a member: by the same sign-in, or by the same e-mail address."""
    kind, _colon, number = actor.partition(":")
    user = get_user_model().objects.filter(pk=int(number)).first() if kind == "staff" and number.isdecimal() else None
    if user is None:
        return set()
    mine = Q(member__user=user)
    if user.email:
        mine |= Q(member__email__iexact=user.email)
    return set(MemberAccount.objects.filter(mine).values_list("account_id", flat=True))


def accounts_of(number: str) -> set[int]:
    """The accounts of the member with this number."""
    return set(MemberAccount.objects.filter(member__number=number).values_list("account_id", flat=True))

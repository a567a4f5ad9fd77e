"""Who stands behind accounts and actors. The books know nobody: the floor that does is named in the settings."""

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal


class OwnAccount(Refusal):
    """Nobody asks for or approves a change of their own member account (laws of the books 19)."""

    code = "own_account"
    status = 403


def refuse_own(actor: str, account_ids: Iterable[int | None]) -> None:
    """Raise OwnAccount when one of the accounts is the actor's own as a member."""
    mine = import_string(settings.SETIA_OWN_ACCOUNTS)(actor)
    if mine and mine & set(account_ids):
        raise OwnAccount(
            _("Your own member account is among these. Somebody else must ask for it, and somebody else approve it.")
        )


def holders(account_ids: Iterable[int | None]) -> dict[int, str]:
    """The member number behind each account, in as many queries as for one."""
    wanted = {account_id for account_id in account_ids if account_id is not None}
    return import_string(settings.SETIA_HOLDERS)(wanted) if wanted else {}


def those_who_may(permission: str, *, but: str) -> list[tuple[str, str]]:
    """Actor and address of the active staff who have a permission, without one actor."""
    users = get_user_model().objects.with_perm(permission, backend="django.contrib.auth.backends.ModelBackend")
    staff = users.filter(is_staff=True, is_active=True).exclude(email="").order_by("pk")
    return [(f"staff:{pk}", email) for pk, email in staff.values_list("pk", "email") if f"staff:{pk}" != but]


def may(actor: str, permission: str) -> bool:
    """Whether an actor is one of the active staff and has a permission."""
    kind, _colon, number = actor.partition(":")
    if kind != "staff" or not number.isdecimal():
        return False
    user = get_user_model().objects.filter(pk=int(number), is_staff=True, is_active=True).first()
    return user is not None and user.has_perm(permission)

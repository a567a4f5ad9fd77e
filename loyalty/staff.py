"""Staff accounts: who works at the desk, in which role, with which second factor."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.desk import roles


class StaffEmailTaken(Refusal):
    """Somebody already signs in with this address."""

    code = "staff_email_taken"


class UnknownRole(Refusal):
    """There is no such role."""

    code = "unknown_role"
    status = 422


@transaction.atomic
def create_staff(email: str, password: str | None, role: str, totp_secret: str | None = None, *, name: str = "") -> Any:
    """Make a staff account in a role; without `totp_secret` the person sets a second factor up at the first visit.

    Without a password the account waits for one to be set through the reset letter. A known staff address is answered
    with its account, unchanged. Raises StaffEmailTaken (a member's sign-in), UnknownRole, ValidationError (password).
    """
    users = get_user_model().objects
    known = users.filter(email__iexact=email).first()
    if known and known.is_staff:
        return known
    if known:
        raise StaffEmailTaken(
            _("Somebody signs in as a member with this address. Use another address for the staff account.")
        )
    group = Group.objects.filter(name=role).first()
    if group is None:
        raise UnknownRole(
            _("There is no role “%(role)s”. Choose one of: %(known)s.")
            % {"role": role[:100], "known": ", ".join(roles.TITLES)}
        )
    if password:
        validate_password(password)
    first, _space, last = name.partition(" ")
    user = users.create_user(
        username=email.lower()[:150],
        email=email.lower(),
        password=password,
        is_staff=True,
        first_name=first,
        last_name=last,
    )
    user.groups.add(group)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    if totp_secret:
        TOTP.activate(user, totp_secret)
    return user


@transaction.atomic
def remove_second_factor(user: Any) -> int:
    """Take all second factors from an account, for somebody who lost the phone; returns how many there were.

    The person sets up a new one at the next visit and sees nothing of the desk before.
    """
    gone, _by_model = Authenticator.objects.filter(user=user).delete()
    return gone

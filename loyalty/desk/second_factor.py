"""Staff enter the desk with two factors, superusers too (DOMAIN 12.5).

What counts is what this very session proved: a password and then a code, a security key or a recovery code, or a
passkey. A factor set up in another session opens nothing here until it is confirmed here.
"""

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from allauth.mfa.utils import is_mfa_enabled
from django.dispatch import receiver
from django.http import HttpRequest

# What opens the desk. Recovery codes alone are no factor to set up, but one of them proves the factor it stands for.
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def is_proven(request: HttpRequest) -> bool:
    """Whether this session proved a second factor of its user."""
    if not request.user.is_authenticated:
        return False
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))


def is_set_up(user: Any) -> bool:
    """Whether the user has a second factor at all."""
    return is_mfa_enabled(user, types=FACTORS)


def last_proof(request: HttpRequest) -> float:
    """When (seconds since 1970) this session last authenticated in any way; 0 if never."""
    return max((record.get("at", 0) for record in get_authentication_records(request, request.user)), default=0)


@receiver(authenticator_added, dispatch_uid="desk_second_factor_proven_by_setting_it_up")
def count_setting_up(request: HttpRequest, user: Any, authenticator: Authenticator, **kwargs: Any) -> None:
    """Whoever has just set a factor up has shown it: they typed its code, or touched the key."""
    if authenticator.type in FACTORS:
        record_authentication(request, user, method="mfa", id=authenticator.pk, type=authenticator.type)

"""Staff for the desk's tests: a signed-in client per role, with or without a proven second factor."""

import time
from typing import Any

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.test import Client

from loyalty.staff import create_staff

PASSWORD = "jembatan-ampera-9"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def hire(role: str, *, factor: bool = True) -> Any:
    """A staff member in a role."""
    return create_staff(
        f"{role.replace(' ', '.')}@example.com", PASSWORD, role, SECRET if factor else None, name=f"Test {role}"
    )


def enter(user: Any, *, proven: bool = True, at: float | None = None) -> Client:
    """A client whose session signed this user in, with a second factor when `proven`."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    at = time.time() if at is None else at
    records = [{"method": "password", "at": at}, *([{"method": "mfa", "type": "totp", "at": at}] if proven else [])]
    session[AUTHENTICATION_METHODS_SESSION_KEY] = records
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


def staff_client(role: str) -> Client:
    """A client at the desk in a role."""
    return enter(hire(role))

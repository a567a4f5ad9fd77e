"""What is said at the start, in words, when letters could not be sent: `manage.py check`, `migrate` and `runserver` ask."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection

# Packages that are called otherwise where they are installed from; anymail has extras by provider.
PACKAGES = {"anymail": "django-anymail[{provider}]"}


def mail_system(app_configs: Sequence[Any] | None = None, **options: Any) -> list[CheckMessage]:
    """Whether the mail system that `EMAIL_BACKEND` names is installed and has what it needs. Nothing is sent."""
    path = settings.EMAIL_BACKEND
    package = path.partition(".")[0]
    try:
        is_installed = find_spec(package) is not None
    except (ImportError, ValueError):
        is_installed = False
    if not is_installed:
        said = (
            f"EMAIL_BACKEND is “{path}”, and the Python package “{package}” is not installed: no letter could be sent."
        )
        hint = f"Install it beside Setia: pip install '{_called(path)}'. Or leave EMAIL_BACKEND empty and set EMAIL_URL to an SMTP server."
        return [Error(said, hint=hint, id="mail.E001")]
    try:
        get_connection()
    except ImportError as failure:
        hint = "Compare the path with the documentation of the package, and install what it needs besides."
        return [Error(f"EMAIL_BACKEND is “{path}”, which cannot be loaded: {failure}", hint=hint, id="mail.E002")]
    except ImproperlyConfigured as failure:
        said = f"EMAIL_BACKEND is “{path}”, and a setting of it is missing: {failure}"
        return [Error(said, hint="Settings of anymail are a JSON object in the variable ANYMAIL.", id="mail.E003")]
    return []


def _called(path: str) -> str:
    """What to install for a backend: for `anymail.backends.postmark.EmailBackend` it is `django-anymail[postmark]`."""
    package, _, rest = path.partition(".")
    provider = rest.split(".")[1] if rest.count(".") > 1 else "provider"
    return PACKAGES.get(package, package).format(provider=provider.replace("_", "-"))

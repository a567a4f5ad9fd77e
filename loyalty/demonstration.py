"""How to get into the demo: staff with a known second factor, and members to sign in as.

All of this exists in demo mode only. The second factor is real; only its secret is public, so its code can be shown.
"""

import time
from datetime import datetime
from importlib import import_module

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from loyalty.ledger.models import Program

# Named by string, because the demo's story stands on the top floor.
STAFF = "campaigns.demo.staff"
LIFE = "campaigns.demo.life"
PROGRAM = "campaigns.demo.program"
SHOWN_STAFF = "admin@setia.example"
PERIOD_SECONDS = 30


def secret() -> str:
    """The public secret of the demo's second factor."""
    return import_module(STAFF).TOTP_SECRET


def second_factor_code(at: datetime) -> str:
    """The code the second factor of the demo's staff shows at an instant."""
    return format_hotp_value(hotp_value(secret(), int(at.timestamp()) // PERIOD_SECONDS))


def members() -> list[tuple[str, str, str]]:
    """One member per language with much to look at: name, address, language."""
    life = import_module(LIFE)
    program = Program.objects.filter(slug=import_module(PROGRAM).SLUG).first()
    stars = life.stars_of(program, at=program.created_at) if program else []
    return [(member.name, member.email, member.language) for member in stars]


def sign_ins(address: str) -> list[str]:
    """What a newcomer needs, line by line."""
    code = second_factor_code(timezone.now())
    lines = [
        f"  Staff     {address}/admin/",
        f"            e-mail {SHOWN_STAFF}   password {import_module(STAFF).PASSWORD}",
        f"            second factor: the code is shown at {address}/demo/second-factor/ (now {code})",
        f"  Members   {address}/",
    ]
    lines += [f"            {email}   ({name}, {language})" for name, email, language in members()]
    lines += [
        f"            the sign-in code arrives at {address}/demo/mailbox/",
        f"  API       {address}/api/v1/docs",
    ]
    return lines


@require_safe
@never_cache
def second_factor(request: HttpRequest) -> HttpResponse:
    """The code of the demo's staff, for those without an authenticator app at hand."""
    if not settings.DEMO:
        raise Http404
    left = PERIOD_SECONDS - int(time.time()) % PERIOD_SECONDS
    values = {"code": second_factor_code(timezone.now()), "seconds": left, "secret": secret()}
    return render(request, "demo/second_factor.html", values)

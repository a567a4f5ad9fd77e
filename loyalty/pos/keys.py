"""API keys: made, rotated, revoked and recognised.

A secret has 256 random bits and is shown once; only its SHA-256 digest is kept, which is enough for a random secret. A
key opens one program and only what its scopes name.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.errors import Refusal
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import Program
from loyalty.pos.models import ApiKey, Store

SCOPES = {
    "members:read": gettext_lazy("Look members up, with balance, tier and history"),
    "members:write": gettext_lazy("Enrol members"),
    "purchases:write": gettext_lazy("Report purchases"),
    "refunds:write": gettext_lazy("Report returned goods and exchanges"),
    "refunds:read": gettext_lazy("Read the refunds of an order"),
    "events:write": gettext_lazy("Report events"),
    "rewards:read": gettext_lazy("Read the catalogue and what a member can redeem"),
    "redemptions:write": gettext_lazy("Redeem rewards for members and cancel redemptions"),
    "holds:write": gettext_lazy("Set a member's points aside, capture and release them"),
    "transfers:write": gettext_lazy("Pass a member's points on to another member or wallet"),
    "points:confirm": gettext_lazy("Confirm and cancel points that wait"),
    "vouchers:read": gettext_lazy("Look vouchers up"),
    "vouchers:use": gettext_lazy("Use vouchers"),
    "figures:read": gettext_lazy("Read the figures of the program"),
    "adjustments:write": gettext_lazy("Adjust points; above the limits one of the staff approves"),
    "partner": gettext_lazy("Post points as a partner and read its own postings"),
}
# Only given with a key of a partner, on the partner's page.
PARTNER = "partner"
SECRET_BYTES = 32
ROTATION_OVERLAP = timedelta(hours=24)


class ScopeUnknown(Refusal):
    """There is no such scope."""

    code = "scope_unknown"
    status = 422


class KeyRevoked(Refusal):
    """A revoked key stays revoked."""

    code = "key_revoked"


class NotAuthenticated(Refusal):
    """The call shows no key, or one that opens nothing."""

    code = "not_authenticated"
    status = 401


class KeyInvalid(NotAuthenticated):
    """No key has this secret."""

    code = "key_invalid"


class KeyExpired(NotAuthenticated):
    """The key's time is over, or it was revoked."""

    code = "key_expired"


class ScopeMissing(Refusal):
    """The key may not do this; `scope` names what it lacks."""

    code = "scope_missing"
    status = 403


_by_digest = Prepared(
    lambda: ApiKey.objects.select_related("program", "store").filter(
        Q(digest=Given("digest")) | Q(previous_digest=Given("digest"), previous_until__gt=Given("at"))
    )
)


def create(
    program: Program,
    *,
    name: str,
    scopes: Iterable[str],
    at: datetime,
    actor: str,
    store: Store | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret, which nobody can read again. Raises ScopeUnknown."""
    wanted = sorted(set(scopes))
    for scope in wanted:
        if scope not in SCOPES:
            raise ScopeUnknown(
                _("There is no scope %(scope)s. Choose from: %(scopes)s.")
                % {"scope": scope[:100], "scopes": ", ".join(SCOPES)}
            )
    secret, prefix = _new_secret()
    key = ApiKey.objects.create(
        program=program,
        name=name,
        prefix=prefix,
        digest=digest(secret),
        scopes=wanted,
        store=store,
        created_at=at,
        created_by=actor,
        expires_at=expires_at,
    )
    return key, secret


def rotate(api_key: ApiKey, *, at: datetime, actor: str, overlap: timedelta = ROTATION_OVERLAP) -> tuple[ApiKey, str]:
    """Give a key a new secret and return both; the old one is taken for `overlap` longer. Raises KeyRevoked."""
    secret, prefix = _new_secret()
    changed = ApiKey.objects.filter(pk=api_key.pk, digest=api_key.digest, revoked_at__isnull=True).update(
        digest=digest(secret), prefix=prefix, previous_digest=api_key.digest, previous_until=at + overlap
    )
    if not changed:
        raise KeyRevoked(_("This key was revoked or rotated by somebody else. Load it again, or make a new one."))
    api_key.refresh_from_db()
    return api_key, secret


def revoke(api_key: ApiKey, *, at: datetime, actor: str) -> ApiKey:
    """End a key at once, with both of its secrets. Revoking twice keeps the first."""
    ApiKey.objects.filter(pk=api_key.pk, revoked_at__isnull=True).update(revoked_at=at, revoked_by=actor)
    api_key.refresh_from_db()
    return api_key


def recognise(secret: str, *, at: datetime) -> ApiKey:
    """The key with this secret. Raises KeyInvalid or KeyExpired."""
    shown = digest(secret)
    key = _by_digest.first(digest=shown, at=at)
    if key is None or not key.program.is_active:
        raise KeyInvalid(_("This API key is not known. Check it, or ask for a new one."))
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= at):
        raise KeyExpired(_("This API key is no longer valid. Ask for a new one."))
    _note_use(key, at)
    return key


def require(api_key: ApiKey, scope: str) -> None:
    """Raise ScopeMissing unless the key may do this."""
    if scope not in api_key.scopes:
        raise ScopeMissing(
            _("This API key may not do this: it lacks the scope %(scope)s.") % {"scope": scope}, scope=scope
        )


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _new_secret() -> tuple[str, str]:
    """A new secret and the public beginning by which people tell keys apart."""
    prefix = "setia_" + secrets.token_hex(3)
    return f"{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}", prefix


def _note_use(key: ApiKey, at: datetime) -> None:
    """Remember the day of the last use; one write a day."""
    today = at.date()
    if key.last_used_on != today:
        ApiKey.objects.filter(pk=key.pk).update(last_used_on=today)

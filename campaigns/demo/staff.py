"""The demo's staff: one person per role, with a password and a second factor that everybody may know. Demo only."""

from django.conf import settings

from loyalty.desk import roles
from loyalty.staff import create_staff

PASSWORD = "terima-kasih-setia"  # noqa: S105 - printed by the demo, refused outside of it
TOTP_SECRET = "SETIADEMOSETIADEMOSETIADEMOSETIA"  # noqa: S105 - as above
PEOPLE = {
    "admin@setia.example": ("Administrator Setia", roles.ADMINISTRATOR),
    "manager@setia.example": ("Maya Wijaya", roles.PROGRAM_MANAGER),
    "marketing@setia.example": ("Rizky Pratama", roles.MARKETING_ASSISTANT),
    "support@setia.example": ("Aisyah Rahman", roles.SUPPORT_AGENT),
    "finance@setia.example": ("Grace Foster", roles.FINANCE),
    "auditor@setia.example": ("Henry Knight", roles.AUDITOR),
    "ops@setia.example": ("Teguh Santoso", roles.OPS),
}


def hire() -> list[tuple[str, str]]:
    """Make the staff accounts and return their addresses and roles; nobody outside the demo mode."""
    if not settings.DEMO:
        return []
    hashed = ""
    for email, (name, role) in PEOPLE.items():
        user = create_staff(email, None if hashed else PASSWORD, role, TOTP_SECRET, name=name)
        if not user.has_usable_password():
            user.password = hashed  # Hashing is slow on purpose; once is enough for a password that all share.
            user.save(update_fields=["password"])
        hashed = user.password
    return [(email, role) for email, (_name, role) in PEOPLE.items()]

"""Values with which a wording is looked at: a member's last letter of the kind, or else what each variable means."""

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from loyalty.common.errors import Refusal
from loyalty.mail import variables
from loyalty.mail.models import Message


class NobodyToShow(Refusal):
    """No member has the number that was typed."""

    code = "member_unknown"
    status = 404


def values_for(kind: str, language: str, *, member: str = "") -> variables.Shown:
    """The values of a preview in its language. Raises NobodyToShow."""
    number = member.replace(" ", "")
    if not number:
        with override(language):
            return variables.samples(kind)
    reader = import_string(settings.SETIA_READERS)({number}, with_consents=False).get(number)
    if reader is None:
        raise NobodyToShow(_("No member has this number. Compare its twelve digits."))
    last = Message.objects.filter(recipient=number, kind=kind, forgotten_at__isnull=True).order_by("-id").first()
    with override(language):
        if last is None:
            return variables.samples(kind) | {"name": reader.name}
        shown = variables.shown(kind, last.context)
    samples = variables.samples(kind)
    return shown | {name: samples[name] for name in ("link", "site", "unsubscribe", "choices") if name in samples}

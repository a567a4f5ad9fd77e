"""What a member chooses about themselves: for now, the language we write to them in."""

from datetime import datetime

from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.languages import LANGUAGES
from members.models import Member


class LanguageUnknown(Refusal):
    """No such language is offered."""

    code = "language_unknown"
    status = 422


def choose_language(member: Member, language: str, *, at: datetime, actor: str) -> Member:
    """Remember the language of a member's pages and letters. Raises LanguageUnknown."""
    if language not in dict(LANGUAGES):
        raise LanguageUnknown(_("We do not speak this language yet. Please choose one from the list."))
    Member.objects.filter(pk=member.pk).update(language=language)
    member.language = language
    return member

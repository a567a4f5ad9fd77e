"""Names that operators write in three languages, shown in the reader's with English as the fallback."""

from typing import Any

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

LANGUAGES = [("en", "English"), ("id", "Bahasa Indonesia"), ("ms", "Bahasa Melayu")]


def in_language(record: Any, field: str, language: str | None = None) -> str:
    """The text of `field` in the given (else the current) language, falling back to English.

    `record.name` is the English text; `record.name_id` and `record.name_ms` are the others.
    """
    code = (language or get_language() or "en").split("-")[0]
    return getattr(record, f"{field}_{code}", "") or getattr(record, field)


class Named(models.Model):
    """A name in English, and optionally in Indonesian and Malay."""

    name = models.CharField(_("name"), max_length=80)
    name_id = models.CharField(_("name in Indonesian"), max_length=80, blank=True)
    name_ms = models.CharField(_("name in Malay"), max_length=80, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return in_language(self, "name")


class Told(Named):
    """Named, and told in a sentence: `summary` with its twins in Indonesian and Malay, declared by the record itself."""

    class Meta:
        abstract = True

    @property
    def shown_summary(self) -> str:
        """The sentence in the reader's language."""
        return in_language(self, "summary")

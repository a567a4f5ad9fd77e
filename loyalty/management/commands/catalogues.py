"""`manage.py catalogues missing | update | compile`: keep the translations in step with the texts."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from loyalty import catalogues


class Command(BaseCommand):
    """Shows what is not translated yet, or writes the catalogues. Needs no gettext."""

    help = "Show missing translations, update the .po files from the texts, or compile them to .mo."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do, and for which languages."""
        parser.add_argument("action", choices=["missing", "update", "compile"])
        parser.add_argument("--language", choices=[code for code, _name in settings.LANGUAGES], action="append")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it for each language."""
        for language in options["language"] or [code for code, _name in settings.LANGUAGES]:
            getattr(self, options["action"])(language)

    def missing(self, language: str) -> None:
        """List the texts without a finished translation."""
        texts = catalogues.missing(language)
        self.stdout.write(f"{language}: {len(texts)} missing")
        for text in texts:
            self.stdout.write(f"  {text.key[1]!r}  ({', '.join(sorted(text.files))})")

    def update(self, language: str) -> None:
        """Write the text catalogue anew."""
        total, undone = catalogues.update(language)
        self.stdout.write(f"{language}: {total} texts, {undone} not translated")

    def compile(self, language: str) -> None:
        """Write the binary catalogue."""
        self.stdout.write(f"{language}: {catalogues.compile_catalogue(language).name} written")

"""Configuration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LettersConfig(AppConfig):
    name = "campaigns.letters"
    label = "letters"
    verbose_name = _("Letters of programs")

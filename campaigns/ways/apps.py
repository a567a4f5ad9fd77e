"""Configuration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WaysConfig(AppConfig):
    name = "campaigns.ways"
    label = "ways"
    verbose_name = _("Ways to earn")

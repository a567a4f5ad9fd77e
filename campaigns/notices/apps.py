"""Configuration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    name = "campaigns.notices"
    label = "notices"
    verbose_name = _("Notices")

"""Configuration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MailingsConfig(AppConfig):
    name = "campaigns.mailings"
    label = "mailings"
    verbose_name = _("Mailings")

    def ready(self) -> None:
        from campaigns.mailings import reports, uses
        from members.segments.uses import told_by

        told_by.append(uses.mailings_to)
        reports.register()

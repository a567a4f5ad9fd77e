"""Configuration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MailConfig(AppConfig):
    name = "loyalty.mail"
    verbose_name = _("Mail")

    def ready(self) -> None:
        from django.core.checks import register

        from loyalty.mail import checks, reports

        reports.register()
        register(checks.mail_system, "mail")

"""Configuration of the app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    """The books; their append-only triggers are made after every migrate."""

    name = "loyalty.ledger"
    verbose_name = _("The books")

    def ready(self) -> None:
        from loyalty.common import lookups
        from loyalty.ledger import triggers

        lookups.register()
        post_migrate.connect(triggers.install, sender=self, dispatch_uid="ledger_triggers")

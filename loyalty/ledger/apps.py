"""Configuration of the app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    """The books; their append-only triggers are made after every migrate."""

    name = "loyalty.ledger"
    verbose_name = _("The books")

    def ready(self) -> None:
        from loyalty.common import lookups, reports
        from loyalty.ledger import reports as our_reports
        from loyalty.ledger import triggers

        lookups.register()
        our_reports.register()
        post_migrate.connect(triggers.install, sender=self, dispatch_uid="ledger_triggers")
        # Both signals are sent for every app; once is enough, and no table is touched between them and the migrations.
        pre_migrate.connect(reports.drop, sender=self, dispatch_uid="reports_dropped")
        post_migrate.connect(reports.create, sender=self, dispatch_uid="reports_created")

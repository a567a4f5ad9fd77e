"""The wiring's own app, and the admin site of the desk in place of Django's default one."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class LoyaltyConfig(AppConfig):
    """Management commands of the whole installation."""

    default = True
    name = "loyalty"
    verbose_name = _("Installation")

    def ready(self) -> None:
        from django.apps import apps
        from django.db.models.signals import post_migrate, pre_migrate

        from loyalty.common import instants
        from loyalty.desk import roles, second_factor  # noqa: F401  (listens to second factors being set up)

        instants.install()
        # The last app's signals: by then every app's permissions exist.
        last = list(apps.get_app_configs())[-1]
        pre_migrate.connect(roles.note_known, sender=last, dispatch_uid="desk_permissions_known")
        post_migrate.connect(roles.make, sender=last, dispatch_uid="desk_roles")


class DeskConfig(admin_apps.AdminConfig):
    """Makes `loyalty.backoffice.Desk` the site that every `admin.register` in the project uses."""

    default = False
    default_site = "loyalty.backoffice.Desk"

"""The wiring's own app, and the admin site of the desk in place of Django's default one."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class LoyaltyConfig(AppConfig):
    """Management commands of the whole installation."""

    default = True
    name = "loyalty"
    verbose_name = _("Installation")


class DeskConfig(admin_apps.AdminConfig):
    """Makes `loyalty.backoffice.Desk` the site that every `admin.register` in the project uses."""

    default = False
    default_site = "loyalty.backoffice.Desk"

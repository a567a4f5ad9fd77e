"""The desk: the admin site, and the one ModelAdmin base that every admin of the project builds on."""

from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite


class Desk(UnfoldAdminSite):
    """Setia's admin site."""


class DeskAdmin(ModelAdmin):
    """The base of every ModelAdmin."""

"""Configuration of the app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SegmentsConfig(AppConfig):
    """Segments, beside the members they are made of."""

    name = "members.segments"
    label = "segments"
    verbose_name = _("Segments")

    def ready(self) -> None:
        from members.segments import showing

        showing.register()

"""A download: a private file that its member fetches from the portal, so often and until its last day (`rewards.downloads`)."""

from datetime import datetime

from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.clock import last_valid_day
from rewards.kinds.base import Kind
from rewards.models import PrivateFile, Redemption, RewardKind


class Download(Kind):
    """A file. Every fetch is a use of its voucher."""

    kind = RewardKind.DOWNLOAD
    is_for_tills = False
    asks = ("file",)
    standing_words = _("Ready to download")
    staff_words = _("Nothing: the member fetches the file from the portal until its last day.")
    member_words = _(
        "Download it here. The link is yours alone and works for ten minutes while you are signed in; then look here again."
    )

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """The file, its size and its last day."""
        day = date_format(last_valid_day(redemption.voucher.expires_at, redemption.program.time_zone))
        kept = PrivateFile.objects.filter(reward=redemption.reward_id).values_list("name", "size").first()
        file = [(gettext("File"), f"{kept[0]} ({filesizeformat(kept[1])})")] if kept else []
        return [*file, (gettext("Download until"), day)]

"""A download: a private file that its member fetches from the portal, so often and until its last day (`rewards.downloads`)."""

from datetime import datetime

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

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
        """The file and its size."""
        kept = PrivateFile.objects.filter(reward=redemption.reward_id).values_list("name", "size").first()
        return [(_now("File"), f"{kept[0]} ({filesizeformat(kept[1])})")] if kept else []

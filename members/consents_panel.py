"""What the desk shows of a member's consent."""

from django.utils.translation import gettext_lazy as _

from loyalty.desk.panels import Panel, badge, moment
from members import consents
from members.models import Member


def panel(member: Member) -> Panel:
    """What the member said about each channel and purpose."""
    rows = [
        (
            choice.latest.get_purpose_display(), choice.latest.get_channel_display(),
            badge(_("agrees"), "good") if choice.is_given else badge(_("does not agree"), "bad"),
            moment(choice.latest.at), choice.latest.get_source_display(), choice.latest.terms or "–",
        )
        for choice in consents.choices(member)
        if choice.latest is not None
    ]  # fmt: skip
    headers = [_("Purpose"), _("Channel"), _("The member"), _("Since"), _("Source"), _("Terms")]
    return Panel(_("Consent"), headers, rows, _("The member has agreed to nothing: only service letters may be sent."))

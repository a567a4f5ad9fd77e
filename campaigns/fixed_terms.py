"""What is agreed before a campaign goes live and stays: its control group, and what a partner bears of its points."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from campaigns.models import Campaign


def refuse_changes(form: forms.ModelForm, cleaned: dict[str, Any]) -> None:
    """Tell at the fields of a campaign's form what cannot be, or cannot be changed any more."""
    campaign: Campaign = form.instance
    is_draft = campaign.status == Campaign.Status.DRAFT
    drawn = cleaned["control_percent"] = cleaned.get("control_percent") or 0
    if drawn != campaign.control_percent and not is_draft:
        form.add_error("control_percent", _("The control group is drawn before a campaign goes live, and stays."))
    partner, percent = cleaned.get("partner"), cleaned.get("partner_percent") or 0
    cleaned["partner_percent"] = percent
    if bool(partner) != bool(percent) or percent > 100:
        form.add_error("partner_percent", _("Name a partner and its part, from 1 to 100 percent, or neither."))
    elif (partner and partner.pk, percent) != (campaign.partner_id, campaign.partner_percent) and not is_draft:
        form.add_error("partner_percent", _("What a partner bears is agreed before a campaign goes live, and stays."))

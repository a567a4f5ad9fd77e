"""What marketers do to a campaign: set it live, announce, pause, resume, end and duplicate it; and look at all of them on a timeline."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from campaigns import announcing, publishing, timelines, trying
from campaigns.models import Campaign
from loyalty.backoffice import actor_of
from loyalty.desk.deeds import deed

Status = Campaign.Status
MAILING = "mailings.add_mailing"


class CampaignDeeds:
    """The deeds of the campaigns' admin."""

    # What the admin beside it brings.
    admin_site: Any
    opts: Any
    has_view_permission: Any
    get_queryset: Any
    get_object: Any
    zone_name: Any
    page_of: Any
    shown_dates: Any
    _terms: Any

    @action(description=_("Timeline"), url_path="timeline", icon="calendar_month")
    def timeline(self, request: HttpRequest) -> HttpResponse:
        """Which campaigns run when, as bars over months."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown = timelines.timeline(self.get_queryset(request), at=timezone.now(), zone=self.zone_name(request))
        context = self.admin_site.each_context(request) | {"title": _("Timeline of campaigns"), "opts": self.opts}
        return TemplateResponse(request, "admin/campaigns/timeline.html", context | {"timeline": shown})

    @action(description=_("Try a basket"), url_path="try", icon="shopping_basket")
    def try_basket(self, request: HttpRequest) -> HttpResponse:
        """What a member would earn for a basket at a moment."""
        return trying.page(self, request)

    @action(description=_("Try a basket"), url_path="try-it", icon="shopping_basket")
    def try_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page to try a basket, with this campaign."""
        return HttpResponseRedirect(reverse("admin:campaigns_campaign_try_basket") + f"?campaign={object_id}")

    @action(description=_("Announce it"), url_path="announce", icon="outgoing_mail")
    def announce(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A mailing begins: about this campaign, to the members it is for, on the day it starts."""
        campaign = self.get_object(request, object_id)
        if campaign is None:
            raise Http404
        if not request.user.has_perm(MAILING):
            raise PermissionDenied
        address = reverse("admin:mailings_mailing_add")
        return HttpResponseRedirect(f"{address}?{urlencode(announcing.beginning(campaign, at=timezone.now()))}")

    announce.needs, announce.fits = MAILING, lambda campaign: campaign.status != Status.ENDED

    try_it.fits = lambda campaign: campaign.status == Status.DRAFT

    @deed(
        title=_("Set live"),
        question=lambda self, request, campaign: (
            _("%(dates)s: members earn %(terms)s.")
            % {"dates": self.shown_dates(campaign), "terms": self._terms(request, campaign)}
        ),
        button=_("Set live"),
        permission="campaigns.change_campaign",
        icon="play_circle",
        fits=lambda campaign: campaign.status == Status.DRAFT,
    )
    def go_live(self, request: HttpRequest, record: Campaign) -> str:
        publishing.go_live(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The campaign is live."))

    @deed(
        title=_("Pause"),
        question=_(
            "What happens from now on earns nothing by this campaign, until you resume it. What was earned stays."
        ),
        button=_("Pause it"),
        permission="campaigns.change_campaign",
        icon="pause_circle",
        fits=lambda campaign: campaign.status == Status.LIVE,
    )
    def pause(self, request: HttpRequest, record: Campaign) -> str:
        publishing.pause(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The campaign is paused."))

    @deed(
        title=_("Resume"),
        question=_("It counts again for what happens from now on. The time of the pause stays without it."),
        button=_("Resume it"),
        permission="campaigns.change_campaign",
        icon="play_circle",
        fits=lambda campaign: campaign.status == Status.PAUSED,
    )
    def resume(self, request: HttpRequest, record: Campaign) -> str:
        publishing.resume(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The campaign is live again."))

    @deed(
        title=_("End"),
        question=_(
            "It counts no more, for good. What was earned by it stays. To stop it for a while, pause it instead."
        ),
        button=_("End it now"),
        permission="campaigns.change_campaign",
        icon="stop_circle",
        danger=True,
        fits=lambda campaign: campaign.status in (Status.LIVE, Status.PAUSED),
    )
    def end(self, request: HttpRequest, record: Campaign) -> str:
        publishing.end(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The campaign has ended."))

    @deed(
        title=_("Duplicate"),
        question=_("Make a draft with the same texts, dates and terms?"),
        button=_("Make the draft"),
        permission="campaigns.add_campaign",
        icon="content_copy",
    )
    def duplicate(self, request: HttpRequest, record: Campaign) -> HttpResponse:
        made = publishing.duplicate(record, at=timezone.now(), actor=actor_of(request))
        messages.success(request, _("This is the copy: a draft. Change what differs, then set it live."))
        return HttpResponseRedirect(self.page_of(made))

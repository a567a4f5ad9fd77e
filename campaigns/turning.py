"""Beginnings and ends of campaigns, written down when they are past, with what each had done when it ended (DOMAIN 10.4).

Whether a campaign counts is a fact of its dates and needs no job. This one keeps the story for its page: when it began, when it ended,
by its date or by hand, and its figures at that moment. A campaign whose dates were moved afterwards turns once more.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from campaigns.measuring import report
from campaigns.models import Campaign, CampaignTurn
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program

Status = Campaign.Status
BEGAN, ENDED = CampaignTurn.Kind.BEGAN, CampaignTurn.Kind.ENDED


def turn_campaigns(
    program: Program | None = None, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched
) -> Tally:
    """Write down what began and ended up to an instant, oldest first; the job `turn_campaigns`. May be repeated."""
    due = sorted(_due(program, at), key=lambda one: (one[2], one[0].pk, one[1]))
    tally = Tally(found=len(due))
    for campaign, kind, happened_at in due if not dry_run else ():
        figures = _figures(campaign, at=happened_at) if kind == ENDED else {}
        turn = CampaignTurn(
            campaign=campaign, kind=kind, happened_at=happened_at, noted_at=at, figures=figures
        )  # fmt: skip
        CampaignTurn.objects.bulk_create([turn], ignore_conflicts=True)
        tally.done += 1
        name = "begun" if kind == BEGAN else "ended"
        tally.report[name] = tally.report.get(name, 0) + 1
        if not progress(tally.found, tally.done, 0):
            break
    return tally


def _due(program: Program | None, at: datetime) -> Iterator[tuple[Campaign, str, datetime]]:
    """What has happened and is not written down: the campaign, what, and when."""
    known = Campaign.objects.exclude(status=Status.DRAFT).select_related("program")
    mine = known.filter(program=program) if program else known.filter(program__is_active=True)
    for campaign in mine.filter(~_written(BEGAN, "since"), since__lte=at):
        if not _never_began(campaign):
            yield campaign, BEGAN, campaign.since
    for campaign in mine.filter(~_written(ENDED, "until")).filter(until__lte=at):
        if not _never_began(campaign):
            yield campaign, ENDED, campaign.until


def _written(kind: str, when: str) -> Exists:
    turns: QuerySet[CampaignTurn] = CampaignTurn.objects.filter(campaign=OuterRef("pk"), kind=kind)
    return Exists(turns.filter(happened_at=OuterRef(when)))


def _never_began(campaign: Campaign) -> bool:
    """Whether it was ended by hand before its first day: then it is paused from before its beginning for ever."""
    return campaign.status == Status.ENDED and any(end is None and datetime.fromisoformat(begin) <= campaign.since for begin, end in campaign.pauses)  # fmt: skip


def _figures(campaign: Campaign, *, at: datetime) -> dict[str, int | str]:
    told = report(campaign, at=at)
    return {
        "members": told.members, "purchases": told.purchases, "points": told.points, "cost": str(told.cost),
        "revenue": str(told.revenue),
    }  # fmt: skip

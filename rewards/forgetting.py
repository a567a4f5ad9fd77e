"""Addresses of parcels are not kept for ever: long after a parcel arrived or was cancelled, where it went is taken out (DOMAIN 12.6).

What was sent, when and with which carrier stays, for the figures; a step of such a parcel is not taken back any more.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from loyalty.common.retrying import retried
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from rewards.models import Parcel, Redemption
from rewards.parcels import ADDRESS

BATCH = 2_000
EMPTY = dict.fromkeys((*ADDRESS, "tracking"), "")
Status = Parcel.Status


def forget_due(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Take out the addresses that were kept for as long as the installation says; the job `forget_addresses`. 0 days: for ever."""
    days = settings.SETIA_PARCEL_ADDRESS_DAYS
    if not days:
        return Tally()
    before = at - timedelta(days=days)
    return forget_addresses(
        program, delivered_before=before, at=at, actor="job:forget_addresses", dry_run=dry_run, progress=progress
    )


def forget_addresses(
    program: Program, *, delivered_before: datetime, at: datetime, actor: str, dry_run: bool = False,
    progress: Progress = unwatched,
) -> Tally:  # fmt: skip
    """Take out where parcels went that were delivered, or cancelled, before an instant. May be stopped, rerun or run twice at once."""
    due = Parcel.objects.filter(redemption__program=program, forgotten_at__isnull=True).filter(
        Q(status=Status.DELIVERED, delivered_at__lt=delivered_before)
        | Q(status=Status.CANCELLED, redemption__ended_at__lt=delivered_before)
    )
    found = due.count()
    if dry_run:
        return Tally(found=found, done=0, skipped=0, report={})
    done = 0
    while ids := list(due.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        done += _forget(ids, at, actor)
        if not progress(found, done, 0):
            break
    return Tally(found=found, done=done, skipped=0, report={})


@retried
@transaction.atomic
def _forget(ids: list[int], at: datetime, actor: str) -> int:
    """Empty these, but for what a step was taken back of meanwhile."""
    redemptions = Redemption.objects.filter(parcel__in=ids).order_by("pk")
    list(redemptions.select_for_update(no_key=True).values_list("pk", flat=True))
    over = Parcel.objects.filter(pk__in=ids, status__in=(Status.DELIVERED, Status.CANCELLED), forgotten_at=None)
    return over.update(forgotten_at=at, changed_by=actor, **EMPTY)

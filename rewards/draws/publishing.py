"""A draw is published, which fixes its terms and its seed for good, or called off, which gives everything back (DOMAIN 7.5).

From publishing on the digest of the seed is public; the seed lies sealed until the draw. Calling off is possible until it is
drawn: then no entry wins, and the job `draw_winners` gives the points of every entry back, as the shop's cancellations do.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from loyalty.common.money import show_points
from loyalty.common.sealing import seal
from rewards.draws import fair
from rewards.draws.terms import SEED, DrawRefused, changed, terms_of
from rewards.models import Draw, DrawPromise

Status = Draw.Status
MOST_PLACES = 10_000


@transaction.atomic
def publish(draw: Draw, *, at: datetime, actor: str) -> DrawPromise:
    """Fix the terms and a new seed, and show its digest. Raises DrawRefused, DrawChanged."""
    draw = Draw.objects.select_for_update(no_key=True).select_related("program").get(pk=draw.pk)
    if draw.status != Status.DRAFT:
        raise changed()
    if not draw.prizes.exists():
        raise DrawRefused(_("This draw has no prize yet. Add at least one and save it first."))
    if sum(draw.prizes.values_list("winners", flat=True)) > MOST_PLACES:
        message = _("The prizes have more than %(most)s winners together. Lower them and save it first.")
        raise DrawRefused(message % {"most": show_points(MOST_PLACES)}, most=MOST_PLACES)
    if at >= draw.closes_at:
        raise DrawRefused(_("The days of this draw are over. Choose a later close and save it first."))
    seed = fair.new_seed()
    made = DrawPromise.objects.create(
        draw=draw, seed_digest=fair.digest_of(seed), sealed_seed=seal(seed, purpose=SEED), terms=terms_of(draw),
        made_at=at, made_by=actor,
    )  # fmt: skip
    Draw.objects.filter(pk=draw.pk, status=Status.DRAFT).update(status=Status.OPEN)
    return made


@transaction.atomic
def call_off(draw: Draw, *, at: datetime, actor: str) -> Draw:
    """Call a published draw off; its entries are given back by the job. Twice changes nothing. Raises DrawChanged."""
    draw = Draw.objects.select_for_update(no_key=True).get(pk=draw.pk)
    if draw.status == Status.CALLED_OFF:
        return draw
    if draw.status != Status.OPEN:
        raise changed()
    Draw.objects.filter(pk=draw.pk).update(status=Status.CALLED_OFF)
    draw.status = Status.CALLED_OFF
    return draw

"""What joining earns: the sign-up bonus, the launch bonus of the first so many members, and being bound to who brought one (DOMAIN 3.1).

Called by enrolment through every door, in its transaction. A place of the launch bonus is taken by a conditional update, so that there
are never more than promised.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F

from campaigns.ways import referral
from campaigns.ways.models import WayTerms
from campaigns.ways.recording import Happening, is_rewarded, record
from loyalty.ledger.models import Program
from members.models import Member

SIGN_UP, LAUNCH = "signup", "launch"


def joined(program: Program, member_ids: Sequence[int], *, code: str = "", at: datetime, actor: str) -> None:
    """Give new members what joining earns when they joined; with a code, bind the one to who brought them.

    Raises the refusals of `referral.bind`.
    """
    if code and len(member_ids) == 1:  # first, because it locks the account of who brought them too
        referral.bind(Member.objects.select_related("program").get(pk=member_ids[0]), code, at=at, actor=actor)
    rows = (
        Member.objects.filter(pk__any_of=list(member_ids))
        .order_by("enrolled_at", "pk")
        .values_list("pk", "enrolled_at")
    )
    whens = [(pk, min(enrolled_at, at)) for pk, enrolled_at in rows]
    if is_rewarded(program, SIGN_UP, at={when for _, when in whens}):
        record(program, SIGN_UP, [Happening(pk, f"{SIGN_UP}:{pk}", when) for pk, when in whens], at=at, actor=actor)
    first = whens[: take_places(program, len(whens))]
    if first:
        record(program, LAUNCH, [Happening(pk, f"{LAUNCH}:{pk}", when) for pk, when in first], at=at, actor=actor)


def take_places(program: Program, wanted: int) -> int:
    """Take up to `wanted` places of the launch bonus; how many were left to take."""
    while wanted:
        terms = WayTerms.objects.filter(program=program, launch_given__lt=F("launch_places")).first()
        if terms is None:
            return 0
        taken = min(wanted, terms.launch_places - terms.launch_given)
        free = WayTerms.objects.filter(pk=terms.pk, launch_given__lte=F("launch_places") - taken)
        if free.update(launch_given=F("launch_given") + taken):
            return taken
    return 0

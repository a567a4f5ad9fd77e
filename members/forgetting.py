"""Letters of members are kept as long as their program says; those to staff and partners as long as the installation says (DOMAIN 12.6)."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from loyalty.mail import forgetting
from members.models import Member

MEMBER = Member.objects.filter(number=OuterRef("recipient"))


def forget_letters(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Take out what stood in old letters and where they went; the job `forget_letters`. No days, or 0: never."""
    tally = Tally()
    kinds = (
        (program.letters_kept_days, Exists(MEMBER.filter(program=program))),
        (settings.SETIA_LETTER_DAYS, ~Exists(MEMBER)),
    )
    for days, theirs in kinds:
        if not days:
            continue
        letters = forgetting.over(before=at - timedelta(days=days)).filter(theirs)
        told = forgetting.forget(letters, at=at, dry_run=dry_run, progress=progress)
        tally.found += told.found
        tally.done += told.done
        if told.done < told.found and not dry_run:
            break
    return tally

"""Which letters a program passes to another system, and the secret their calls are signed with (`SETIA_PASSED_ON`, `SETIA_KINDS_PASSED_ON`)."""

import secrets
from collections.abc import Collection

from campaigns.letters.models import LetterTerms
from loyalty.common.sealing import opened, seal
from loyalty.mail.kinds import KINDS
from loyalty.mail.webhooks import Target
from members.models import Member

PURPOSE = "letters passed on"
# Letters to staff and partners stay mail.
NOT_OF_MEMBERS = {"settlement", "job_failed", "job_mended", "stock_low", "approval", "sign_in_code"}
OF_MEMBERS = {name: kind for name, kind in KINDS.items() if name not in NOT_OF_MEMBERS}


def kinds() -> frozenset[str]:
    """The kinds of letters that any program passes on. One query."""
    chosen = LetterTerms.objects.exclude(webhook_address="").values_list("webhook_kinds", flat=True)
    return frozenset(kind for some in chosen for kind in some)


def targets(numbers: Collection[str]) -> dict[str, Target]:
    """By member number, where their program passes letters on. One query where no program does."""
    kept = {one.program_id: one for one in LetterTerms.objects.exclude(webhook_address="")}
    if not kept:
        return {}
    found = {pk: Target(one.webhook_address, secret_of(one), frozenset(one.webhook_kinds)) for pk, one in kept.items()}
    members = Member.objects.filter(number__in=numbers, program__in=found)
    return {number: found[program_id] for number, program_id in members.values_list("number", "program_id")}


def new_secret() -> str:
    """A secret of 256 bits, sealed for the database."""
    return seal(secrets.token_hex(32), purpose=PURPOSE)


def secret_of(terms: LetterTerms) -> str:
    """The secret as the other system needs it."""
    return opened(terms.webhook_secret, purpose=PURPOSE) if terms.webhook_secret else ""

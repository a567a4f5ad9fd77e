"""Enrolment: a person becomes a member, with a number, the first tier and an account in every wallet of the program.

A customer of one source is enrolled once, whatever is retried; an e-mail address belongs to one member of a program.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_rows, reserve_ids
from loyalty.common.errors import Refusal
from loyalty.common.ids import member_number
from loyalty.ledger.models import Account, Program
from loyalty.ledger.posting import open_accounts
from loyalty.mail import outbox
from members.models import Member, MemberAccount, Tier, TierStay

MEMBER_FIELDS = (
    "id", "program", "number", "source", "source_key", "name", "email", "phone", "birthday", "language", "status",
    "enrolled_at", "tier", "company",
)  # fmt: skip


class EmailTaken(Refusal):
    """Another member of the program has this e-mail address."""

    code = "email_taken"


class ProgramNotReady(Refusal):
    """The program lacks a lowest tier or a wallet, so nobody can be enrolled yet."""

    code = "program_not_ready"


@dataclass(slots=True)
class Applicant:
    """A person about to be enrolled. `source` and `source_key` name the customer in the shop's own system."""

    source: str = ""
    source_key: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    birthday: date | None = None
    language: str = "en"
    enrolled_at: datetime | None = None
    company: str = ""


def enrol(
    program: Program,
    *,
    at: datetime,
    actor: str,
    name: str = "",
    email: str = "",
    phone: str = "",
    birthday: date | None = None,
    language: str = "en",
    source: str = "",
    source_key: str = "",
    welcome: bool = True,
    referral_code: str = "",
    company: str = "",
) -> Member:
    """Enrol one person and queue the welcome letter. The same customer of the same source returns the first member.

    `referral_code` is the code of who brought them, `company` that of a business member. Raises EmailTaken, ProgramNotReady, and what `SETIA_JOINED` raises.
    """
    applicant = Applicant(source, source_key, name, email, phone, birthday, language, at, company)
    try:
        with transaction.atomic():
            if source_key:
                first = Member.objects.filter(program=program, source=source, source_key=source_key).first()
                if first:
                    return first
            _refuse_taken(program, email)
            (member_id,) = _enrol_new(program, [applicant], at=at)
            _tell_joined(program, [member_id], code=referral_code, at=at, actor=actor)
            member = Member.objects.select_related("program", "tier").get(id=member_id)
            if welcome:
                _queue_welcome(member, at=at)
            return member
    except (IntegrityError, EmailTaken):
        # Two doors enrolled the same person at once: the other one won, perhaps between the look by key and the look by address.
        if source_key:
            first = Member.objects.filter(program=program, source=source, source_key=source_key).first()
            if first:
                return first
        _refuse_taken(program, email)
        raise


@transaction.atomic
def enrol_many(
    program: Program, applicants: Sequence[Applicant], *, at: datetime, actor: str
) -> dict[tuple[str, str], int]:
    """Enrol those of the applicants who are not members yet, without letters, in a constant number of statements.

    Returns member ids by (source, source_key), of the new and the known. An address that another member has is left out
    of the new member's record.
    """
    keys = {(a.source, a.source_key): a for a in applicants if a.source_key}
    known = {
        (source, key): member_id
        for member_id, source, key in Member.objects.filter(
            program=program, source_key__any_of={key for _, key in keys}, source__any_of={source for source, _ in keys}
        ).values_list("id", "source", "source_key")
        if (source, key) in keys
    }
    new = [applicant for key, applicant in keys.items() if key not in known]
    if new:
        _drop_taken_emails(program, new)
        ids = _enrol_new(program, new, at=at)
        for applicant, member_id in zip(new, ids, strict=True):
            known[applicant.source, applicant.source_key] = member_id
        _tell_joined(program, ids, at=at, actor=actor)
    return known


def main_account(member: Member) -> Account:
    """The member's account in the program's main wallet."""
    return Account.objects.get(member_account__member=member, wallet__is_main=True)


def _tell_joined(program: Program, member_ids: Sequence[int], *, at: datetime, actor: str, code: str = "") -> None:
    """Let the floor above give what joining earns; it is named in the settings."""
    if settings.SETIA_JOINED:
        import_string(settings.SETIA_JOINED)(program, member_ids, code=code, at=at, actor=actor)


def _refuse_taken(program: Program, email: str) -> None:
    if email and Member.objects.filter(program=program, email__iexact=email).exists():
        raise EmailTaken(
            _("Another member already uses this e-mail address. Look that member up, or use another address.")
        )


def _drop_taken_emails(program: Program, applicants: list[Applicant]) -> None:
    wanted = {a.email.lower() for a in applicants if a.email}
    taken = set()
    if wanted:
        taken = set(
            Member.objects.filter(program=program)
            .annotate(lower_email=Lower("email"))
            .filter(lower_email__in=wanted)
            .values_list("lower_email", flat=True)
        )
    for applicant in applicants:
        email = applicant.email.lower()
        if email in taken:
            applicant.email = ""
        elif email:
            taken.add(email)


def _enrol_new(program: Program, applicants: Sequence[Applicant], *, at: datetime) -> list[int]:
    tier = Tier.objects.filter(program=program, rank=0).first()
    wallets = list(program.wallets.all())
    if tier is None or not any(wallet.is_main for wallet in wallets):
        raise ProgramNotReady(_("The program needs a lowest tier and a main wallet before members can be enrolled."))
    ids = reserve_ids(Member, len(applicants))
    numbers = _new_numbers(len(applicants))
    insert_rows(
        Member,
        MEMBER_FIELDS,
        [
            (
                member_id, program.id, number, a.source, a.source_key, a.name, a.email.lower(), a.phone, a.birthday,
                a.language, Member.Status.ACTIVE, a.enrolled_at or at, tier.id, a.company,
            )
            for member_id, number, a in zip(ids, numbers, applicants, strict=True)
        ],
    )  # fmt: skip
    for wallet in wallets:
        accounts = open_accounts(wallet, len(applicants), at=at)
        rows = [(member_id, wallet.id, account_id) for member_id, account_id in zip(ids, accounts, strict=True)]
        insert_rows(MemberAccount, ("member", "wallet", "account"), rows)
    stays = [(i, tier.id, a.enrolled_at or at, at, "enrolment", 0) for i, a in zip(ids, applicants, strict=True)]
    insert_rows(TierStay, ("member", "tier", "since", "recorded_at", "cause", "measured"), stays)
    return ids


def _new_numbers(count: int) -> list[str]:
    """Member numbers nobody has. The unique constraint stands behind it."""
    numbers: set[str] = set()
    while len(numbers) < count:
        fresh = {member_number() for _ in range(count - len(numbers))}
        numbers |= fresh - set(Member.objects.filter(number__any_of=fresh).values_list("number", flat=True))
    return list(numbers)


def _queue_welcome(member: Member, *, at: datetime) -> None:
    outbox.queue(
        recipient=member.number,
        address=member.email,
        language=member.language,
        kind="welcome",
        subject=member.number,
        context={"name": member.name, "number": member.shown_number, "program": member.program.name},
        at=at,
    )

"""Consent: what a member lets us send, per channel and purpose (DOMAIN 11.2, 12.6).

Nobody has agreed who was not recorded as agreeing. Each yes and each no is a row with its time, source and the version of the words;
rows are only added, and the latest one counts. Service letters (codes, receipts, expiry) do not ask.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.ledger.models import Program
from members.models import Consent, ConsentTerms, Member

Channel, Purpose, Source = Consent.Channel, Consent.Purpose, Consent.Source


class ConsentRefused(Refusal):
    """There is no such channel or purpose, the membership is closed, or it would be from the future."""

    code = "consent_refused"
    status = 422


@dataclass(frozen=True, slots=True)
class Choice:
    """One channel and purpose, and the consent that counts for it; None when the member never said anything."""

    channel: str
    purpose: str
    latest: Consent | None

    @property
    def is_given(self) -> bool:
        """Whether the member agreed and did not withdraw it."""
        return self.latest is not None and self.latest.is_given

    @property
    def key(self) -> str:
        """The name of the choice in forms."""
        return f"{self.purpose}-{self.channel}"


def give(member: Member, channel: str, purpose: str, *, at: datetime, source: str, actor: str, note: str = "", happened_at: datetime | None = None) -> Consent:  # fmt: skip
    """The member agrees, to the present words. What holds already under the same words is returned as it is. Raises ConsentRefused."""
    if member.status != Member.Status.ACTIVE:
        raise ConsentRefused(_("This membership is closed, so no consent can be given."))
    return _record(member, channel, purpose, True, at=at, source=source, actor=actor, note=note, happened_at=happened_at)  # fmt: skip


def withdraw(member: Member, channel: str, purpose: str, *, at: datetime, source: str, actor: str, note: str = "", happened_at: datetime | None = None) -> Consent:  # fmt: skip
    """The member does not agree any more; of a closed membership too. A no that holds is returned as it is. Raises ConsentRefused."""
    return _record(member, channel, purpose, False, at=at, source=source, actor=actor, note=note, happened_at=happened_at)  # fmt: skip


@transaction.atomic
def choose(member: Member, wanted: set[str], *, at: datetime, source: str, actor: str) -> list[Consent]:
    """Make a member's consents these (`Choice.key`), as on a page with ticks; what was not touched is not recorded again."""
    made = []
    for choice in choices(member):
        if choice.is_given != (choice.key in wanted):
            verb = withdraw if choice.is_given else give
            made.append(verb(member, choice.channel, choice.purpose, at=at, source=source, actor=actor))
    return made


def choices(member: Member) -> list[Choice]:
    """Every channel and purpose with what counts now: one query."""
    latest: dict[tuple[str, str], Consent] = {}
    for row in Consent.objects.filter(member=member).select_related("terms").order_by("at", "id"):
        latest[row.channel, row.purpose] = row
    return [
        Choice(channel, purpose, latest.get((channel, purpose))) for purpose in Purpose.values for channel in Channel.values
    ]  # fmt: skip


def has(member: Member, channel: str, purpose: str) -> bool:
    """Whether the member agrees now: one query."""
    latest = Consent.objects.filter(member=member, channel=channel, purpose=purpose).order_by("-at", "-id")
    return bool(latest.values_list("is_given", flat=True).first())


def members_with(program: Program, channel: str, purpose: str, *, at: datetime | None = None) -> QuerySet[Consent]:
    """The consents that count, one for each member of a program who agrees (at an instant): for segments and letters to many."""
    known = Consent.objects.filter(channel=channel, purpose=purpose)
    known = known if at is None else known.filter(at__lte=at)
    later = known.filter(member=OuterRef("member")).filter(
        Q(at__gt=OuterRef("at")) | Q(at=OuterRef("at"), pk__gt=OuterRef("pk"))
    )
    return known.filter(member__program=program, is_given=True).exclude(Exists(later)).order_by()


def terms_of(program: Program) -> ConsentTerms | None:
    """The words that members agree to now; None while nobody wrote any."""
    return ConsentTerms.objects.filter(program=program).order_by("-number").first()


@transaction.atomic
def publish_terms(program: Program, text: str, *, text_id: str, text_ms: str, at: datetime, actor: str) -> ConsentTerms:
    """Another wording from now on. Who agreed before agreed to the former words."""
    latest = Program.objects.select_for_update().get(pk=program.pk).consent_terms.order_by("-number").first()
    told = {"text": text, "text_id": text_id, "text_ms": text_ms, "since": at, "recorded_by": actor}
    return ConsentTerms.objects.create(program=program, number=latest.number + 1 if latest else 1, **told)


@transaction.atomic
def _record(
    member: Member, channel: str, purpose: str, is_given: bool, *, at: datetime, source: str, actor: str, note: str,
    happened_at: datetime | None,
) -> Consent:  # fmt: skip
    if channel not in Channel.values or purpose not in Purpose.values:
        raise ConsentRefused(_("There is no such channel or purpose."))
    if happened_at is not None and happened_at > at:
        raise ConsentRefused(_("This lies in the future. Check the date."))
    Member.objects.select_for_update(no_key=True, of=("self",)).get(
        pk=member.pk
    )  # one at a time: the same yes is one row
    known = Consent.objects.filter(member=member, channel=channel, purpose=purpose)
    latest, terms = known.order_by("-at", "-id").first(), terms_of(member.program)
    terms_id = terms.pk if terms else None
    if latest is not None and latest.is_given == is_given and (not is_given or latest.terms_id == terms_id):
        return latest
    return Consent.objects.create(
        member=member, channel=channel, purpose=purpose, is_given=is_given, at=happened_at or at, recorded_at=at, source=source,
        recorded_by=actor, terms=terms, note=note.strip()[:200],
    )  # fmt: skip

"""Who reads the letters: what mail asks of the members' floor before it hands a letter over (`SETIA_READERS`)."""

from collections.abc import Collection

from loyalty.mail.gate import Cap, Quiet, Reader
from members.models import Consent, Member


def readers(numbers: Collection[str], *, with_consents: bool) -> dict[str, Reader]:
    """The members of these numbers, with what they agree to if that is asked. One query, or two. Who left agrees to nothing."""
    found = Member.objects.filter(number__in=numbers).select_related("program")
    agreed = _agreed(found) if with_consents else {}
    return {
        member.number: Reader(
            address=member.email,
            name=member.name,
            phone=member.phone,
            agrees=frozenset(agreed.get(member.pk, ())) if member.status == Member.Status.ACTIVE else frozenset(),
            quiet=_quiet(member),
            cap=_cap(member),
        )
        for member in found
    }


def _agreed(members: Collection[Member]) -> dict[int, set[tuple[str, str]]]:
    """Channel and purpose of every yes that counts: the latest word of a member for each."""
    agreed: dict[int, set[tuple[str, str]]] = {}
    said = Consent.objects.filter(member__in=[member.pk for member in members]).order_by("at", "id")
    for member_id, channel, purpose, is_given in said.values_list("member_id", "channel", "purpose", "is_given"):
        choices = agreed.setdefault(member_id, set())
        (choices.add if is_given else choices.discard)((channel, purpose))
    return agreed


def _quiet(member: Member) -> Quiet | None:
    program = member.program
    if program.quiet_from is None or program.quiet_until is None:
        return None
    return Quiet(program.quiet_from, program.quiet_until, program.time_zone)


def _cap(member: Member) -> Cap | None:
    program = member.program
    if program.news_most is None or program.news_days is None:
        return None
    return Cap(program.news_most, program.news_days)

"""Finding one member of a program. A member of another program is answered like one that does not exist."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from loyalty.common.ids import is_member_number
from loyalty.common.prepared import Given, Prepared
from loyalty.ledger.models import Program
from members.activity import MemberUnknown
from members.models import Member

_by_number = Prepared(
    lambda: Member.objects.filter(program=Given("program"), number=Given("number")).select_related("tier")
)


def by_number(program: Program, typed: str) -> Member:
    """The member with this number, typed with or without spaces. Raises MemberUnknown."""
    number = typed[:40].replace(" ", "").replace("-", "")
    found = _by_number.first(program=program.pk, number=number) if is_member_number(number) else None
    if found is None:
        raise unknown()
    found.program = program
    return found


def by_email(program: Program, email: str) -> Member:
    """The member with this e-mail address. Raises MemberUnknown."""
    found = _members(program).filter(email__iexact=email).first() if email else None
    if found is None:
        raise unknown()
    return found


def by_source_key(program: Program, source: str, source_key: str) -> Member:
    """The member whom a shop's own system knows by this key. Raises MemberUnknown."""
    found = _members(program).filter(source=source, source_key=source_key).first() if source_key else None
    if found is None:
        raise unknown()
    return found


def unknown() -> MemberUnknown:
    """The refusal of a member nobody here knows."""
    return MemberUnknown(_("There is no such member. Check the number, or enrol the customer first."))


def _members(program: Program) -> QuerySet[Member]:
    """The members of a program, with what answers say of them."""
    return Member.objects.filter(program=program).select_related("program", "tier")

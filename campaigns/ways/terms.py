"""The terms of a program's ways to earn: what was set, else the defaults of every field."""

from campaigns.ways.models import WayTerms
from loyalty.ledger.models import Program


def terms_of(program: Program) -> WayTerms:
    """The program's terms; where none were set yet, the defaults, which nobody has stored."""
    return WayTerms.objects.filter(program=program).first() or WayTerms(program=program)

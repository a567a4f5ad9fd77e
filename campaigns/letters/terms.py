"""Which letters a program writes: what was set, else the defaults of every field."""

from campaigns.letters.models import LetterTerms
from loyalty.ledger.models import Program


def terms_of(program: Program) -> LetterTerms:
    """The program's terms; where none were set yet, the defaults, which nobody has stored."""
    return LetterTerms.objects.filter(program=program).first() or LetterTerms(program=program)

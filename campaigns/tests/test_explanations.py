"""Explanations read as sentences."""

from decimal import Decimal
from fractions import Fraction

import pytest

from campaigns.earning import Basket, ProgramTerms, RuleTerms, rate
from campaigns.explanations import near_misses, sentence
from campaigns.tests.test_earning import NOON, base, bonus, times

RAMADAN = {"en": "Ramadan", "id": "Ramadan Berkah", "ms": "Ramadan"}


def explained(amount, rules, **terms):
    return rate(
        Basket([Decimal(amount)]), "bronze", rules, NOON, ProgramTerms(terms.pop("currency", "USD"), **terms)
    ).explanation


@pytest.mark.parametrize(
    ("amount", "rules", "words"),
    [
        ("12.66", [base(), times(2, names=RAMADAN)], "25 points: 1 point per $1 on $12.66, doubled by Ramadan (rounded down)"),
        ("10.00", [base("10")], "100 points: 10 points per $1 on $10.00"),
        ("1.00", [base()], "1 point: 1 point per $1 on $1.00"),
        ("10.00", [base(), times(3, names=RAMADAN)], "30 points: 1 point per $1 on $10.00, tripled by Ramadan"),
        ("10.00", [base(), times("1.5", names=RAMADAN)], "15 points: 1 point per $1 on $10.00, times 1.5 by Ramadan"),
        ("10.00", [base("1", "2.50"), bonus(1, names={"en": "Welcome"})],
         "5 points: 1 point per $2.50 on $10.00, 1 extra point for Welcome"),
        ("10.00", [base(), bonus(50)], "60 points: 1 point per $1 on $10.00, 50 extra points for gift"),
        ("10.00", [], "No points: no rule applies"),
        ("1999.00", [base()], "1,999 points: 1 point per $1 on $1,999.00"),
    ],
)  # fmt: skip
def test_an_award_reads_as_a_sentence(amount, rules, words):
    assert sentence(explained(amount, rules), "en") == words


def test_names_are_told_in_the_readers_language():
    explanation = explained("10.00", [base(), times(2, names=RAMADAN)])
    assert "Ramadan Berkah" in sentence(explanation, "id")


def test_rounding_is_told_as_the_program_rounds():
    assert sentence(explained("1.50", [base()], rounding="half_up"), "en").endswith("(rounded to the nearest)")
    assert sentence(explained("1.50", [base()], rounding="ceiling"), "en").endswith("(rounded up)")


def test_a_near_miss_tells_how_much_more():
    rules = [base(), RuleTerms("big", 1, "fixed", points=Fraction(9), minimum=Decimal(50), names={"en": "Big basket"})]
    assert near_misses(explained("40.00", rules), "en") == ["$10.00 more, and Big basket would have counted"]


def test_an_entry_that_is_no_award_has_no_sentence():
    assert sentence({}) == ""
    assert sentence({"grace": {"lots": [1]}}) == ""

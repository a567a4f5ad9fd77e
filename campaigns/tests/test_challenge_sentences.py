"""A challenge reads as one sentence: what to do, on what and when, by when, and what is won."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from campaigns.challenge_panels import terms_in_words
from campaigns.challenges.definitions import problems, terms_of
from campaigns.challenges.sentences import sentence
from campaigns.challenges.showing import of_member
from campaigns.tests.games import card, start
from campaigns.tests.shop import open_shop
from loyalty.ledger.models import Wallet
from loyalty.pos.testing import Shop
from members.segments.models import Segment
from members.segments.testing import all_of, make_segment
from members.testing import OPENING

WALLET = Wallet(unit="point", units="points", is_main=True, money_per_unit=Decimal(0))
LAST = date(2026, 12, 31)
COFFEE = {"activity": "purchase", "categories": ["coffee"]}


def said(kind, goal, conditions=None, **more):
    told = {"goal": goal, "conditions": conditions or {"activity": "purchase"}, "prize": {"points": "200"}} | more
    assert problems(kind, told) == {}
    terms = terms_of(1, kind, 1, told, {})
    return sentence(terms, WALLET, "USD", through=LAST, tiers={"gold": "Gold"}, rewards={})


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (("card", "3", COFFEE, {"measure": "pieces"}), "Buy 3 × coffee by December 31, 2026: 200 points."),
        (("card", "3", COFFEE, {}), "Buy coffee 3 times by December 31, 2026: 200 points."),
        (("card", "1", None, {}), "Make 1 purchase by December 31, 2026: 200 points."),
        (("card", "5", None, {"repeats": True}), "Make 5 purchases: 200 points each time, until December 31, 2026."),
        (("card", "5", None, {"per": "month"}), "Make 5 purchases in a month: 200 points. Counts until December 31, 2026."),
        (("card", "2", None, {"per": "rolling", "days": 7}), "Make 2 purchases within 7 days: 200 points. Counts until December 31, 2026."),
        (("card", "50", COFFEE, {"measure": "amount"}), "Spend $50.00 on coffee by December 31, 2026: 200 points."),
        (("card", "500", None, {"measure": "points"}), "Earn 500 points by December 31, 2026: 200 points."),
        (("card", "4", None, {"measure": "days"}), "Buy on 4 different days by December 31, 2026: 200 points."),
        (("card", "3", {"activity": "review"}, {}), "Write 3 reviews by December 31, 2026: 200 points."),
        (("card", "2", {"activity": "workshop"}, {}), "Do “workshop” 2 times by December 31, 2026: 200 points."),
        (
            ("card", "3", COFFEE | {"tiers": ["gold"], "weekdays": [6, 7], "minimum": "10"}, {"measure": "pieces"}),
            "Buy 3 × coffee, only Gold, on Saturday and Sunday, from $10.00 by December 31, 2026: 200 points.",
        ),
        (("streak", "3", None, {"per": "week", "each": "1"}), "Make 1 purchase each week, 3 weeks in a row: 200 points. Counts until December 31, 2026."),
        (("instant", "50", None, {}), "Every purchase is an entry: every entry number 50 wins. To be won: 200 points, until December 31, 2026."),
    ],
)  # fmt: skip
def test_a_challenge_reads_as_a_sentence(told, words):
    kind, goal, conditions, more = told
    assert said(kind, goal, conditions, **more) == words


@pytest.mark.django_db
def test_members_are_not_told_which_segment_they_are_in_and_staff_are_by_its_name(program, ani):
    open_shop(program)
    make_segment(program, "at-risk", all_of({"about": "enrolled", "least": 0}), at=OPENING)
    Segment.objects.update(name="Nearly gone")
    told = card("3", repeats=False, conditions=COFFEE | {"segments": ["at-risk"]})
    challenge = start(program, "coffee", told, days=3650)
    words = "Buy coffee 3 times by December 30, 2035: 50 points."
    assert [one.sentence for one in of_member(ani, at=OPENING + timedelta(days=1))] == [words]
    assert terms_in_words([challenge], [told]) == [words.replace(" by", ", for “Nearly gone” by")]


@pytest.mark.django_db
def test_members_and_shops_read_it(program, ani):
    open_shop(program)
    start(program, "coffee", card("3", repeats=False, conditions=COFFEE), days=3650)
    told = "Buy coffee 3 times by December 30, 2035: 50 points."
    assert [one.sentence for one in of_member(ani, at=OPENING)] == [told]
    (read,) = Shop(program).get(f"/members/{ani.number}/challenges").json()["challenges"]
    assert read["sentence"] == told

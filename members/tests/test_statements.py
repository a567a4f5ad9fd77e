"""A member's statement as of any instant, in Python and on the command line."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from loyalty.ledger import posting
from members import statements
from members.enrolment import main_account
from members.models import Tier, TierStay
from members.testing import OPENING, give_points

pytestmark = pytest.mark.usefixtures("proven_books")


def day(number):
    return OPENING + timedelta(days=number)


def move(member, tier, since, recorded_at=None, ends=()):
    """Write a tier stay as a late or timely purchase would: earlier ones end with it, overtaken ones lose their length."""
    for stay in ends:
        stay.until = max(stay.since, since)
        stay.save()
    tier = Tier.objects.get(program=member.program, slug=tier)
    later = member.tier_stays.filter(until__isnull=True).first()
    return TierStay.objects.create(
        member=member,
        tier=tier,
        since=since,
        until=later.since if later else None,
        recorded_at=recorded_at or since,
        cause="x",
    )


def tier(member, at, known_at=None):
    stay = statements.stay_at(member, at=at, known_at=known_at)
    return stay.tier.slug if stay else None


def test_a_tier_is_the_one_whose_stay_had_begun(ani):
    first = ani.tier_stays.get()
    move(ani, "silver", day(10), ends=[first])
    assert [tier(ani, day(number)) for number in (-1, 0, 9, 10, 50)] == [None, "bronze", "bronze", "silver", "silver"]


def test_a_tier_learned_of_late_was_true_then_but_not_known_then(ani):
    first = ani.tier_stays.get()
    silver = move(ani, "silver", day(10), ends=[first])
    # On day 20 a purchase of day 5 arrives, which had already reached gold.
    move(ani, "gold", day(5), recorded_at=day(20), ends=[first, silver])
    assert [tier(ani, day(number)) for number in (4, 5, 10, 19)] == ["bronze", "gold", "gold", "gold"]
    assert [tier(ani, day(number), known_at=day(19)) for number in (4, 5, 10, 19)] == [
        "bronze",
        "bronze",
        "silver",
        "silver",
    ]
    assert tier(ani, day(10), known_at=day(20)) == "gold"


def shown(*arguments, **options):
    out = StringIO()
    call_command("statement", *arguments, stdout=out, **options)
    return out.getvalue()


def test_the_command_prints_balance_lots_and_tier(ani):
    give_points(ani, 1200, at=day(0), expires_at=day(300))
    give_points(ani, 5, at=day(1), recorded_at=day(9), reference="late", expires_at=None)
    posting.redeem(main_account(ani).id, 200, at=day(5), reference="r", source="t", actor="t")
    text = shown(ani.number, as_of="2026-01-05")
    assert "points: 1,205 available, 0 pending, 0 held, 0 owed" in text
    assert "Tier: bronze" in text
    assert "1,200 open, last valid day 2026-10-28" in text
    assert "5 open, never expires" in text
    told = json.loads(shown(ani.number, as_of="2026-01-07T03:00Z", known_at="2026-01-07", json=True))
    assert (told["member"], told["tier"]) == (ani.number, "bronze")
    assert told["wallets"][0] | {"lots": None} == {
        "wallet": "points", "decimals": 0, "available": 1000, "pending": 0, "held": 0, "debt": 0,
        "points": 1000, "ran_out": 0, "entries": 2, "lots": None,
    }  # fmt: skip
    assert [lot["remaining"] for lot in told["wallets"][0]["lots"]] == [1000]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("999",), "There is no member 999"),
        (("--as-of", "31/01/2026"), "neither a day"),
        (("--as-of", "2026-01-31T10:00"), "nor an instant with its zone"),
        (("--known-at", "2026-02-30"), "neither a day"),
    ],
)
def test_the_command_says_what_it_cannot_read(ani, arguments, sentence):
    number = () if arguments == ("999",) else (ani.number,)
    with pytest.raises(CommandError, match=sentence):
        shown(*number, *arguments)


def told_between(member, *options):
    told = StringIO()
    call_command("statement", member.number, *options, stdout=told)
    return told.getvalue()


def test_what_lies_between_two_instants_is_told_with_its_lines(ani):
    give_points(ani, 30, at=day(1))
    give_points(ani, 50, at=day(5), reason="Birthday")
    between = ("--between", day(2).isoformat(), day(9).isoformat())
    words = told_between(ani, *between)
    assert "+ line 2: 50, Birthday" in words
    told = json.loads(told_between(ani, *between, "--json"))
    (wallet,) = told["wallets"]
    assert (wallet["points"], [line["number"] for line in wallet["added"]]) == (50, [2])
    assert (told["before"]["wallets"][0]["available"], told["after"]["wallets"][0]["available"]) == (30, 80)


def test_one_instant_or_two_but_not_both(ani):
    with pytest.raises(CommandError):
        told_between(ani, "--as-of", "2026-01-05", "--between", "2026-01-02", "2026-01-09")

"""Birthday gifts of the tiers: points and rewards once a year, with a letter; shown to member, staff and API."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns import tier_benefits
from campaigns.tests.shop import add_rule, buy, open_shop
from campaigns.ways import gifting
from campaigns.ways.models import BirthdayGift, GiftGiven
from loyalty.desk import roles
from loyalty.ledger.models import Entry
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from loyalty.tests.racing import on_postgresql, race
from members.enrolment import enrol
from members.models import Member
from members.testing import points_of
from members.tests.portal import signed_in, words
from members.wording import explain, title
from rewards.models import Redemption
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
BIRTHDAY = date(1990, 3, 2)


def noon(day):
    return datetime(day.year, day.month, day.day, 5, tzinfo=UTC)


def given(program, day, **more):
    return gifting.give_due(program, at=noon(day), **more)


def gift(program, slug="bronze", **what):
    return BirthdayGift.objects.create(tier=program.tiers.get(slug=slug), **what)


@pytest.fixture
def dewi(program):
    return enrol(program, at=datetime(2026, 1, 5, 3, tzinfo=UTC), actor="test", name="Dewi", email="dewi@example.com", birthday=BIRTHDAY, welcome=False)  # fmt: skip


def test_points_of_the_tier_are_given_once_a_year_with_a_letter_and_a_reason(program, dewi):
    gift(program, points=50)
    assert [given(program, date(2026, 3, day)).done for day in (1, 2, 2, 3)] == [0, 1, 0, 0]
    assert points_of(dewi, at=noon(date(2026, 3, 2))) == 50
    entry = Entry.objects.get(reference=f"birthday:setia:{dewi.pk}:2026")
    assert (title(entry), explain(entry)) == ("Birthday gift", "The birthday gift of Bronze members.")
    letter = Message.objects.get(kind="birthday_gift")
    subject, text, html = render(letter)
    assert subject == "Happy birthday from Kopi Nusantara"
    assert "Your gift: 50 points." in text and "Your gift: 50 points." in html
    assert given(program, date(2027, 3, 2)).done == 1


def test_the_tier_held_when_the_birthday_begins_decides(program, dewi):
    open_shop(program)
    gift(program, points=50)
    gift(program, "silver", points=200)
    buy(dewi, "1000", noon(date(2026, 3, 1)))
    assert given(program, date(2026, 3, 4)).report["points"] == 200
    assert GiftGiven.objects.get().tier.slug == "silver"


def test_a_tier_without_a_gift_and_a_closed_membership_get_nothing(program, dewi):
    gift(program, "gold", points=50)
    assert given(program, date(2026, 3, 2)).done == 0
    gift(program, points=50)
    Member.objects.filter(pk=dewi.pk).update(status="closed")
    assert given(program, date(2026, 3, 2)).done == 0
    assert not GiftGiven.objects.exists() and not Entry.objects.exists()


def test_a_reward_is_given_as_a_voucher_and_one_that_is_gone_is_owed_until_staff_give_it(program, dewi):
    latte = make_reward(program, stock=0)
    gift(program, reward=latte)
    assert given(program, date(2026, 3, 2)).report == {"points": 0, "rewards": 0, "owed": 1}
    told = GiftGiven.objects.get()
    assert told.owed == "out_of_stock" and not Redemption.objects.exists()
    assert "Your reward is not there at the moment" in render(Message.objects.get())[1]
    type(latte).objects.update(stock=1)
    desk = staff_client(roles.PROGRAM_MANAGER)
    page = reverse("admin:ways_giftgiven_give_reward", args=[told.pk])
    assert desk.get(page).status_code == 200
    assert desk.post(page).status_code == 302
    told.refresh_from_db()
    assert (told.owed, told.redemption.reward, told.redemption.cost) == ("", latte, 0)
    letter = render(Message.objects.order_by("-pk").first())[1]
    assert told.redemption.voucher.shown_code in letter and "Free latte" in letter


def test_a_changed_date_of_birth_brings_no_second_gift(program, dewi):
    gift(program, points=50)
    given(program, date(2026, 3, 2))
    Member.objects.filter(pk=dewi.pk).update(birthday=date(1990, 12, 20))
    assert given(program, date(2026, 12, 20)).done == 0
    Member.objects.filter(pk=dewi.pk).update(birthday=date(1990, 1, 10))
    assert given(program, date(2027, 1, 10)).done == 1


def test_a_dry_run_finds_them_and_gives_nothing(program, dewi):
    gift(program, points=50)
    tally = given(program, date(2026, 3, 2), dry_run=True)
    assert (tally.found, tally.done, GiftGiven.objects.count()) == (1, 0, 0)


def test_many_birthdays_take_as_many_queries_as_two(program, dewi):
    gift(program, points=50)
    enrol(program, at=datetime(2026, 1, 5, 3, tzinfo=UTC), actor="test", name="Citra", birthday=BIRTHDAY)
    with CaptureQueriesContext(connection) as two:
        given(program, date(2026, 3, 2))
    for name in ("Eka", "Fitri", "Gita"):
        enrol(program, at=datetime(2026, 1, 5, 3, tzinfo=UTC), actor="test", name=name, birthday=date(1990, 6, 2))
    with CaptureQueriesContext(connection) as many:
        assert given(program, date(2026, 6, 2)).done == 3
    assert len(many) <= len(two)


@pytest.mark.parametrize("case", [pytest.param(0, marks=on_postgresql)])
def test_two_jobs_at_once_give_one_gift(case, program, dewi):
    gift(program, points=50)
    race(*[lambda: given(program, date(2026, 3, 2))] * 2)
    assert GiftGiven.objects.count() == 1
    assert points_of(dewi, at=noon(date(2026, 3, 2))) == 50


def test_what_a_tier_gives_is_shown_to_member_staff_and_api(program, dewi):
    gift(program, points=50, reward=make_reward(program))
    told = tier_benefits.benefits_of(program)
    told["bronze"]["factor"], told["bronze"]["gift"] = "1.5", 50
    tier_benefits.keep_benefits(program, told, at=noon(date(2026, 3, 1)), actor="test")
    program.tiers.filter(slug="bronze").update(benefits="A warm welcome", early_access_days=3)
    lines = [
        "A warm welcome", "New rewards and campaigns 3 days earlier", "1.5 times the points of every purchase",
        "On your birthday: 50 points and Free latte",
    ]  # fmt: skip
    for name in ("portal_tier", "portal_home"):
        page = words(signed_in(dewi).get(reverse(name)))
        assert all(line in page for line in lines), name
    desk = words(staff_client(roles.SUPPORT_AGENT).get(reverse("admin:members_member_change", args=[dewi.pk])))
    assert all(line in desk for line in lines)
    answer = Shop(program).get(f"/members/{dewi.number}/tiers").json()
    assert answer["tier"]["benefits"] == lines


def test_the_multiplier_rule_is_edited_with_the_tiers_only(program):
    rule = add_rule(program, tier_benefits.SLUG, {"award": {"kind": "multiplier", "by_tier": {"gold": "2"}}})
    desk = staff_client(roles.PROGRAM_MANAGER)
    address = reverse("admin:campaigns_rule_change", args=[rule.pk])
    page = desk.get(address)
    assert "Edit the tiers, with a preview of what it costs" in words(page) and 'name="_save"' not in words(page)
    assert desk.post(address, {"name": "Mine"}).status_code == 403
    rule.refresh_from_db()
    assert rule.name == "Tier-Multiplier" and rule.versions.count() == 1


def test_the_desk_edits_the_reward_of_a_gift_and_leads_to_the_preview_for_points(program):
    latte = make_reward(program)
    desk = staff_client(roles.PROGRAM_MANAGER)
    tier = program.tiers.get(slug="gold")
    desk.post(reverse("admin:ways_birthdaygift_add"), {"tier": tier.pk, "reward": latte.pk})
    made = BirthdayGift.objects.get()
    assert (made.tier, made.reward, made.points) == (tier, latte, 0)
    page = words(desk.get(reverse("admin:ways_birthdaygift_change", args=[made.pk])))
    assert "Edit the points, with a preview of what they cost" in page
    desk.post(reverse("admin:ways_birthdaygift_change", args=[made.pk]), {"reward": latte.pk, "points": 900})
    made.refresh_from_db()
    assert made.points == 0

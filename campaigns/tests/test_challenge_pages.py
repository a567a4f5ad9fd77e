"""Challenges in the portal, on leaderboards and over the API."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.challenges import boards, showing
from campaigns.models import ChallengeProgress, DisplayName
from campaigns.tests.games import card, start
from campaigns.tests.shop import buy, give_back, open_shop
from loyalty.pos.testing import Shop
from members.testing import make_member
from members.tests.portal import signed_in
from rewards.testing import make_reward

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(program):
    return open_shop(program)


@pytest.fixture
def began():
    return timezone.now() - timedelta(minutes=30)


def page(member) -> str:
    return signed_in(member).get(reverse("portal_challenges")).content.decode()


def test_a_member_sees_how_far_they_are_what_is_missing_and_what_was_won(shop, ani, began):
    make_reward(shop)
    start(shop, "stamps", card("3", prize={"points": "50", "reward": "latte"}), at=began)
    start(shop, "weeks", card("4", per="week", prize={"badge": True}), kind="streak", at=began)
    start(shop, "wheel", card("2", draw="chance"), kind="instant", at=began)
    for minute in range(4):
        buy(ani, "10", began + timedelta(minutes=minute))
    told = page(ani)
    assert "Still to do: 2 purchases." in told
    assert "This week is done. Come again next week." in told
    assert "You have 4 entries." in told
    assert "50 points and Free latte" in told
    assert "1 of 3" in told
    home = signed_in(ani).get(reverse("portal_home")).content.decode()
    assert "All challenges" in home


def test_without_challenges_the_page_says_so_and_home_shows_nothing(shop, ani):
    assert "No challenge runs at the moment" in page(ani)
    assert "All challenges" not in signed_in(ani).get(reverse("portal_home")).content.decode()


def test_a_challenge_of_another_language_is_not_shown(shop, ani, budi, began):
    start(shop, "indonesian", card("3", conditions={"activity": "purchase", "languages": ["id"]}), at=began)
    assert ("Indonesian" in page(ani), "Indonesian" in page(budi)) == (False, True)


def test_only_who_chose_a_name_is_on_the_board_and_equal_totals_share_a_place(shop, ani, budi, siti, began):
    board = start(shop, "most", card("100"), at=began, has_board=True)
    for member, times in ((ani, 2), (budi, 2), (siti, 1)):
        for minute in range(times):
            buy(member, "10", began + timedelta(minutes=minute))
    boards.choose_name(ani, "Kopi Queen", at=began, actor="test")
    boards.choose_name(siti, "Teh Tarik", at=began, actor="test")
    told = [(line.place, line.name, int(line.total)) for line in boards.board(board, "", member=ani)]
    assert told == [(1, "Kopi Queen", 2), (2, "Teh Tarik", 1)]
    boards.choose_name(budi, "Ketiga", at=began, actor="test")
    assert [line.place for line in boards.board(board, "")] == [1, 1, 3]
    assert "Kopi Queen" in page(siti)
    assert "budi@example.com" not in page(siti)
    boards.leave(budi, at=began, actor="test")
    assert [line.name for line in boards.board(board, "")] == ["Kopi Queen", "Teh Tarik"]


def test_the_own_place_is_told_behind_the_first_ten(shop, began):
    board = start(shop, "most", card("100"), at=began, has_board=True)
    people = [make_member(shop, f"M{number}") for number in range(12)]
    for number, member in enumerate(people):
        boards.choose_name(member, f"Name {number}", at=began, actor="test")
        ChallengeProgress.objects.create(
            challenge=board, member=member, total=100 - number, counts_from=began, changed_at=began
        )
    with CaptureQueriesContext(connection) as caught:
        told = boards.board(board, "", member=people[11])
    assert [line.place for line in told] == [*range(1, 11), 12]
    assert (told[-1].is_mine, len(caught) <= 3) == (True, True)


@pytest.mark.parametrize("name", ["", "A", "ani@example.com", "0812345678", "x" * 30, "<b>Ani</b>"])
def test_a_name_that_does_not_fit_is_refused_and_nothing_is_kept(shop, ani, name):
    with pytest.raises(boards.NameDoesNotFit):
        boards.choose_name(ani, name, at=timezone.now(), actor="test")
    assert not DisplayName.objects.exists()


def test_a_name_belongs_to_one_member_whatever_its_capitals(shop, ani, budi):
    boards.choose_name(ani, "Kopi Queen", at=timezone.now(), actor="test")
    with pytest.raises(boards.NameTaken):
        boards.choose_name(budi, "kopi queen", at=timezone.now(), actor="test")
    assert DisplayName.objects.get().member == ani


def test_a_member_joins_and_leaves_the_leaderboards_on_the_page(shop, ani, began):
    start(shop, "most", card("100"), at=began, has_board=True)
    client = signed_in(ani)
    client.post(reverse("portal_display_name"), {"name": "Kopi Queen"})
    assert showing.display_name(ani) == "Kopi Queen"
    told = client.post(reverse("portal_display_name"), {"name": "x"}, follow=True).content.decode()
    assert "A display name has 2 to 24 letters" in told
    client.post(reverse("portal_display_name"), {"name": "", "leave": "1"})
    assert showing.display_name(ani) == ""


def test_an_app_reads_the_challenges_of_a_member(shop, ani, began):
    start(shop, "stamps", card("2"), at=began)
    first = buy(ani, "10", began)
    buy(ani, "11", began)
    till = Shop(shop)
    told = till.get(f"/members/{ani.number}/challenges").json()
    assert told["challenges"][0]["sentence"].startswith("Make 2 purchases: 50 points each time, until ")
    assert told["challenges"][0] | {"until": "", "sentence": ""} == {"sentence": "",
        "challenge": "stamps", "name": "Stamps", "kind": "card", "goal_in_words": "every 2 purchases", "promise": "50 points",
        "missing": "Still to do: 2 purchases.", "count": "0", "goal": "2", "rounds": 1, "is_done": False, "until": "",
    }  # fmt: skip
    assert [(one["status"], one["points"]) for one in told["prizes"]] == [("given", 50)]
    give_back(first.purchase, began + timedelta(minutes=5), "10")
    told = till.get(f"/members/{ani.number}/challenges").json()
    assert ([one["status"] for one in told["prizes"]], told["challenges"][0]["count"]) == (["back"], "1")
    assert till.get("/members/999999999999/challenges").status_code == 404

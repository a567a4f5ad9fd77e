"""Challenges on the desk: written in forms, set live, looked at, ended; and the reward that is owed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Challenge, Prize
from campaigns.tests.games import card, start
from campaigns.tests.shop import buy, open_shop
from loyalty.common.clock import local_day
from loyalty.desk import roles
from loyalty.tests.desk import staff_client
from rewards.testing import make_reward

pytestmark = pytest.mark.django_db
LIST = "admin:campaigns_challenge_changelist"


@pytest.fixture
def marketer(program):
    open_shop(program)
    make_reward(program, stock=0)
    return staff_client(roles.MARKETING_ASSISTANT)


def written(**more) -> dict:
    today = timezone.localdate()
    told = {
        "name": "Coffee card", "slug": "coffee-card", "kind": "card", "icon": "cup", "since_0": today.isoformat(), "since_1": "00:00",
        "until_0": (today + timedelta(days=60)).isoformat(), "until_1": "00:00", "activity": "purchase", "measure": "times",
        "goal": "5", "per": "all", "repeats": "on", "prize_points": "50", "minimum": "10",
    }  # fmt: skip
    return told | more


def test_a_marketer_writes_a_card_sets_it_live_and_ends_it(marketer, ani):
    add = marketer.get(reverse("admin:campaigns_challenge_add"))
    assert "What is to be done" in add.content.decode()
    saved = marketer.post(reverse("admin:campaigns_challenge_add"), written(), follow=True)
    challenge = Challenge.objects.get()
    assert challenge.versions.get().definition == {
        "measure": "times", "goal": "5", "per": "all", "repeats": True, "prize": {"points": "50"},
        "conditions": {"activity": "purchase", "minimum": "10"},
    }  # fmt: skip
    assert "counts nothing until you set it live" in saved.content.decode()
    page = reverse("admin:campaigns_challenge_change", args=[challenge.pk])
    for action, status in (("go_live", "live"), ("pause", "paused"), ("resume", "live"), ("end", "ended")):
        marketer.post(f"/admin/campaigns/challenge/{challenge.pk}/{action}/")
        challenge.refresh_from_db()
        assert challenge.status == status
    assert "Make 5 purchases, from Rp10: 50 points each time, until " in marketer.get(page).content.decode()


def test_the_challenge_reads_as_members_will_read_it_while_it_is_written(marketer, ani):
    address = reverse("admin:campaigns_challenge_in_words")
    told = marketer.post(address, written()).json()
    assert told["words"].startswith("Make 5 purchases, from Rp10: 50 points each time, until ")
    assert marketer.post(address, written(goal="")).json()["problems"][0].startswith("Say how many it takes")
    assert "Say what is won" in marketer.post(address, written(prize_points="")).json()["problems"][0]
    assert marketer.get(address).status_code == 405
    assert staff_client(roles.OPS).post(address, written()).status_code == 403
    assert Challenge.objects.count() == 0
    live = start(ani.program, "weekly", card("3", per="week"), kind="streak")
    again = {name: value for name, value in written(goal="4").items() if name not in ("kind", "slug")}
    assert marketer.post(f"{address}?of={live.pk}", again).json()["words"] == ""
    said = marketer.post(f"{address}?of={live.pk}", again | {"per": "week"}).json()["words"]
    assert "4 weeks in a row" in said
    live.refresh_from_db()
    assert live.versions.count() == 1


def test_a_live_challenge_shows_the_fields_of_its_kind_and_a_new_one_begins_tomorrow(marketer, program):
    start(program, "lucky", card("50", draw="every"), kind="instant")
    page = marketer.get(reverse("admin:campaigns_challenge_change", args=[Challenge.objects.get().pk])).content.decode()
    assert 'name="draw"' in page
    assert 'name="freeze"' not in page and 'name="per"' not in page
    new = marketer.get(reverse("admin:campaigns_challenge_add")).content.decode()
    assert all(f'name="{name}"' in new for name in ("per", "days", "each", "freeze", "draw"))
    assert "data-keeps" in new
    tomorrow = local_day(timezone.now(), program.time_zone) + timedelta(days=1)
    assert f'name="since_0" value="{tomorrow.isoformat()}"' in new


def test_what_is_not_sound_is_told_at_its_field_and_nothing_is_saved(marketer):
    told = marketer.post(reverse("admin:campaigns_challenge_add"), written(prize_points="", per="rolling")).content.decode()  # fmt: skip
    assert "Say within how many days." in told
    assert "Say what is won: points, a badge or a reward." in told
    assert not Challenge.objects.exists()


def test_a_change_of_a_live_challenge_is_a_new_version(marketer, program, ani):
    challenge = start(program, "stamps", card("3"), at=timezone.now() - timedelta(hours=1))
    page = reverse("admin:campaigns_challenge_change", args=[challenge.pk])
    form = marketer.get(page).context["adminform"].form
    told = written(name="Stamps", goal="4", **{"_seen": form.opened_with})
    told = {name: value for name, value in told.items() if not name.startswith("since") and name not in ("slug", "kind")}  # fmt: skip
    answer = marketer.post(page, told, follow=True).content.decode()
    assert "Version 2 counts from now on" in answer
    assert challenge.versions.count() == 2


def test_the_pages_tell_who_takes_part_and_what_was_won(marketer, program, ani, budi):
    began = timezone.now() - timedelta(minutes=30)
    challenge = start(program, "stamps", card("2"), at=began)
    for minute in range(3):
        buy(ani, "10", began + timedelta(minutes=minute))
    buy(budi, "10", began)
    told = marketer.get(reverse("admin:campaigns_challenge_change", args=[challenge.pk])).content.decode()
    assert "Latest prizes" in told
    member = marketer.get(reverse("admin:members_member_change", args=[ani.pk])).content.decode()
    assert "Still to do: 1 purchase." in member


def test_an_owed_reward_is_given_from_the_desk(marketer, program, ani):
    began = timezone.now() - timedelta(minutes=30)
    start(program, "stamps", card("1", prize={"reward": "latte"}), at=began)
    buy(ani, "10", began)
    prize = Prize.objects.get()
    give = f"/admin/campaigns/prize/{prize.pk}/give_reward/"
    assert "sold out" in marketer.post(give, follow=True).content.decode()
    program.rewards.update(stock=3)
    marketer.post(give)
    prize.refresh_from_db()
    assert (prize.owed, prize.redemption.status) == ("", "issued")


def test_the_list_asks_the_same_number_of_queries_for_many(marketer, program):
    def asked() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert marketer.get(reverse(LIST)).status_code == 200
        return len(caught)

    start(program, "one", card("2", prize={"reward": "latte"}), at=timezone.now())
    asked()
    few = asked()
    for number in range(6):
        start(program, f"more{number}", card("2", prize={"reward": "latte"}), at=timezone.now())
    assert asked() == few


def test_support_sees_challenges_and_changes_nothing(program):
    open_shop(program)
    challenge = start(program, "stamps", card("3"), at=timezone.now())
    client = staff_client(roles.SUPPORT_AGENT)
    assert client.get(reverse(LIST)).status_code == 200
    assert client.post(f"/admin/campaigns/challenge/{challenge.pk}/pause/").status_code == 403
    challenge.refresh_from_db()
    assert challenge.status == "live"


@pytest.mark.django_db(transaction=True)
def test_a_draft_that_is_being_edited_reads_too_where_no_transaction_is_open(program):
    """The form locks the row it is about, which PostgreSQL does within a transaction only."""
    open_shop(program)
    challenge = start(program, "stamps", card("3"), at=timezone.now())
    client = staff_client(roles.MARKETING_ASSISTANT)
    form = client.get(reverse("admin:campaigns_challenge_change", args=[challenge.pk])).context["adminform"].form
    told = {name: value for name, value in written(goal="4").items() if name not in ("kind", "slug")}
    address = f"{reverse('admin:campaigns_challenge_in_words')}?of={challenge.pk}"
    said = client.post(address, told | {"_seen": form.opened_with})
    assert said.status_code == 200
    assert said.json()["words"].startswith("Make 4 purchases")

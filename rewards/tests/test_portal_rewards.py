"""Home, rewards and vouchers as a member sees and uses them."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Campaign
from loyalty.common.clock import day_start, local_day
from members.enrolment import main_account
from members.models import Tier
from members.testing import give_points, points_of
from members.tests.portal import signed_in, words
from rewards.models import Redemption, Reward

pytestmark = pytest.mark.usefixtures("proven_books")


def add_reward(program, slug: str, cost: int, **more) -> Reward:
    more = {"name": slug.title(), "summary": f"About {slug}"} | more
    return Reward.objects.create(program=program, wallet=program.wallets.get(), slug=slug, cost=cost, **more)


@pytest.fixture
def coffee(program):
    return add_reward(program, "coffee", 250, name="Free coffee", kind="product")


@pytest.fixture
def rich(ani):
    give_points(ani, 1250, at=timezone.now() - timedelta(hours=1))
    return ani


def token_on(page) -> str:
    return re.search(r'name="token" value="([^"]+)"', page.content.decode()).group(1)


def redeem(client, slug: str):
    address = f"/rewards/{slug}/redeem/"
    return client.post(address, {"token": token_on(client.get(address))})


def test_home_shows_balance_worth_card_and_tier(rich):
    page = words(signed_in(rich).get("/"))
    assert "1,250" in page
    assert "Worth Rp125,000" in page
    assert rich.shown_number in page
    assert "You are Bronze" in page
    assert "<strong>1,000 points</strong> more and you are Silver." in page


def test_home_tells_what_runs_out_soon_with_its_last_day(ani):
    now = timezone.now()
    day = local_day(now, "Asia/Jakarta") + timedelta(days=20)
    give_points(ani, 70, at=now, expires_at=day_start(day + timedelta(days=1), "Asia/Jakarta"))
    page = words(signed_in(ani).get("/"))
    assert "Running out soon" in page
    from django.utils.formats import date_format

    assert f"Until {date_format(day)}" in page
    assert "70 points" in page


def test_home_of_a_new_member_says_what_to_do(ani):
    page = words(signed_in(ani).get("/"))
    assert "your first points appear here" in page
    assert "There are no rewards on offer" in page
    assert "Running out soon" not in page


def test_home_tells_of_running_campaigns(program, ani):
    now = timezone.now()
    window = {"since": now - timedelta(days=1), "until": now + timedelta(days=9), "program": program}
    Campaign.objects.create(slug="rain", name="Rainy days", summary="Twice the points", status="live", **window)
    Campaign.objects.create(slug="sun", name="Sunny days", summary="Not yet", status="draft", **window)
    page = words(signed_in(ani).get("/"))
    assert "Rainy days" in page
    assert "Twice the points" in page
    assert "Sunny days" not in page


def test_home_tells_of_campaigns_in_the_members_own_language(program, budi):
    now = timezone.now()
    window = {"since": now - timedelta(days=1), "until": now + timedelta(days=9), "program": program}
    Campaign.objects.create(
        slug="rain", name="Rainy days", name_id="Hari hujan", summary="Twice the points", summary_id="Poin ganda",
        status="live", **window,
    )  # fmt: skip
    page = words(signed_in(budi).get("/"))
    assert "Hari hujan" in page and "Poin ganda" in page
    assert "Twice the points" not in page


def test_rewards_are_sorted_with_those_in_reach_first(program, rich, coffee):
    add_reward(program, "tree", 100)
    add_reward(program, "bag", 2000)
    add_reward(program, "sold", 10, stock=0)
    add_reward(program, "golden", 20, minimum_tier=Tier.objects.get(slug="gold"))
    add_reward(program, "gone", 20, offered_until=timezone.now() - timedelta(days=1))
    add_reward(program, "few", 1200, stock=3, offered_until=timezone.now() + timedelta(days=3))
    page = words(signed_in(rich).get("/rewards/"))
    places = [page.index(name) for name in ("Tree", "Free coffee", "Few", "Bag", "Sold")]
    assert places == sorted(places)
    assert "750 points more" in page
    assert "Sold out" in page
    assert "From Gold" in page
    assert "3 left" in page
    assert "Gone" not in page


def test_a_reward_is_redeemed_after_showing_the_balance_before_and_after(rich, coffee):
    client = signed_in(rich)
    page = words(client.get("/rewards/coffee/redeem/"))
    for amount in ("1,250 points", "250 points", "1,000 points"):
        assert amount in page
    answer = redeem(client, "coffee")
    redemption = Redemption.objects.get()
    assert answer["Location"] == f"/vouchers/{redemption.pk}/"
    assert points_of(rich, at=timezone.now()) == 1000
    voucher = words(client.get(answer["Location"]))
    assert redemption.voucher.shown_code in voucher
    assert 'role="img" aria-label="QR code of your voucher"' in voucher
    assert "style=" not in voucher


def test_a_double_click_a_reload_and_a_second_tab_redeem_once(rich, coffee):
    client = signed_in(rich)
    tabs = [token_on(client.get("/rewards/coffee/redeem/")) for _tab in range(2)]
    answers = [client.post("/rewards/coffee/redeem/", {"token": token}) for token in (tabs[0], tabs[0], tabs[1])]
    assert len({answer["Location"] for answer in answers}) == 1
    assert Redemption.objects.count() == 1
    assert points_of(rich, at=timezone.now()) == 1000


def test_the_same_form_finds_its_voucher_after_the_offer_ended(rich, coffee):
    client = signed_in(rich)
    token = token_on(client.get("/rewards/coffee/redeem/"))
    first = client.post("/rewards/coffee/redeem/", {"token": token})
    Reward.objects.update(is_active=False)
    assert client.post("/rewards/coffee/redeem/", {"token": token})["Location"] == first["Location"]


def test_a_second_one_is_possible_when_asked_for_again(rich, coffee):
    client = signed_in(rich)
    assert redeem(client, "coffee")["Location"] != redeem(client, "coffee")["Location"]


def test_who_comes_back_to_the_form_is_told_of_the_voucher_they_have(rich, coffee):
    client = signed_in(rich)
    assert "already have a voucher" not in words(client.get("/rewards/coffee/redeem/"))
    address = redeem(client, "coffee").url
    page = words(client.get("/rewards/coffee/redeem/"))
    assert "You already have a voucher for this, ready to use." in page
    assert address in page
    client.post(f"{address}cancel/")
    assert "already have a voucher" not in words(client.get("/rewards/coffee/redeem/"))


@pytest.mark.parametrize("token", ["", "x", "portal:1:1:1:forged", "\x00", "é" * 50])
def test_a_form_without_its_token_redeems_nothing(rich, coffee, token):
    page = signed_in(rich).post("/rewards/coffee/redeem/", {"token": token})
    assert page.status_code == 409
    assert "Nothing was redeemed" in words(page)
    assert points_of(rich, at=timezone.now()) == 1250


def test_another_members_form_redeems_nothing(rich, budi, coffee):
    give_points(budi, 500, at=timezone.now())
    token = token_on(signed_in(budi).get("/rewards/coffee/redeem/"))
    assert signed_in(rich).post("/rewards/coffee/redeem/", {"token": token}).status_code == 409
    assert not Redemption.objects.exists()


def test_a_refusal_is_told_in_words_with_the_number(rich, coffee):
    client = signed_in(rich)
    token = token_on(client.get("/rewards/coffee/redeem/"))
    Reward.objects.update(cost=2000)
    page = client.post("/rewards/coffee/redeem/", {"token": token})
    assert page.status_code == 409
    assert "Missing: 750 points" in words(page)
    assert points_of(rich, at=timezone.now()) == 1250


def test_a_cancelled_voucher_gives_the_points_back(rich, coffee):
    client = signed_in(rich)
    address = redeem(client, "coffee")["Location"]
    page = words(client.get(f"{address}cancel/"))
    assert "Cancel “Free coffee”?" in page
    assert "250 points" in page
    assert client.post(f"{address}cancel/")["Location"] == address
    client.post(f"{address}cancel/")
    shown = words(client.get(address))
    assert "This voucher was cancelled" in shown
    assert "QR code" not in shown
    assert points_of(rich, at=timezone.now()) == 1250


def test_vouchers_are_shown_by_what_became_of_them(rich, coffee):
    client = signed_in(rich)
    cancelled, ready = redeem(client, "coffee")["Location"], redeem(client, "coffee")["Location"]
    client.post(f"{cancelled}cancel/")
    page = words(client.get("/vouchers/"))
    assert page.index(ready) < page.index("Earlier ones") < page.index(cancelled)
    assert "1 voucher is ready to use" in words(client.get("/"))


def test_another_members_voucher_does_not_exist(rich, budi, coffee):
    address = redeem(signed_in(rich), "coffee")["Location"]
    other = signed_in(budi)
    assert [other.get(address).status_code, other.get(f"{address}cancel/").status_code] == [404, 404]
    assert other.post(f"{address}cancel/").status_code == 404
    assert Redemption.objects.get().status == "issued"


@pytest.mark.parametrize(
    "address",
    ["/vouchers/0/", "/vouchers/9223372036854775808/", "/vouchers/x/", "/rewards/none/redeem/", "/rewards/../redeem/"],
)
def test_what_is_not_there_is_not_found(rich, coffee, address):
    assert signed_in(rich).get(address).status_code == 404


def test_pages_cost_the_same_however_much_there_is(program, rich, coffee, django_assert_max_num_queries):
    client = signed_in(rich)
    redeem(client, "coffee")
    counts = {}
    for address in ("/", "/rewards/", "/vouchers/"):
        with django_assert_max_num_queries(25) as captured:
            client.get(address)
        counts[address] = len(captured)
    for number in range(12):
        add_reward(program, f"more-{number}", 20 + number, stock=5, limit_per_member=3)
        give_points(rich, 30, at=timezone.now(), reference=f"purchase:shop:{number}")
        redeem(client, f"more-{number}")
    for address, count in counts.items():
        with django_assert_max_num_queries(count):
            client.get(address)
    assert main_account(rich).available > 0

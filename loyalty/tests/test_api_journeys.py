"""What a shop does over the API, from enrolling a member to using a voucher."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.tests.shop import open_shop
from loyalty.pos.models import Store
from loyalty.pos.testing import Shop, code_of
from members.models import Member, Tier
from members.testing import give_points, points_of
from rewards.testing import make_reward

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]


@pytest.fixture
def shop(program):
    open_shop(program, {"award": {"kind": "rate", "points": "1", "per": "1000"}})
    return Shop(program)


def sale(member, receipt="R1", **more):
    now = timezone.now().isoformat(timespec="seconds")
    body = {"member": member.number, "source": "pos", "receipt": receipt, "occurred_at": now, "currency": "IDR"}
    return body | {"total": "1200000.00"} | more


def test_a_customer_joins_buys_redeems_and_uses_the_voucher(program, shop):
    make_reward(program, cost=500, stock=3)
    joined = shop.post("/members", {"name": "Dewi", "email": "dewi@example.com", "source": "web", "source_key": "C1"})
    assert joined.status_code == 201
    number = joined.json()["number"]
    member = Member.objects.get(number=number)
    bought = shop.post("/purchases", sale(member)).json()
    assert (bought["points"], bought["balances"][0]["available"]) == (1200, 1200)
    assert (bought["tier"]["tier"], bought["tier"]["next"]["tier"]) == ("silver", "gold")
    assert bought["tier"]["next"]["missing"] == "3800"
    assert "1,200 points" in bought["explanation"]
    offers = shop.get(f"/members/{number}/rewards").json()["rewards"]
    assert [(offer["reward"], offer["can_redeem"]) for offer in offers] == [("latte", True)]
    redeemed = shop.post(f"/members/{number}/redemptions", {"reward": "latte", "reference": "o-1"})
    assert redeemed.status_code == 201
    voucher = redeemed.json()["voucher"]
    assert redeemed.json()["balances"][0]["available"] == 700
    assert shop.get(f"/vouchers/{voucher['code'].lower()}").json()["can_use"] is True
    used = shop.post(f"/vouchers/{voucher['code']}/use", {"till": "till-1", "receipt": "R2"})
    assert (used.status_code, used.json()["status"], used.json()["can_use"]) == (200, "used", False)
    again = shop.post(f"/vouchers/{voucher['code']}/use", {"till": "till-1", "receipt": "R2"})
    assert (again.status_code, again.json()["used_at"]) == (200, used.json()["used_at"])
    other = shop.post(f"/vouchers/{voucher['code']}/use", {"till": "till-2", "receipt": "R9"})
    assert (other.status_code, code_of(other)) == (409, "voucher_used")
    late = shop.post("/redemptions/o-1/cancel", {"by": "member"})
    assert (late.status_code, code_of(late)) == (409, "redemption_used")
    entries = shop.get(f"/members/{number}/entries").json()["entries"]
    assert [(entry["kind"], entry["amount"], entry["after"]) for entry in entries] == [
        ("redemption", -500, 700),
        ("accrual", 1200, 1200),
    ]
    assert "1,200 points" in entries[1]["explanation"]


def test_a_cancelled_redemption_gives_everything_back_and_its_code_is_dead(program, shop, ani):
    give_points(ani, 500, at=timezone.now())
    make_reward(program, cost=500, stock=1)
    made = shop.post(f"/members/{ani.number}/redemptions", {"reward": "latte", "reference": "o-2"}).json()
    ended = shop.post("/redemptions/o-2/cancel", {"by": "member"})
    assert (ended.status_code, ended.json()["status"]) == (200, "cancelled")
    assert ended.json()["balances"][0]["available"] == 500
    assert ended.json()["voucher"]["refusal"]["code"] == "voucher_cancelled"
    dead = shop.post(f"/vouchers/{made['voucher']['code']}/use", {"till": "1", "receipt": "1"})
    assert code_of(dead) == "voucher_cancelled"
    assert shop.post("/redemptions/o-2/cancel", {}).json()["ended_at"] == ended.json()["ended_at"]
    assert shop.get("/redemptions/o-2").json()["status"] == "cancelled"
    assert shop.get("/rewards").json()["rewards"][0]["left"] == 1


def test_a_refused_redemption_carries_the_number_missing_in_the_callers_language(program, shop, ani):
    give_points(ani, 380, at=timezone.now())
    make_reward(program, cost=500)
    path = f"/members/{ani.number}/redemptions"
    refused = shop.post(path, {"reward": "latte", "reference": "o-3"}, **{"Accept-Language": "id"})
    assert (refused.status_code, code_of(refused)) == (409, "insufficient_points")
    assert refused.json()["numbers"] == {"missing": 120, "available": 380}
    assert "120 poin" in refused.json()["detail"]
    assert points_of(ani, at=timezone.now()) == 380


def test_the_same_reference_with_another_idempotency_key_redeems_once(program, shop, ani):
    give_points(ani, 500, at=timezone.now())
    make_reward(program, cost=500)
    path, body = f"/members/{ani.number}/redemptions", {"reward": "latte", "reference": "o-4"}
    first, second = shop.post(path, body), shop.post(path, body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["voucher"]["code"] == second.json()["voucher"]["code"]


def test_the_same_customer_is_enrolled_once(shop):
    body = {"name": "Eko", "source": "web", "source_key": "C7"}
    first, second = shop.post("/members", body), shop.post("/members", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["number"] == second.json()["number"]
    taken = shop.post("/members", {"email": "x@example.com"}), shop.post("/members", {"email": "X@example.com"})
    assert (taken[0].status_code, code_of(taken[1])) == (201, "email_taken")


def test_a_member_is_found_by_address_and_by_the_shops_own_key(shop):
    number = shop.post("/members", {"email": "f@example.com", "source": "web", "source_key": "C8"}).json()["number"]
    assert shop.get("/members", email="F@example.com").json()["number"] == number
    assert shop.get("/members", source="web", source_key="C8").json()["number"] == number
    assert shop.get(f"/members/{number[:4]} {number[4:8]} {number[8:]}").json()["number"] == number
    assert code_of(shop.get("/members", source="pos", source_key="C8")) == "member_unknown"
    assert code_of(shop.get("/members")) == "lookup_ambiguous"
    assert code_of(shop.get("/members", email="f@example.com", source_key="C8")) == "lookup_ambiguous"


def test_one_receipt_counts_once_and_other_content_is_a_conflict(shop, ani):
    body = sale(ani)
    first, second = shop.post("/purchases", body), shop.post("/purchases", body)
    assert (first.status_code, second.status_code, second.json()["is_repeat"]) == (201, 200, True)
    assert second.json()["points"] == 1200
    other = shop.post("/purchases", body | {"total": "1.00"})
    assert (other.status_code, code_of(other)) == (409, "receipt_conflict")
    assert points_of(ani, at=timezone.now()) == 1200


def test_a_purchase_with_lines_and_a_store_is_kept_whole(program, shop, ani):
    Store.objects.create(program=program, code="senayan", name="Senayan")
    lines = [{"product": "latte", "amount": "40000.00", "quantity": "2"}, {"product": "cake", "amount": "30000.00"}]
    body = sale(ani, total="70000.00", lines=lines, store="senayan", channel="store", items=3)
    assert shop.post("/purchases", body).json()["points"] == 70
    wrong = shop.post("/purchases", sale(ani, "R3", total="80000.00", lines=lines))
    assert (wrong.status_code, code_of(wrong)) == (422, "lines_do_not_add_up")
    unknown = shop.post("/purchases", sale(ani, "R4", store="nowhere"))
    assert (unknown.status_code, code_of(unknown)) == (422, "store_unknown")


def test_a_key_of_one_store_reports_for_that_store_only(program, ani):
    own = Store.objects.create(program=program, code="a", name="A")
    Store.objects.create(program=program, code="b", name="B")
    shop = Shop(program, store=own)
    assert shop.post("/purchases", sale(ani)).status_code == 201
    assert ani.purchases.get().store == own
    assert code_of(shop.post("/purchases", sale(ani, "R2", store="b"))) == "store_unknown"


def test_an_event_earns_once(program, shop, ani):
    from campaigns.tests.shop import add_rule

    fixed = {"award": {"kind": "fixed", "points": "25"}, "conditions": {"activity": "review"}}
    add_rule(program, "review", fixed)
    now = timezone.now().isoformat(timespec="seconds")
    body = {"member": ani.number, "kind": "review", "source": "web", "key": "rev-1", "occurred_at": now}
    first, second = shop.post("/events", body), shop.post("/events", body)
    assert (first.status_code, first.json()["points"], first.json()["balances"][0]["available"]) == (201, 25, 25)
    assert (second.status_code, second.json()["is_repeat"]) == (200, True)
    assert code_of(shop.post("/events", body | {"kind": "visit"})) == "event_conflict"
    ahead = (timezone.now() + timedelta(days=2)).isoformat()
    assert code_of(shop.post("/events", body | {"key": "rev-2", "occurred_at": ahead})) == "event_in_future"


def test_history_is_read_page_by_page(shop, ani):
    now = timezone.now()
    for number in range(7):
        give_points(ani, 1 + number, at=now, reference=f"g{number}")
    page = shop.get(f"/members/{ani.number}/entries", limit=3).json()
    seen = [entry["number"] for entry in page["entries"]]
    give_points(ani, 99, at=now, reference="between two pages")
    while page["next"]:
        page = shop.get(f"/members/{ani.number}/entries", limit=3, cursor=page["next"]).json()
        seen += [entry["number"] for entry in page["entries"]]
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_the_catalogue_is_in_the_callers_language(program, shop, ani):
    make_reward(program, minimum_tier=Tier.objects.get(slug="gold"))
    answer = shop.client.get("/api/v1/rewards", headers=shop._headers() | {"Accept-Language": "ms"})
    assert answer.json()["rewards"][0]["name"] == "Latte percuma"
    assert answer.json()["rewards"][0]["from_tier"] == "gold"


def test_purchases_and_redemptions_cost_the_same_whatever_the_history(program, shop, ani):
    make_reward(program, cost=10)
    begin = timezone.now() - timedelta(hours=1)

    def in_turn(number):
        """Each a minute after the one before: two of one second are settled again, as what comes late is."""
        return (begin + timedelta(minutes=number)).isoformat()

    def cost(number, minute):
        with CaptureQueriesContext(connection) as bought:
            assert shop.post("/purchases", sale(ani, f"B{number}", occurred_at=in_turn(minute))).status_code == 201
        with CaptureQueriesContext(connection) as redeemed:
            wish = {"reward": "latte", "reference": f"b{number}"}
            assert shop.post(f"/members/{ani.number}/redemptions", wish).status_code == 201
        return len(bought), len(redeemed)

    until_gold = [cost(number, number) for number in range(5)]
    late_with_few = cost(5, 4)
    later = [cost(number, number) for number in range(6, 17)]
    assert set(later) == {later[0]}, (until_gold, later)
    assert cost(17, 16) == late_with_few
    # Both counts with the savepoints of the call and of the verb: four statements. Three more write a new tier.
    # Each of these purchases happened before the last redemption: one asks whether points change places.
    assert later[0][0] <= 24 and later[0][1] <= 24, later[0]
    assert max(until_gold) <= (27, 24), until_gold
    assert late_with_few <= (35, 24), late_with_few

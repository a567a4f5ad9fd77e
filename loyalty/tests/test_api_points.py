"""What a shop does with a member's points over the API: hold, pass on, confirm, cancel, and look back in time."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from loyalty.ledger import posting
from loyalty.ledger.models import Account, Entry, ExchangeRate, Hold
from loyalty.pos.testing import Shop, code_of
from members.enrolment import main_account
from members.testing import OPENING, give_points, make_member, make_program, points_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)


@pytest.fixture
def shop(program):
    return Shop(program)


@pytest.fixture
def now():
    return timezone.now()


def balances(answer) -> tuple[int, int, int]:
    (main,) = answer.json()["balances"]
    return main["available"], main["pending"], main["held"]


def waiting(member, points, *, at, confirm_by, reference="stay:1") -> Entry:
    account = main_account(member).id
    credit = posting.Accrual(account, points, at, reference, "test", "test", confirm_by=confirm_by)
    posting.accrue_many([credit], recorded_at=at)
    return Entry.objects.get(account=account, reference=reference)


def refusal(answer, status: int, code: str, **numbers):
    assert (answer.status_code, code_of(answer)) == (status, code), answer.content
    assert answer.json()["numbers"] == numbers


# --- Holds ----------------------------------------------------------------------------------------------------------
def test_points_are_held_and_a_part_of_them_captured(shop, ani, now):
    give_points(ani, 100, at=now - DAY)
    path = f"/members/{ani.number}/holds"
    held = shop.post(path, {"points": 70, "reference": "h-1", "minutes": 30})
    assert (held.status_code, held.json()["state"], balances(held)) == (201, "held", (30, 0, 70))
    again = shop.post(path, {"points": 70, "reference": "h-1"})
    assert (again.status_code, again.json()["held_at"]) == (200, held.json()["held_at"])
    refusal(shop.post(path, {"points": 60, "reference": "h-1"}), 409, "reference_conflict", reference="h-1")
    refusal(shop.post(path, {"points": 31, "reference": "h-2"}), 409, "insufficient_points", missing=1, available=30)
    refusal(shop.post(f"{path}/h-1/capture", {"points": 71}), 422, "capture_too_large", held=70)
    taken = shop.post(f"{path}/h-1/capture", {"points": 50, "reason": "lunch"})
    assert (taken.json()["state"], taken.json()["captured"], balances(taken)) == ("captured", 50, (50, 0, 0))
    assert shop.post(f"{path}/h-1/capture", {}).json()["captured"] == 50
    refusal(shop.post(f"{path}/h-1/release", {}), 409, "hold_captured")
    assert shop.get(f"{path}/h-1").json()["captured"] == 50
    refusal(shop.get(f"{path}/h-9"), 404, "hold_unknown")


def test_a_released_hold_gives_its_points_free(shop, ani, now):
    give_points(ani, 100, at=now - DAY)
    path = f"/members/{ani.number}/holds"
    shop.post(path, {"points": 70, "reference": "h-1"})
    freed = shop.post(f"{path}/h-1/release", {})
    assert (freed.json()["state"], balances(freed)) == ("released", (100, 0, 0))
    assert shop.post(f"{path}/h-1/release", {}).json()["ended_at"] == freed.json()["ended_at"]
    refusal(shop.post(f"{path}/h-1/capture", {}), 409, "hold_over")


def test_a_hold_past_its_end_has_timed_out_whether_or_not_anything_recorded_it(shop, ani, now):
    from loyalty.ledger import holds

    give_points(ani, 100, at=now - DAY)
    words = {"source": "t", "actor": "t"}
    holds.hold(main_account(ani).id, 70, at=now - timedelta(hours=1), reference="h-1", **words)
    path = f"/members/{ani.number}/holds/h-1"
    told = shop.get(path)
    assert (told.json()["state"], balances(told)) == ("timed_out", (100, 0, 0))
    assert Hold.objects.get().status == "held"
    refusal(shop.post(f"{path}/capture", {}), 409, "hold_over")
    freed = shop.post(f"{path}/release", {})
    assert (freed.json()["state"], freed.json()["ended_at"]) == ("timed_out", told.json()["ended_at"])
    assert Hold.objects.get().status == "released"


# --- Transfers ------------------------------------------------------------------------------------------------------
def test_points_are_passed_on_once(shop, program, ani, budi, now):
    program.wallets.update(transfer_limit=60)
    give_points(ani, 100, at=now - DAY)
    path = f"/members/{ani.number}/transfers"
    wish = {"to": budi.shown_number, "points": 40, "reference": "t-1"}
    passed = shop.post(path, wish)
    assert (passed.status_code, passed.json()["received"], balances(passed)) == (201, 40, (60, 0, 0))
    assert shop.post(path, wish).status_code == 200
    assert points_of(budi, at=timezone.now()) == 40
    assert shop.get(f"{path}/t-1").json()["points"] == 40
    refusal(shop.get(f"{path}/t-2"), 404, "transfer_unknown")
    refusal(
        shop.post(path, wish | {"points": 61, "reference": "t-2"}), 409, "transfer_limit_reached", limit=60, left=60
    )
    refusal(shop.post(path, wish | {"to": ani.number, "reference": "t-3"}), 409, "transfer_not_allowed")
    refusal(shop.post(path, wish | {"to": "123456789012", "reference": "t-4"}), 422, "number_mistyped")
    refusal(shop.post(path, wish | {"wallet": "miles", "reference": "t-5"}), 404, "wallet_unknown")


def test_points_become_a_partners_at_the_agreed_rate(shop, program, ani, now):
    program.wallets.update(transfer_limit=60)
    partner = make_program("teh")
    sari = make_member(partner, "Sari")
    give_points(ani, 100, at=now - DAY)
    path = f"/members/{ani.number}/transfers"
    wish = {"to": sari.number, "to_program": "teh", "points": 40, "reference": "t-1"}
    refusal(shop.post(path, wish), 409, "no_exchange")
    refusal(shop.post(path, wish | {"to_program": ""}), 404, "receiver_unknown")
    ExchangeRate.objects.create(
        from_wallet=program.wallets.get(), to_wallet=partner.wallets.get(), rate=Decimal("0.25")
    )
    passed = shop.post(path, wish).json()
    assert (passed["points"], passed["received"], Decimal(passed["rate"])) == (40, 10, Decimal("0.25"))
    assert points_of(sari, at=timezone.now()) == 10


# --- Waiting points -------------------------------------------------------------------------------------------------
def test_waiting_points_are_listed_and_confirmed(shop, ani, now):
    waiting(ani, 100, at=now - DAY, confirm_by=now + 5 * DAY)
    path = f"/members/{ani.number}/lots"
    (lot,) = shop.get(path, state="waiting").json()["lots"]
    assert (lot["left"], lot["available_at"], lot["reference"]) == (100, None, "stay:1")
    event = {"reference": "stayed-1", "occurred_at": (now - timedelta(hours=2)).isoformat(timespec="seconds")}
    done = shop.post(f"{path}/{lot['lot']}/confirm", event)
    assert (done.status_code, done.json()["state"], done.json()["left"]) == (200, "open", 100)
    assert shop.post(f"{path}/{lot['lot']}/confirm", event).json() == done.json()
    assert shop.get(f"/members/{ani.number}").json()["balances"][0]["available"] == 100
    ahead = {"reference": "x", "occurred_at": (now + DAY).isoformat(timespec="seconds")}
    refusal(shop.post(f"{path}/{lot['lot']}/confirm", ahead), 422, "event_in_future")
    refusal(shop.post(f"{path}/999999/confirm", event), 404, "lot_unknown")
    refusal(shop.post(f"{path}/{lot['lot']}/cancel", {"reference": "c"}), 409, "not_waiting")


def test_waiting_points_are_cancelled_or_lapse(shop, ani, now):
    waiting(ani, 100, at=now - 9 * DAY, confirm_by=now + 5 * DAY)
    end = now - DAY
    waiting(ani, 50, at=now - 9 * DAY, confirm_by=end, reference="stay:2")
    path = f"/members/{ani.number}/lots"
    lapsed, open_one = shop.get(path).json()["lots"]
    assert (lapsed["state"], lapsed["left"], lapsed["expired"]) == ("lapsed", 0, 50)
    refusal(
        shop.post(f"{path}/{lapsed['lot']}/confirm", {"reference": "late"}), 409, "confirmation_late",
        confirm_by=end.isoformat(),
    )  # fmt: skip
    gone = shop.post(f"{path}/{open_one['lot']}/cancel", {"reference": "c-1", "reason": "no show"})
    assert (gone.json()["state"], gone.json()["taken_back"]) == ("used", 100)
    assert shop.get(f"/members/{ani.number}").json()["balances"][0]["pending"] == 0


# --- Lots, lines and time -------------------------------------------------------------------------------------------
def test_each_line_tells_the_lots_it_drew_on_and_each_lot_its_lines(shop, ani, now):
    give_points(ani, 30, at=now - 3 * DAY, reference="gift:a")
    give_points(ani, 50, at=now - 2 * DAY, reference="gift:b")
    posting.redeem(main_account(ani).id, 40, at=now - DAY, reference="r", source="t", actor="t")
    drawn = shop.get(f"/members/{ani.number}/entries/3").json()
    assert (drawn["amount"], drawn["after"]) == (-40, 40)
    assert [(part["reference"], part["points"]) for part in drawn["drawn"]] == [("gift:a", -30), ("gift:b", -10)]
    newest = shop.get(f"/members/{ani.number}/lots", limit=1).json()
    (second,) = newest["lots"]
    (first,) = shop.get(f"/members/{ani.number}/lots", cursor=newest["next"]).json()["lots"]
    assert (first["state"], first["redeemed"], second["state"], second["left"]) == ("used", 30, "open", 40)
    told = shop.get(f"/members/{ani.number}/lots/{second['lot']}").json()
    assert [(move["entry"], move["points"]) for move in told["moves"]] == [(3, -10)]
    refusal(shop.get(f"/members/{ani.number}/entries/9"), 404, "entry_unknown")
    refusal(shop.get(f"/members/{ani.number}/lots", cursor="e5"), 422, "cursor_malformed")
    assert shop.get(f"/members/{ani.number}/lots", state="lost").status_code == 422


def test_points_that_change_places_are_told_as_one_line_of_no_points(shop, ani, now):
    for reference, told, days in (("a", 9, 30), ("b", 2, 3)):
        at = now - 9 * DAY
        give_points(ani, 400, at=at, reference=reference, recorded_at=now - told * DAY, expires_at=now + days * DAY)
        if reference == "a":
            posting.redeem(main_account(ani).id, 300, at=now - 5 * DAY, reference="r", source="t", actor="t")
    lines = shop.get(f"/members/{ani.number}/entries").json()["entries"]
    assert [(one["number"], one["kind"], one["amount"], one["after"]) for one in lines] == [
        (5, "extension", 0, 500), (2, "redemption", -300, 500), (3, "accrual", 400, 800), (1, "accrual", 400, 400),
    ]  # fmt: skip
    (wallet,) = shop.get(f"/members/{ani.number}/changes", since=(now - 3 * DAY).isoformat(), since_known=(now - 3 * DAY).isoformat()).json()["wallets"]  # fmt: skip
    assert (wallet["points"], [(one["number"], one["amount"]) for one in wallet["added"]]) == (400, [(3, 400), (5, 0)])
    assert shop.get(f"/members/{ani.number}/entries/5").json()["amount"] == 0


def test_a_statement_tells_true_then_and_known_then_and_why_they_differ(shop, ani):
    told_at = OPENING + 10 * DAY
    give_points(ani, 30, at=OPENING + DAY)
    late = {"at": OPENING + 2 * DAY, "recorded_at": told_at}
    posting.accrue(main_account(ani).id, 50, reference="late", source="t", actor="t", **late)
    then = (OPENING + 5 * DAY).isoformat()
    path = f"/members/{ani.number}/statement"
    true_then = shop.get(path, as_of=then).json()
    known_then = shop.get(path, as_of=then, known_at=then).json()
    assert [told["wallets"][0]["available"] for told in (true_then, known_then)] == [80, 30]
    assert (true_then["tier"], len(true_then["wallets"][0]["lots"])) == ("bronze", 2)
    changes = shop.get(f"/members/{ani.number}/changes", since=then, since_known=then, until=then).json()
    (wallet,) = changes["wallets"]
    assert (wallet["points"], [line["reference"] for line in wallet["added"]], wallet["removed"]) == (50, ["late"], [])
    refusal(shop.get(path, as_of="yesterday"), 422, "validation_failed")


def test_a_repeated_idempotency_key_holds_once(shop, ani, now):
    give_points(ani, 100, at=now - DAY)
    path = f"/members/{ani.number}/holds"
    first = shop.post(path, {"points": 70, "reference": "h-1"}, key="k")
    replayed = shop.post(path, {"points": 70, "reference": "h-1"}, key="k")
    assert (replayed["Idempotency-Replayed"], replayed.content) == ("true", first.content)
    assert code_of(shop.post(path, {"points": 7, "reference": "h-2"}, key="k")) == "idempotency_key_reused"
    assert Account.objects.get(pk=main_account(ani).pk).held == 70


@pytest.mark.parametrize(
    "body",
    [{}, {"points": "7", "reference": "h"}, {"points": 0, "reference": "h"}, {"points": 10**16, "reference": "h"},
     {"points": 7, "reference": "h", "extra": 1}, {"points": 7, "reference": "", "minutes": 5},
     {"points": 7, "reference": "h", "minutes": 0}],
)  # fmt: skip
def test_a_malformed_hold_changes_nothing(shop, ani, now, body):
    give_points(ani, 100, at=now - DAY)
    assert shop.post(f"/members/{ani.number}/holds", body).status_code == 422
    assert not Hold.objects.exists()

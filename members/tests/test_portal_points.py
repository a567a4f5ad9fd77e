"""The portal's pages about points: my points, passing on, one line of the history, a day in the past."""

from datetime import timedelta

import pytest
from django.utils import timezone

from loyalty.ledger import policies, posting
from loyalty.ledger.models import Entry, Wallet
from loyalty.mail.models import Message
from members import history
from members.enrolment import main_account
from members.models import Member, MemberAccount
from members.testing import give_points, points_of
from members.tests.portal import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def page(ani, now):
    Member.objects.filter(pk=ani.pk).update(enrolled_at=now - 100 * DAY)
    return signed_in(ani)


def text(response) -> str:
    return " ".join(response.content.decode().split())


def waiting(member, points, *, at, confirm_by):
    account = main_account(member).id
    credit = posting.Accrual(account, points, at, "stay:1", "t", "t", reason="Hotel night", confirm_by=confirm_by)
    posting.accrue_many([credit], recorded_at=at)


def pass_on(page, to, points, **more):
    return page.post("/points/pass-on/", {"to": to, "points": points, **more})


def test_points_are_shown_by_their_last_day_and_what_is_to_come_with_what_must_happen(page, ani, now):
    give_points(ani, 40, at=now - 9 * DAY, reference="a", expires_at=now + 3 * DAY)
    give_points(ani, 50, at=now - 9 * DAY, reference="b", expires_at=None)
    waiting(ani, 30, at=now - DAY, confirm_by=now + 9 * DAY)
    waiting_words = text(page.get("/points/"))
    assert "40 points" in waiting_words and "Without end" in waiting_words and "90 points" in waiting_words
    assert "Hotel night" in waiting_words and "Yours once it is confirmed." in waiting_words
    assert "Pass points on" not in waiting_words


def test_other_kinds_of_points_show_what_waits_and_from_which_day(page, ani, program, now):
    wallet = Wallet.objects.create(program=program, slug="cashback", unit="rupiah", units="rupiah", activation_days=30)
    (account,) = posting.open_accounts(wallet, 1, at=now - 9 * DAY)
    MemberAccount.objects.create(member=ani, wallet=wallet, account_id=account)
    posting.accrue(account, 700, at=now - DAY, reference="c", source="t", actor="t", reason="Card", expires_at=None)
    shown = text(page.get("/points/"))
    assert "+700" in shown and "Card" in shown and "You can spend them from" in shown
    assert "Without end" not in shown


def test_an_empty_account_says_what_to_do(page):
    assert "Nothing to spend yet." in text(page.get("/points/"))
    assert "Points stay with you here" in text(page.get("/points/pass-on/"))


def test_my_points_ask_the_same_number_of_questions_however_many_lots(page, ani, now, django_assert_max_num_queries):
    for number in range(20):
        give_points(ani, 5, at=now - DAY, reference=f"g{number}")
        waiting_ref = posting.Accrual(main_account(ani).id, 5, now - DAY, f"w{number}", "t", "t", confirm_by=now + DAY)
        posting.accrue_many([waiting_ref], recorded_at=now - DAY)
    with django_assert_max_num_queries(14):
        page.get("/points/")


def test_points_are_passed_on_after_a_look_at_a_masked_name(page, program, ani, budi, now):
    program.wallets.update(transfer_limit=60)
    give_points(ani, 100, at=now - DAY)
    sure = pass_on(page, budi.shown_number, "40")
    assert "Pass on 40 points?" in text(sure) and "B•••" in text(sure) and "Budi" not in text(sure)
    token = sure.context["token"]
    done = pass_on(page, budi.number, "40", token=token)
    assert "40 points are with B••• now." in text(done)
    assert "40 points are with B••• now." in text(pass_on(page, budi.number, "40", token=token))
    assert (points_of(ani, at=timezone.now()), points_of(budi, at=timezone.now())) == (60, 40)
    assert sorted(Message.objects.values_list("kind", flat=True)) == ["points_passed", "points_received"]


@pytest.mark.parametrize(
    ("to", "points", "words"),
    [
        ("budi", "61", "At most 60 can be passed on now."),
        ("budi", "ten", "Type how many points, with digits only"),
        ("budi", "0", "Type how many points, with digits only"),
        ("budi", "1.5", "Type how many points, with digits only"),
        ("123456789012", "5", "This is no member number"),
        ("nobody", "5", "Nobody with this number can receive points."),
        ("ani", "5", "These points are on this account already."),
    ],
)
def test_what_cannot_be_passed_on_is_said_in_words(page, program, ani, budi, now, to, points, words):
    program.wallets.update(transfer_limit=60)
    give_points(ani, 100, at=now - DAY)
    numbers = {"budi": budi.number, "ani": ani.number, "nobody": "100000000009"}
    from loyalty.common.ids import check_digit

    numbers["nobody"] = "10000000000" + check_digit("10000000000")
    answer = pass_on(page, numbers.get(to, to), points)
    assert (answer.status_code, words in text(answer)) == (409, True), text(answer)
    assert Entry.objects.count() == 1


def test_a_token_of_something_else_passes_nothing_on(page, program, ani, budi, siti, now):
    program.wallets.update(transfer_limit=60)
    give_points(ani, 100, at=now - DAY)
    token = pass_on(page, budi.number, "40").context["token"]
    for to, points in ((siti.number, "40"), (budi.number, "41")):
        assert pass_on(page, to, points, token=token).status_code == 302
    assert pass_on(page, budi.number, "40", token="made up").status_code == 302
    assert Entry.objects.count() == 1


def test_after_ten_numbers_of_nobody_no_more_can_be_tried(page, program, ani, budi, now):
    from loyalty.common.ids import check_digit

    program.wallets.update(transfer_limit=60)
    give_points(ani, 100, at=now - DAY)
    for number in range(10):
        digits = f"1000000000{number}"
        assert "Nobody with this number" in text(pass_on(page, digits + check_digit(digits), "5"))
    assert "Please wait 10 minutes" in text(pass_on(page, budi.number, "5"))


def test_a_line_tells_why_and_where_its_points_came_from(page, ani, now):
    give_points(ani, 30, at=now - 3 * DAY, reference="a", reason="Welcome gift")
    give_points(ani, 50, at=now - 2 * DAY, reference="b", reason="Second gift")
    posting.redeem(main_account(ani).id, 40, at=now - DAY, reference="r", source="t", actor="t", reason="Free coffee")
    shown = text(page.get("/history/3/"))
    assert "Where the points came from" in shown
    assert "Welcome gift" in shown and "−30" in shown and "Second gift" in shown and "−10" in shown
    made = text(page.get("/history/1/"))
    assert "What became of these points" in made and "All of them are used." in made
    assert page.get("/history/9/").status_code == 404


def test_a_day_in_the_past_shows_what_was_there_and_what_changed_since(page, ani, now):
    give_points(ani, 30, at=now - 30 * DAY, reference="a")
    late = {"at": now - 20 * DAY, "recorded_at": now - 5 * DAY}
    posting.accrue(main_account(ani).id, 50, reference="late", source="t", actor="t", **late)
    posting.redeem(main_account(ani).id, 10, at=now - DAY, reference="r", source="t", actor="t", reason="Free coffee")
    day = timezone.localdate(now - 10 * DAY)
    shown = text(page.get("/history/then/", {"day": day.isoformat()}))
    assert "80 points" in shown and "That day we showed you 30 points" in shown and "Bronze" in shown
    assert "Redeemed: Free coffee" in shown or "Reward redeemed" in shown or "Free coffee" in shown
    assert "70 points" in shown


@pytest.mark.parametrize("day", ["2020-01-01", "2999-01-01", "2026-02-30", "yesterday"])
def test_a_day_that_cannot_be_is_refused_in_words(page, day):
    answer = page.get("/history/then/", {"day": day})
    assert (answer.status_code, "Choose a day from your first day" in text(answer)) == (400, True)


def test_other_kinds_of_points_are_shown_with_their_days_and_what_keeps_them(page, program, ani, now):
    cashback = Wallet.objects.create(program=program, slug="cashback", units="cashback", decimals=2)
    policies.set_expiry(cashback, kind="idle_days", count=30, resets="purchase", at=now, actor="t")
    (account,) = posting.open_accounts(cashback, 1, at=now - DAY)
    MemberAccount.objects.create(member=ani, wallet=cashback, account_id=account)
    assert "Cashback" not in text(page.get("/points/"))
    posting.accrue(account, 1250, at=now - DAY, reference="c", source="t", actor="t")
    shown = text(page.get("/points/"))
    assert "Cashback" in shown and "12.50 cashback" in shown
    assert "your next purchase may keep the points longer" in shown


def test_points_that_change_places_are_one_line_of_no_points_with_the_reason(page, ani, now):
    """300 were spent; 400 that end sooner became known after it (decision 0012). The books have two lines, the member one."""
    account = main_account(ani).id
    give_points(ani, 400, at=now - 9 * DAY, reference="a", recorded_at=now - 9 * DAY, expires_at=now + 30 * DAY)
    words = {"reference": "r", "source": "t", "actor": "t"}
    posting.redeem(account, 300, at=now - 5 * DAY, **words)
    give_points(ani, 400, at=now - 8 * DAY, reference="b", recorded_at=now - 2 * DAY, expires_at=now + 3 * DAY)
    out, back = Entry.objects.filter(account=account, kind="extension").order_by("number")
    assert (out.amount, back.amount) == (-300, 300)
    for address in ("/", "/history/", f"/history/then/?day={(now - 7 * DAY).date()}"):
        shown = text(page.get(address))
        assert (address, shown.count("Points last longer"), "300" in shown) == (address, 1, True)
        assert "+300" not in shown and shown.count("−300") == 1
    assert "300 points that would have lasted through" in text(page.get("/history/"))
    lines = history.page(main_account(ani), size=50).lines
    assert [(one.title, one.points, one.after) for one in lines][:2] == [("Points last longer", 0, 500), ("Reward redeemed", -300, 500)]  # fmt: skip
    download = [row[1:4] for row in history.csv_rows(main_account(ani))]
    assert download[-1] == ["Points last longer", "0", "500"] and len(download) == 5
    line = text(page.get(f"/history/{back.number}/"))
    assert "Where the points" not in line and "0 points" in line
    assert "Counted as used, others last instead" in text(page.get(f"/history/{back.number - 2}/"))

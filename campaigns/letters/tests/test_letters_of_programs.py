"""The letters a program writes by itself: by set-based jobs, once each, as its terms say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from campaigns import purchases
from campaigns.letters import inviting, monthly, movements, shelves
from campaigns.letters.models import LetterTerms
from loyalty.desk import roles
from loyalty.ledger import corrections, expiry, posting
from loyalty.ledger.models import Entry
from loyalty.mail import rendering, wordings
from loyalty.mail.models import Message
from loyalty.tests.desk import staff_client
from members import consents
from members.consents import Channel, Purpose, Source
from members.enrolment import main_account
from members.models import Member
from members.sales import Sale
from members.segments.testing import all_of, make_segment
from members.testing import OPENING, give_points, make_member, make_program
from rewards import redemption
from rewards import testing as shelf

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NOON = datetime(2026, 3, 2, 5, tzinfo=UTC)


def terms(program, **more):
    return LetterTerms.objects.update_or_create(program=program, defaults=more)[0]


def letters(kind):
    return list(Message.objects.filter(kind=kind).order_by("recipient", "id"))


def agree(member, at=OPENING):
    consents.give(member, Channel.EMAIL, Purpose.MARKETING, at=at, source=Source.PORTAL, actor="test")


def test_what_is_earned_and_adjusted_is_told_once_in_the_readers_language_with_the_balance():
    program = make_program()
    ani, budi = make_member(program, "Ani", language="id"), make_member(program, "Budi")
    terms(program, tells_earned=True, entries_told_until=NOON)
    corrections.adjust(main_account(budi).id, -1 + 1200, at=NOON, reference="a", actor="staff:1", reason="sorry")
    give_points(ani, 5000, at=NOON, reference="purchase:till:1")
    tally = movements.tell_entries(at=NOON + DAY / 1440)
    assert (tally.found, tally.done, tally.report) == (2, 2, {"points_earned": 1, "points_adjusted": 1})
    assert movements.tell_entries(at=NOON + DAY / 720).found == 0
    (earned,), (adjusted,) = letters("points_earned"), letters("points_adjusted")
    _subject, text, _html = rendering.render(earned)
    assert earned.language == "id" and "5.000 poin" in text and earned.context["balance"] == 5000
    assert rendering.render(adjusted)[0] == "1,199 points were added to your account"


def test_points_that_begin_and_points_that_ended_are_told_of_the_day_after_once_per_day():
    program = make_program(expiry="days", count=1)
    ani, ben = make_member(program, "Ani"), make_member(program, "Ben")
    midnight = datetime(2026, 3, 2, 17, tzinfo=UTC)  # 3 March in Jakarta
    give_points(ben, 70, at=NOON - 2 * DAY)
    program.wallets.update(activation_days=1)
    give_points(ani, 300, at=NOON)
    Member.objects.filter(pk=ben.pk).update(email="")
    expiry.run_sweep(program, at=midnight)
    tally = movements.tell_points(program, at=midnight)
    assert (tally.found, tally.done, tally.skipped) == (2, 2, 0)
    assert tally.report == {"points_activated": 1, "points_expired": 1, "without_address": 1}
    assert movements.tell_points(program, at=midnight).found == 0
    (begun,), (ended,) = letters("points_activated"), letters("points_expired")
    assert rendering.render(begun)[0] == "You can spend 300 points now"
    assert ended.context["last_day"] == ended.period == "2026-03-01"
    assert "Their last day was 1 March 2026." in rendering.render(ended)[1]


def test_a_statement_goes_out_on_the_first_of_the_month_to_whoever_had_movements_and_adds_up():
    program = make_program()
    ani, ben = make_member(program, "Ani"), make_member(program, "Ben")
    give_points(ben, 10, at=datetime(2026, 1, 15, tzinfo=UTC))
    give_points(ani, 500, at=datetime(2026, 2, 10, tzinfo=UTC))
    corrections.adjust(main_account(ani).id, -40, at=NOON - 10 * DAY, reference="x", actor="staff:1", reason="slip")
    first = datetime(2026, 2, 28, 17, tzinfo=UTC)
    assert monthly.send_statements(program, at=first - DAY).is_empty
    assert monthly.send_statements(program, at=first, dry_run=True).found == 1
    assert monthly.send_statements(program, at=first).report == {"statement": 1}
    assert monthly.send_statements(program, at=first).is_empty
    (letter,) = letters("statement")
    sums = {name: letter.context[name] for name in ("earned", "spent", "expired", "other", "balance")}
    assert sums == {"earned": 500, "spent": 0, "expired": 0, "other": -40, "balance": 460}
    assert (letter.recipient, letter.period, rendering.render(letter)[0]) == (ani.number, "2026-02", "Your points in February 2026")  # fmt: skip


def test_points_that_changed_places_are_neither_earned_nor_spent_and_no_letter_of_their_own():
    program = make_program()
    ani, day = make_member(program, "Ani"), datetime(2026, 2, 1, tzinfo=UTC)
    terms(program, sends_statement=True, tells_earned=True, tells_adjusted=True, entries_told_until=day)
    for reference, told, days in (("a", 0, 65), ("b", 20, 45)):
        credit = {"at": day, "recorded_at": day + told * DAY, "expires_at": day + days * DAY}
        give_points(ani, 400, reference=reference, **credit)
        if reference == "a":
            posting.redeem(main_account(ani).id, 300, at=day + 9 * DAY, reference="r", source="t", actor="t")
    assert Entry.objects.filter(kind="extension").count() == 2
    assert movements.tell_entries(program, at=day + 20 * DAY).is_empty
    assert monthly.send_statements(program, at=datetime(2026, 2, 28, 17, tzinfo=UTC)).report == {"statement": 1}
    (letter,) = letters("statement")
    sums = {name: letter.context[name] for name in ("earned", "spent", "expired", "other", "balance")}
    assert sums == {"earned": 800, "spent": -300, "expired": 0, "other": 0, "balance": 500}


def test_members_are_won_back_once_per_absence_and_only_those_who_agreed():
    program = make_program()
    ani, ben, eve = (make_member(program, name) for name in ("Ani", "Ben", "Eve"))
    agree(ani), agree(eve)
    for member, day in ((ani, NOON), (ben, NOON), (eve, NOON + 20 * DAY)):
        sale = Sale(
            source="till",
            receipt=member.name,
            occurred_at=day,
            total=Decimal("10000.00"),
            currency="IDR",
            member=member,
        )
        purchases.record(program, sale, at=day, actor="test")
    late = NOON + 61 * DAY
    assert inviting.win_back(program, at=late).is_empty
    terms(program, win_back_days=60)
    assert inviting.win_back(program, at=late).report == {"win_back": 1}
    assert inviting.win_back(program, at=late + DAY).is_empty
    (letter,) = letters("win_back")
    assert (letter.recipient, letter.period) == (ani.number, "2026-03-02")
    assert inviting.win_back(program, at=late + 40 * DAY).report == {"win_back": 1}  # eve


def test_a_reward_is_told_of_when_points_come_to_its_price_and_again_when_it_is_back():
    program = make_program()
    ani, ben = make_member(program, "Ani"), make_member(program, "Ben")
    agree(ani)
    latte, _cake = shelf.make_reward(program, cost=100, stock=1), shelf.make_reward(program, "cake", cost=80)
    assert inviting.tell_rewards(program, at=NOON).is_empty
    terms(program, tells_rewards=True)
    for member in (ani, ben):
        give_points(member, 150, at=NOON)
    assert inviting.tell_rewards(program, at=NOON + DAY / 2).report == {"reward_there": 1}
    (letter,) = letters("reward_there")
    assert (letter.recipient, letter.subject) == (ani.number, "latte")
    assert "You have 150 points" in rendering.render(letter)[1]
    latte.taken = 1
    latte.save()
    assert inviting.tell_rewards(program, at=NOON + 3 * DAY).is_empty
    latte.stock = 2
    latte.save()
    assert inviting.tell_rewards(program, at=NOON + 4 * DAY).report == {"reward_there": 1}
    assert inviting.tell_rewards(program, at=NOON + 5 * DAY).is_empty
    assert [one.period for one in letters("reward_there")] == ["", "2026-03-06"]


def test_a_reward_is_told_of_at_the_members_own_price_and_to_nobody_who_may_not_have_it():
    program = make_program()
    ani, ben = make_member(program, "Ani", language="id"), make_member(program, "Ben")
    agree(ani), agree(ben)
    terms(program, tells_rewards=True)
    regulars = make_segment(program, "regulars", all_of({"about": "language", "is": ["id"]}), at=OPENING)
    gold = program.tiers.order_by("rank").last()
    kept = {"segment": {"segment": regulars}, "season": {"season_from": "12-01", "season_until": "12-31"}}
    kept |= {"standing": {"minimum_member_days": 9000}, "high": {"minimum_tier": gold}, "once": {"limit_per_member": 1}}
    shelves_of = {
        slug: shelf.make_reward(program, slug, cost=90 + n, **more) for n, (slug, more) in enumerate(kept.items())
    }
    cheaper = shelf.make_reward(program, cost=200)
    cheaper.prices.create(cost=120, segment=regulars)
    cheaper.prices.create(cost=10, season_from="12-01", season_until="12-31")
    cheaper.prices.create(cost=20, tier=gold)
    give_points(ani, 95, at=NOON)
    redemption.redeem(ani, shelves_of["once"], at=NOON, reference="one", source="test", actor="test")
    give_points(ani, 149, at=NOON)
    give_points(ben, 150, at=NOON)
    told = []
    for hour in range(1, 5):  # one letter of a reader at a time, the dearest first
        inviting.tell_rewards(program, at=NOON + hour * DAY / 24)
        told = [(one.recipient, one.subject) for one in letters("reward_there")]
    expected = {(ani.number, "latte"), (ani.number, "segment"), (ben.number, "once")}
    assert (set(told), len(told)) == (expected, 3)


def test_staff_who_can_fill_a_shelf_hear_once_that_it_runs_low():
    staff_client(roles.PROGRAM_MANAGER)
    program = make_program()
    reward = shelf.make_reward(program, stock=10)
    assert shelves.watch_stock(program, at=NOON).is_empty
    reward.taken = 9
    reward.save()
    for when in (NOON, NOON + DAY):
        assert shelves.watch_stock(program, at=when).found == 1
    (letter,) = letters("stock_low")
    assert rendering.render(letter)[0].startswith("Kopi Nusantara: 1 left of ")


def test_a_wording_of_the_code_to_sign_in_must_hold_the_code():
    told = wordings.faults("sign_in_code", wordings.Words("Your code", "Hello {{ name }}", "<p>{{ code }}</p>"))
    assert list(told) == ["text"] and "{{ code }}" in told["text"][0]


def test_the_desk_offers_to_add_letters_only_while_a_program_has_none():
    from django.urls import reverse

    program, staff = make_program(), staff_client(roles.PROGRAM_MANAGER)
    page, add = reverse("admin:letters_letterterms_changelist"), reverse("admin:letters_letterterms_add")
    assert add in staff.get(page).content.decode() and staff.get(add).status_code == 200
    terms(program)
    assert add not in staff.get(page).content.decode() and staff.get(add).status_code == 403

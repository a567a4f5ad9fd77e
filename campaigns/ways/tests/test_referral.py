"""Bringing friends: bound once, rewarded after a kept purchase, taken back with it, held when it smells."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from campaigns.tests.shop import buy, give_back
from campaigns.ways import reconsidering, referral, rewarding, suspicions
from campaigns.ways.models import Referral
from campaigns.ways.tests.ways import reward, set_terms
from loyalty.desk import roles
from loyalty.jobs.changes import people
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.tests.desk import hire
from loyalty.tests.racing import on_postgresql, race
from members.enrolment import enrol
from members.models import Event, Member
from members.testing import make_member, make_program, points_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = NOW + 60 * DAY


@pytest.fixture
def program(program):
    set_terms(program)
    return reward(program, referral=100, referred=50, referral_milestone=500)


def bring(member: Member, name: str, *, at: datetime = NOW, **more) -> Member:
    code = referral.code_of(member, at=at, actor="test").code
    more.setdefault("email", f"{name.lower()}@example.com")
    return enrol(member.program, at=at, actor="test", name=name, referral_code=code, **more)


def look(program, at):
    return rewarding.reward_due(program, at=at)


def test_both_are_rewarded_after_the_first_kept_purchase_and_only_once(program, ani):
    friend = bring(ani, "Dewi")
    assert look(program, NOW + DAY).found == 0
    buy(friend, "20", NOW + DAY)
    assert look(program, NOW + DAY).report["rewarded"] == 1
    assert look(program, NOW + 2 * DAY).done == 0
    assert (points_of(ani, at=LATER), points_of(friend, at=LATER)) == (100, 50)
    assert sorted(Message.objects.filter(kind="referral").values_list("recipient", flat=True)) == sorted(
        [ani.number, friend.number]
    )


def test_a_purchase_below_the_least_amount_is_not_the_one(program, ani):
    set_terms(program, least_amount=30)
    friend = bring(ani, "Dewi")
    buy(friend, "29.99", NOW + DAY)
    assert look(program, NOW + DAY).done == 0
    buy(friend, "30", NOW + 2 * DAY)
    assert look(program, NOW + 2 * DAY).done == 1
    assert points_of(ani, at=LATER) == 100


def test_the_second_purchase_can_be_the_one_that_counts(program, ani):
    set_terms(program, counting_purchase=2)
    friend = bring(ani, "Dewi")
    buy(friend, "20", NOW + DAY)
    assert look(program, NOW + DAY).done == 0
    buy(friend, "20", NOW + 2 * DAY)
    look(program, NOW + 2 * DAY)
    assert points_of(ani, at=LATER) == 100


def test_a_program_can_wait_until_the_return_window_has_passed(program, ani):
    set_terms(program, waits_for_window=True, return_days=14)
    friend = bring(ani, "Dewi")
    buy(friend, "20", NOW + DAY)
    assert look(program, NOW + 15 * DAY - timedelta(seconds=1)).done == 0
    assert look(program, NOW + 15 * DAY).done == 1
    assert points_of(ani, at=LATER) == 100


def test_goods_that_come_back_within_the_window_take_the_reward_back_at_once(program, ani):
    friend = bring(ani, "Dewi")
    bought = buy(friend, "20", NOW + DAY).purchase
    look(program, NOW + DAY)
    give_back(bought, NOW + 3 * DAY, "20")
    assert (points_of(ani, at=LATER), points_of(friend, at=LATER)) == (0, 0)
    assert Referral.objects.get().status == "taken_back"
    assert Message.objects.filter(kind="referral", subject__endswith="back").count() == 2


def test_a_return_told_late_takes_the_reward_back_from_the_day_the_goods_came(program, ani):
    friend = bring(ani, "Dewi")
    bought = buy(friend, "20", NOW + DAY).purchase
    look(program, NOW + DAY)
    give_back(bought, NOW + 3 * DAY, "20", recorded_at=NOW + 9 * DAY)
    assert set(Event.objects.values_list("taken_back_at", flat=True)) == {NOW + 3 * DAY}
    assert (points_of(ani, at=LATER), points_of(friend, at=LATER)) == (0, 0)


def test_goods_that_come_back_after_the_window_leave_the_reward(program, ani):
    friend = bring(ani, "Dewi")
    bought = buy(friend, "20", NOW + DAY).purchase
    look(program, NOW + DAY)
    give_back(bought, NOW + 15 * DAY, "20")
    look(program, NOW + 16 * DAY)
    assert points_of(ani, at=LATER) == 100


def test_another_kept_purchase_earns_the_reward_again_after_it_was_taken_back(program, ani):
    friend = bring(ani, "Dewi")
    bought = buy(friend, "20", NOW + DAY).purchase
    look(program, NOW + DAY)
    give_back(bought, NOW + 3 * DAY, "20")
    buy(friend, "30", NOW + 4 * DAY)
    look(program, NOW + 4 * DAY)
    assert (points_of(ani, at=LATER), points_of(friend, at=LATER)) == (100, 50)
    assert Referral.objects.get().rounds == 2


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order_of_purchases_refund_and_looks_ends_the_same(program, ani, order):
    """The first purchase comes back, the second is kept: whatever is told first, each is rewarded once."""
    from campaigns import refunds
    from campaigns.refunds import Return

    friend = bring(ani, "Dewi")

    def refund(at):
        back = Return(source="test", receipt="first", number="1", occurred_at=NOW + 3 * DAY, amount=Decimal(20))
        refunds.refund(program, back, at=at, actor="test")

    acts = [
        lambda at: buy(friend, "20", NOW + DAY, receipt="first", recorded_at=at),
        refund,
        lambda at: buy(friend, "30", NOW + 2 * DAY, receipt="second", recorded_at=at),
    ]
    for step, number in enumerate(order):
        acts[number](NOW + (10 + step) * DAY)
        look(program, NOW + (10 + step) * DAY)
    assert (points_of(ani, at=LATER), points_of(friend, at=LATER)) == (100, 50)
    assert Referral.objects.get().status == "rewarded"


def test_every_fifth_friend_is_a_milestone_and_goes_with_the_friend_who_gave_back(program, ani):
    set_terms(program, milestone_every=2)
    bought = []
    for number in range(4):
        friend = bring(ani, f"Friend{number}", at=NOW + number * 2 * DAY)
        bought.append(buy(friend, "20", NOW + number * 2 * DAY).purchase)
        look(program, NOW + number * 2 * DAY)
    assert points_of(ani, at=LATER) == 4 * 100 + 2 * 500
    give_back(bought[2], NOW + 8 * DAY, "20")
    assert points_of(ani, at=LATER) == 3 * 100 + 1 * 500


def test_the_cap_of_a_month_leaves_the_friend_rewarded(program, ani):
    set_terms(program, most_a_month=1)
    friends = [bring(ani, name, at=NOW + 2 * number * DAY) for number, name in enumerate(("Dewi", "Eka"))]
    for friend in friends:
        buy(friend, "20", NOW + 5 * DAY)
        look(program, NOW + 5 * DAY)
    assert points_of(ani, at=LATER) == 100
    assert [points_of(friend, at=LATER) for friend in friends] == [50, 50]
    assert list(Referral.objects.order_by("pk").values_list("reasons", flat=True)) == [[], ["period_cap"]]


@pytest.mark.parametrize(
    ("referrer", "friend", "status", "reasons"),
    [
        ({"email": "ani.b@example.com"}, {"email": "anib+gift@example.com"}, "refused", ["same_email"]),
        ({"phone": "+62 812 3456 7890"}, {"phone": "0812-3456-7890"}, "refused", ["same_phone"]),
        ({"email": "ani@example.com"}, {"email": "dewi@example.com", "phone": "123"}, "bound", []),
    ],
)
def test_the_same_person_is_no_friend(program, referrer, friend, status, reasons):
    member = enrol(program, at=NOW, actor="test", name="Rina", **referrer)
    bring(member, "Dewi", **friend)
    found = Referral.objects.get()
    assert (found.status, found.reasons) == (status, reasons)


def test_a_friend_known_under_another_name_is_held_until_staff_decide(program, ani, budi):
    bring(ani, "Dewi", email="dewi@example.com", phone="081234567890")
    twin = bring(budi, "Tia", email="d.ewi+2@example.com", phone="+6281234567890")
    held = Referral.objects.get(friend=twin)
    assert (held.status, held.reasons) == ("held", ["known_email", "known_phone"])
    buy(twin, "20", NOW + DAY)
    assert look(program, NOW + DAY).done == 0
    with pytest.raises(referral.ReasonMissing):
        referral.refuse(held, at=NOW + DAY, actor="staff:1", note=" ")
    referral.approve(held, at=NOW + DAY, actor="staff:1")
    look(program, NOW + DAY)
    assert points_of(budi, at=LATER) == 100


def test_a_refused_friend_earns_nothing_for_either(program, ani):
    set_terms(program, velocity_a_day=1)
    bring(ani, "Dewi")
    second = bring(ani, "Eka", at=NOW + timedelta(hours=1))
    held = Referral.objects.get(friend=second)
    assert held.reasons == ["velocity"]
    referral.refuse(held, at=NOW + DAY, actor="staff:1", note="Invented people")
    buy(second, "20", NOW + DAY)
    look(program, NOW + DAY)
    assert (points_of(ani, at=LATER), points_of(second, at=LATER)) == (0, 0)
    with pytest.raises(referral.NotWaiting):
        referral.approve(held, at=NOW + DAY, actor="staff:1")


def test_a_refusal_that_was_a_mistake_is_held_again_and_approved(program, ani):
    """A family shares one phone."""
    Member.objects.filter(pk=ani.pk).update(phone="081234567890")
    friend = bring(ani, "Dewi", phone="+6281234567890")
    refused = Referral.objects.get()
    assert refused.status == "refused"
    with pytest.raises(referral.ReasonMissing):
        reconsidering.hold(refused, at=NOW, actor="staff:1", note=" ")
    held = reconsidering.hold(refused, at=NOW, actor="staff:1", note="Mother and daughter")
    assert reconsidering.hold(held, at=NOW, actor="staff:2", note="again").note == "Mother and daughter"
    assert (held.status, held.decided_at, held.decided_by, held.reasons) == ("held", None, "", ["same_phone"])
    buy(friend, "20", NOW + DAY)
    assert look(program, NOW + DAY).done == 0
    referral.approve(held, at=NOW + DAY, actor="staff:1")
    look(program, NOW + DAY)
    assert (points_of(ani, at=LATER), points_of(friend, at=LATER)) == (100, 50)
    with pytest.raises(reconsidering.NotHoldable):
        reconsidering.hold(held, at=NOW + DAY, actor="staff:1", note="too late")


def test_given_rewards_are_taken_back_by_staff_with_the_milestone_and_can_be_given_again(program, ani):
    set_terms(program, milestone_every=1)
    friend = bring(ani, "Dewi")
    buy(friend, "20", NOW + DAY)
    one = Referral.objects.get()
    with pytest.raises(reconsidering.NotRewarded):
        reconsidering.revoke(one, at=NOW + DAY, actor="staff:1", note="Invented")
    look(program, NOW + DAY)
    assert points_of(ani, at=LATER) == 600
    for _time in range(2):
        gone = reconsidering.revoke(one, at=NOW + 2 * DAY, actor="staff:1", note="Invented person")
        assert (gone.status, gone.note, gone.decided_by) == ("refused", "Invented person", "staff:1")
        assert (points_of(ani, at=LATER), points_of(friend, at=LATER)) == (0, 0)
    assert look(program, NOW + 3 * DAY).done == 0
    letters = Message.objects.filter(kind="referral", subject__endswith="revoked")
    assert {one.recipient for one in letters} == {ani.number, friend.number}
    assert all("please write to us" in "".join(map(str, render(one))) for one in letters)
    reconsidering.hold(one, at=NOW + 4 * DAY, actor="staff:2", note="She exists")
    referral.approve(one, at=NOW + 4 * DAY, actor="staff:2")
    look(program, NOW + 4 * DAY)
    assert (points_of(ani, at=LATER), points_of(friend, at=LATER)) == (600, 50)
    assert Referral.objects.get().rounds == 2


def test_an_address_told_later_is_found_before_points_move(program, ani):
    friend = bring(ani, "Dewi", email="")
    Member.objects.filter(pk=friend.pk).update(phone="081234567890")
    Member.objects.filter(pk=ani.pk).update(phone="+62 812 3456 7890")
    buy(friend, "20", NOW + DAY)
    look(program, NOW + DAY)
    assert (Referral.objects.get().status, points_of(ani, at=LATER)) == ("refused", 0)


def test_binding_is_once_for_ever(program, ani, budi):
    friend = bring(ani, "Dewi")
    code, other = (referral.code_of(member, at=NOW, actor="test").code for member in (ani, budi))
    assert referral.bind(friend, code.lower(), at=NOW + DAY, actor="test").pk == Referral.objects.get().pk
    for member, typed, refusal in [
        (friend, other, referral.AlreadyBound),
        (ani, code, referral.OwnCode),
        (budi, "NOSUCH", referral.CodeUnknown),
        (budi, code, referral.NotNew),
    ]:
        with pytest.raises(refusal):
            referral.bind(member, typed, at=NOW + DAY, actor="test")
    assert Referral.objects.count() == 1


def test_a_code_that_nobody_has_enrols_nobody(program):
    with pytest.raises(referral.CodeUnknown):
        enrol(program, at=NOW, actor="test", name="Dewi", referral_code="WRONG")
    assert not Member.objects.filter(name="Dewi").exists()


def test_codes_of_another_program_are_unknown_here(program, ani):
    stranger = make_member(make_program("teh"), "Lina")
    code = referral.code_of(stranger, at=NOW, actor="test").code
    with pytest.raises(referral.CodeUnknown):
        referral.find(program, code)


def test_a_friend_who_does_not_buy_in_time_lapses_after_everything_late_could_have_come(program, ani):
    set_terms(program, buy_within_days=10, return_days=14)
    friend = bring(ani, "Dewi")
    buy(friend, "20", NOW + 10 * DAY)
    assert look(program, NOW + 53 * DAY).report["lapsed"] == 0
    assert look(program, NOW + 54 * DAY).report["lapsed"] == 1
    assert points_of(ani, at=LATER) == 0


def test_folding():
    assert suspicions.folded_email("A.ni+x@Example.COM") == "ani@example.com"
    assert suspicions.folded_phone("+62 (812) 345-6789") == suspicions.folded_phone("0812 345 6789")


@pytest.mark.parametrize("case", [pytest.param(0, marks=on_postgresql)])
def test_two_workers_reward_a_referral_once(case, program, ani):
    friend = bring(ani, "Dewi")
    buy(friend, "20", NOW + DAY)
    pk = Referral.objects.get().pk
    results, codes = race(*[lambda: rewarding.settle(pk, at=NOW + DAY, actor="test")] * 4)
    assert (sorted(map(str, results)), codes) == (["None", "None", "None", "rewarded"], [])
    assert (points_of(ani, at=LATER), points_of(friend, at=LATER)) == (100, 50)


@pytest.mark.parametrize("case", [pytest.param(0, marks=on_postgresql)])
def test_two_people_take_a_reward_back_once(case, program, ani):
    friend = bring(ani, "Dewi")
    buy(friend, "20", NOW + DAY)
    look(program, NOW + DAY)
    one = Referral.objects.get()
    _results, codes = race(*[lambda: reconsidering.revoke(one, at=NOW + DAY, actor="staff:1", note="x")] * 4)
    assert codes == []
    assert (points_of(ani, at=LATER), points_of(friend, at=LATER)) == (0, 0)
    assert Message.objects.filter(kind="referral", subject__endswith="revoked").count() == 2


def test_nobody_decides_about_a_friend_they_brought_or_were_brought_as(program, ani):
    user = hire(roles.PROGRAM_MANAGER)
    own = f"staff:{user.pk}"
    friend = bring(ani, "Dewi")
    buy(friend, "20", NOW + DAY)
    one = Referral.objects.get()
    told = {"at": NOW + DAY, "actor": own, "note": "I know them"}
    for mine in (ani, friend):
        Member.objects.filter(pk=mine.pk).update(user=user)
        for status, decide in (
            ("bound", reconsidering.hold), ("held", referral.approve), ("held", referral.refuse),
            ("rewarded", reconsidering.revoke),
        ):  # fmt: skip
            Referral.objects.filter(pk=one.pk).update(status=status, rounds=1, rewarded_at=NOW + DAY)
            with pytest.raises(people.OwnAccount):
                decide(one, **told)
            one.refresh_from_db()
            assert (one.status, one.decided_by, one.note) == (status, "", "")
        Member.objects.filter(pk=mine.pk).update(user=None)


def test_a_referral_that_staff_let_go_on_late_is_looked_at_once_more(program, ani):
    set_terms(program, buy_within_days=10, return_days=14)
    friend = bring(ani, "Dewi")
    other = bring(ani, "Eka", at=NOW + timedelta(hours=2))
    buy(friend, "20", NOW + DAY)
    held = [reconsidering.hold(one, at=NOW, actor="staff:1", note="Looked at") for one in Referral.objects.all()]
    assert look(program, NOW + 60 * DAY).report["lapsed"] == 0
    for one in held:
        referral.approve(one, at=NOW + 60 * DAY, actor="staff:1")
    assert look(program, NOW + 61 * DAY).report == {"rewarded": 1, "taken_back": 0, "lapsed": 0, "held": 0}
    assert points_of(ani, at=NOW + 90 * DAY) == 100
    assert look(program, NOW + 104 * DAY).report["lapsed"] == 1  # decided 44 days before, and bought nothing
    assert points_of(other, at=NOW + 120 * DAY) == 0

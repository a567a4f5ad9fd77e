"""Experiences: a seat of one date is booked, shown, used, cancelled, and given back when the date is called off."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from members.testing import OPENING, give_points, points_of
from members.tests.changes import ask, hired, limited, undo
from members.tests.portal import signed_in, words
from rewards import catalogue, granting, redemption, sessions, vouchers
from rewards.calling_off import StillBooked
from rewards.models import EventSession, Redemption, Reward, Seat
from rewards.testing import make_reward, make_session
from rewards.tests.test_portal_rewards import token_on

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)
EVENING = OPENING + timedelta(days=10, hours=9)  # 19:00 in Jakarta


@pytest.fixture
def tasting(program):
    return make_reward(program, "tasting", kind="experience", name="Tasting", cost=100)


@pytest.fixture
def evening(tasting):
    return make_session(tasting, EVENING, seats=2)


def book(member, session, reference="b1", at=LATER):
    give_points(member, 100, at=at - timedelta(hours=1), reference=f"for:{reference}")
    return redemption.redeem(
        member, session.reward, at=at, reference=reference, source="t", actor="t", chosen={"session": session.pk}
    )


def taken(session):
    session.refresh_from_db()
    return session.taken, session.reward.redemptions.exclude(status="cancelled").count()


def test_a_ticket_is_good_on_its_day_until_the_end(ani, evening):
    made = book(ani, evening)
    assert taken(evening) == (1, 1)
    assert (made.voucher.valid_from, made.voucher.expires_at) == (EVENING - timedelta(hours=19), evening.ends_at)
    with pytest.raises(vouchers.VoucherNotYetValid):
        vouchers.use(made.voucher, at=LATER, till="door", receipt="1", actor="t")
    assert vouchers.use(made.voucher, at=EVENING, till="door", receipt="1", actor="t").used_at == EVENING


def test_the_same_reference_books_once_and_another_date_for_it_is_a_conflict(ani, tasting, evening):
    other = make_session(tasting, EVENING + timedelta(days=1))
    made = book(ani, evening)
    told = {"at": LATER, "reference": "b1", "source": "t", "actor": "t"}
    assert redemption.redeem(ani, tasting, **told, chosen={"session": evening.pk}) == made
    assert redemption.redeem(ani, tasting, **told) == made
    with pytest.raises(redemption.ReferenceConflict):
        redemption.redeem(ani, tasting, **told, chosen={"session": other.pk})
    assert (taken(evening), taken(other)[0], points_of(ani, at=LATER)) == ((1, 1), 0, 0)


@pytest.mark.parametrize(
    ("chosen", "code"),
    [({}, "session_needed"), ({"session": 99}, "session_unknown"), ({"session": 0}, "session_unknown")],
)
def test_a_date_must_be_named_and_known(ani, tasting, evening, chosen, code):
    give_points(ani, 100)
    with pytest.raises(redemption.Refusal) as refused:
        redemption.redeem(ani, tasting, at=LATER, reference="x", source="t", actor="t", chosen=chosen)
    assert (refused.value.code, points_of(ani, at=LATER), taken(evening)) == (code, 100, (0, 0))


def test_a_full_closed_or_begun_date_is_refused_and_costs_nothing(ani, budi, siti, tasting, evening):
    book(ani, evening)
    book(budi, evening, "b2")
    with pytest.raises(sessions.SessionFull):
        book(siti, evening, "b3")
    shut = make_session(tasting, EVENING, closes_hours=24)
    with pytest.raises(sessions.SessionClosed):
        book(siti, shut, "b4", at=EVENING - timedelta(hours=24))
    sessions.close(shut, at=LATER, actor="t")
    with pytest.raises(sessions.SessionClosed):
        book(siti, shut, "b5")
    assert (points_of(siti, at=EVENING), Redemption.objects.filter(member=siti).count()) == (300, 0)
    assert Reward.objects.get().taken == 2


def test_a_cancelled_ticket_frees_its_seat_and_members_cancel_until_booking_ends(ani, evening):
    made = book(ani, evening)
    with pytest.raises(sessions.SessionClosed):
        redemption.cancel(made, at=EVENING, actor="t", by_member=True)
    redemption.cancel(made, at=EVENING - timedelta(minutes=1), actor="t", by_member=True)
    redemption.cancel(made, at=EVENING - timedelta(minutes=1), actor="t", by_member=True)
    assert (taken(evening), Seat.objects.get().freed_at) == ((0, 0), EVENING - timedelta(minutes=1))
    assert (points_of(ani, at=LATER), Reward.objects.get().taken) == (100, 0)


def test_the_database_sells_no_seat_that_is_not_there(tasting, evening):
    wrong = ({"taken": 3}, {"capacity": 0}, {"ends_at": EVENING}, {"cancelled_at": LATER})
    for terms in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            EventSession.objects.filter(pk=evening.pk).update(**terms)


def test_the_catalogue_knows_the_free_seats(ani, tasting, evening):
    assert [(one.left, len(one.sessions)) for one in catalogue.offers(ani, at=LATER)] == [(2, 1)]
    assert catalogue.offer(ani, tasting, at=EVENING).refusal.code == "out_of_stock"


def test_a_prize_takes_the_soonest_free_seat(ani, budi, tasting, evening):
    make_session(tasting, EVENING + timedelta(days=5))
    made = granting.grant(ani, tasting, at=LATER, reference="p", actor="t")
    assert (sessions.held_by(made), taken(evening)) == (evening, (1, 1))
    with pytest.raises(sessions.SessionFull):
        granting.grant(budi, tasting, at=EVENING + timedelta(days=6), reference="q", actor="t")
    assert not Redemption.objects.filter(member=budi).exists()


def test_the_api_lists_dates_books_one_and_tells_the_door(program, ani, tasting):
    session = make_session(tasting, timezone.now() + timedelta(days=3), seats=2)
    give_points(ani, 100)
    shop = Shop(program)
    (offer,) = shop.get(f"/members/{ani.number}/rewards").json()["rewards"]
    assert [(one["session"], one["left"]) for one in offer["sessions"]] == [(session.pk, 2)]
    wish = {"reward": "tasting", "reference": "o"}
    assert shop.post(f"/members/{ani.number}/redemptions", wish).json()["code"] == "session_needed"
    made = shop.post(f"/members/{ani.number}/redemptions", wish | {"session": session.pk}).json()
    assert made["voucher"]["session"] | {"left": 2} == offer["sessions"][0]
    told = shop.get(f"/vouchers/{made['voucher']['code']}").json()
    assert (told["session"]["place"], told["refusal"]["code"]) == ("Main hall", "voucher_not_yet_valid")


def test_a_member_books_in_the_portal_and_holds_a_ticket_with_date_and_place(ani, tasting):
    now = timezone.now()
    session = make_session(tasting, now + timedelta(days=3), seats=2)
    give_points(ani, 100, at=now - timedelta(hours=1))
    client, address = signed_in(ani), reverse("portal_reward_redeem", args=["tasting"])
    page = client.get(address)
    assert "Which date?" in words(page)
    assert "Choose a date." in words(client.post(address, {"token": token_on(page), "session": "x"}))
    ticket = words(client.post(address, {"token": token_on(page), "session": str(session.pk)}, follow=True))
    for told in ("Main hall", sessions.when(session, "Asia/Jakarta"), "This is your ticket", "Cancel this voucher"):
        assert told in ticket
    letter = "".join(render(Message.objects.get(kind="redeemed")))
    assert "Main hall" in letter
    EventSession.objects.update(closes_hours=200)
    assert "Cancel this voucher" not in words(client.get(reverse("portal_voucher", args=[Redemption.objects.get().pk])))


@pytest.fixture
def managers(program):
    limited(program, bulk_members=10, bulk_points=1000)
    return hired("dewi")


def off(session, by, at=LATER):
    return ask(session.reward.program, "call_off_session", by=by, at=at, session=session.pk)


def test_a_date_called_off_gives_everybody_the_points_back_and_tells_them(ani, budi, evening, managers):
    tickets = [book(ani, evening), book(budi, evening, "b2")]
    with pytest.raises(StillBooked):
        off(evening, managers)
    sessions.close(evening, at=LATER, actor="t")
    with pytest.raises(sessions.SessionBooked):
        sessions.call_off(evening, at=LATER, actor="t")
    change = off(evening, managers)
    assert (change.status, change.posted_count) == ("done", 2)
    assert [Redemption.objects.get(pk=one.pk).status for one in tickets] == ["cancelled"] * 2
    assert (points_of(ani, at=LATER), points_of(budi, at=LATER), taken(evening)) == (100, 100, (0, 0))
    assert evening.cancelled_at == LATER
    told = "".join(render(Message.objects.get(kind="session_off", recipient=ani.number)))
    assert "does not take place" in told and "100 points back" in told
    with pytest.raises(sessions.SessionClosed):
        book(ani, evening, "b9")


def test_calling_off_is_undone_for_whoever_still_has_the_points(ani, budi, evening, managers, program):
    book(ani, evening)
    book(budi, evening, "b2")
    sessions.close(evening, at=LATER, actor="t")
    change = off(evening, managers)
    redemption.redeem(budi, make_reward(program), at=LATER, reference="spent", source="t", actor="t")
    back = undo(change, by=managers, at=LATER)
    assert (back.status, back.posted_count) == ("done", 1)
    assert (taken(evening), evening.cancelled_at) == ((1, 1), None)
    again = Redemption.objects.get(member=ani, status="issued")
    assert (again.cost, points_of(ani, at=LATER), sessions.held_by(again)) == (100, 0, evening)
    assert again.voucher.code != Redemption.objects.get(reference="b1").voucher.code


def test_a_used_ticket_stays_used_when_the_date_is_called_off(ani, budi, evening, managers):
    used = book(ani, evening)
    book(budi, evening, "b2")
    vouchers.use(used.voucher, at=EVENING, till="door", receipt="1", actor="t")
    sessions.close(evening, at=EVENING, actor="t")
    change = off(evening, managers, at=EVENING)
    assert (change.posted_count, points_of(ani, at=EVENING), points_of(budi, at=EVENING)) == (1, 0, 100)
    assert ani.shown_number in str(change.summary["left_out"])


@pytest.mark.parametrize("is_marked", [False, True])
def test_a_date_called_off_after_its_end_still_gives_the_points_back(ani, program, evening, managers, is_marked):
    made = book(ani, evening)
    sessions.close(evening, at=LATER, actor="t")
    over = evening.ends_at + timedelta(hours=2)
    if is_marked:
        vouchers.expire_due(program, at=over)
    with pytest.raises(redemption.RedemptionExpired):
        redemption.cancel(made, at=over, actor="t", by_member=False)
    assert off(evening, managers, at=over).posted_count == 1
    assert (Redemption.objects.get().status, points_of(ani, at=over), taken(evening)) == ("cancelled", 100, (0, 0))


def test_only_who_may_export_takes_the_guests_along(ani, evening):
    book(ani, evening)
    address = reverse("admin:rewards_eventsession_export_guests", args=[evening.pk])
    assert ani.number in b"".join(staff_client(roles.PROGRAM_MANAGER).get(address)).decode()
    assert staff_client(roles.SUPPORT_AGENT).get(address).status_code == 403


def test_staff_make_a_date_watch_it_and_call_it_off(program, ani, tasting):
    client = staff_client(roles.PROGRAM_MANAGER)
    start = timezone.localtime(timezone.now() + timedelta(days=3))
    day = {
        "starts_at_0": f"{start:%Y-%m-%d}",
        "starts_at_1": "19:00",
        "ends_at_0": f"{start:%Y-%m-%d}",
        "ends_at_1": "18:00",
    }
    told = {"reward": tasting.pk, "place": "Roof", "capacity": "1", "closes_hours": "0", **day}
    page = client.post(reverse("admin:rewards_eventsession_add"), told)
    assert "It must end after it begins" in page.content.decode()
    assert client.post(reverse("admin:rewards_eventsession_add"), told | {"ends_at_1": "21:00"}).status_code == 302
    session = EventSession.objects.get()
    book(ani, session, at=timezone.now())
    page = client.get(reverse("admin:rewards_eventsession_change", args=[session.pk])).content.decode()
    assert ani.name in page and "Call it off" in page
    deed = reverse("admin:rewards_eventsession_call_off", args=[session.pk])
    answer = client.post(deed)
    assert "call_off_session" in answer["Location"]
    assert client.get(answer["Location"]).status_code == 200
    session.refresh_from_db()
    assert (session.is_open, session.cancelled_at) == (False, None)
    support = staff_client(roles.SUPPORT_AGENT)
    assert support.post(deed).status_code == 403


def test_an_empty_date_is_called_off_at_once(tasting, evening):
    client = staff_client(roles.PROGRAM_MANAGER)
    EventSession.objects.update(
        starts_at=timezone.now() + timedelta(days=1), ends_at=timezone.now() + timedelta(days=2)
    )
    client.post(reverse("admin:rewards_eventsession_call_off", args=[evening.pk]))
    evening.refresh_from_db()
    assert evening.cancelled_at is not None

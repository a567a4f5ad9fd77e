"""Goods that are sent: addressed, packed, sent and delivered, seen by the member, never both sent and cancelled."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from members.testing import OPENING, give_points, points_of
from members.tests.portal import signed_in, words
from rewards import forgetting, granting, parcels, redemption, vouchers
from rewards.models import Parcel, Redemption, Reward
from rewards.testing import make_reward
from rewards.tests.test_portal_rewards import token_on

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
LATER = OPENING + timedelta(days=3)
HOME = {
    "recipient": "Ani",
    "street": "Jalan Merdeka 1",
    "postcode": "30111",
    "city": "Palembang",
    "country": "",
    "phone": "",
}


@pytest.fixture
def bag(program):
    return make_reward(program, "bag", kind="product", name="Bag", cost=100, is_sent=True)


def redeem(member, reward, at=LATER, reference="r1", **chosen):
    give_points(member, 100, at=at - timedelta(hours=1), reference=f"for:{reference}")
    return redemption.redeem(member, reward, at=at, reference=reference, source="t", actor="t", chosen=chosen)


def sent(parcel, at=LATER):
    return parcels.send(parcel, carrier="Pos", tracking="RX1", at=at, actor="t")


def test_a_parcel_goes_from_packing_to_delivery_and_the_redemption_is_used_with_it(ani, bag):
    made = redeem(ani, bag, address=HOME)
    assert (made.parcel.status, made.parcel.shown_address) == ("waiting", "Ani, Jalan Merdeka 1, 30111 Palembang")
    parcels.pack(made.parcel, at=LATER, actor="t")
    parcels.pack(made.parcel, at=LATER, actor="t")
    sent(made.parcel)
    sent(made.parcel, at=LATER + timedelta(days=1))
    assert (made.parcel.status, made.parcel.sent_at) == ("sent", LATER)
    told = "".join(render(Message.objects.get(kind="parcel_sent")))
    assert "RX1" in told and "Jalan Merdeka 1" in told
    parcels.deliver(made.parcel, at=LATER, actor="t")
    made.refresh_from_db()
    assert (made.status, made.ended_at) == ("used", LATER)
    made.voucher.refresh_from_db()
    assert (made.voucher.is_live, made.voucher.used_at) == (False, LATER)


def test_what_is_sent_does_not_run_out_and_is_not_handed_over_at_a_till(program, ani, bag):
    made = redeem(ani, bag, address=HOME)
    assert vouchers.expire_due(program, at=LATER + timedelta(days=4000)).done == 0
    with pytest.raises(parcels.ParcelUnderway):
        vouchers.use(made.voucher, at=LATER, till="1", receipt="R", actor="t")
    made.refresh_from_db()
    assert made.status == "issued"


def test_members_cancel_until_it_is_packed_and_staff_until_it_is_sent(ani, bag):
    first, second = redeem(ani, bag, address=HOME), redeem(ani, bag, reference="r2", address=HOME)
    redemption.cancel(first, at=LATER, actor="t", by_member=True)
    assert (Parcel.objects.get(redemption=first).status, points_of(ani, at=LATER)) == ("cancelled", 100)
    parcels.pack(second.parcel, at=LATER, actor="t")
    with pytest.raises(parcels.ParcelUnderway):
        redemption.cancel(second, at=LATER, actor="t", by_member=True)
    sent(second.parcel)
    with pytest.raises(parcels.ParcelUnderway):
        redemption.cancel(second, at=LATER, actor="t", by_member=False)
    assert (points_of(ani, at=LATER), Reward.objects.get().taken) == (100, 1)
    with pytest.raises(parcels.ParcelNotReady):
        parcels.pack(Parcel.objects.get(redemption=first), at=LATER, actor="t")


def test_a_step_recorded_by_mistake_is_taken_back(ani, bag):
    made = redeem(ani, bag, address=HOME)
    sent(made.parcel)
    parcels.deliver(made.parcel, at=LATER, actor="t")
    states = []
    for _step in range(3):
        states.append(parcels.step_back(made.parcel, at=LATER, actor="t").status)
    made.refresh_from_db()
    assert (states, made.status, made.ended_at) == (["sent", "packed", "waiting"], "issued", None)
    with pytest.raises(parcels.ParcelNotReady):
        parcels.step_back(made.parcel, at=LATER, actor="t")


def test_an_address_is_whole_or_asked_for_later(ani, bag):
    with pytest.raises(parcels.AddressIncomplete) as refused:
        redeem(ani, bag, address=HOME | {"city": "  "})
    assert (refused.value.numbers, points_of(ani, at=LATER)) == ({"missing": ["city"]}, 100)
    prize = granting.grant(ani, bag, at=LATER, reference="p", actor="t")
    assert prize.parcel.status == "address"
    with pytest.raises(parcels.ParcelNotReady):
        parcels.pack(prize.parcel, at=LATER, actor="t")
    assert parcels.readdress(prize.parcel, HOME, at=LATER, actor="t").status == "waiting"


def test_the_database_packs_nothing_without_an_address_and_sends_no_discount(program, ani, bag):
    made = redeem(ani, bag)
    wrong = ({"status": "packed"}, {"status": "sent"}, {"delivered_at": LATER})
    for terms in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            Parcel.objects.filter(pk=made.parcel.pk).update(**terms)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_reward(program, "x", kind="discount", is_sent=True)


def test_a_member_says_where_it_goes_sees_how_far_it_is_and_no_code(ani, budi, bag):
    now = timezone.now()
    give_points(ani, 100, at=now - timedelta(hours=1))
    client, address = signed_in(ani), reverse("portal_reward_redeem", args=["bag"])
    page = client.get(address)
    assert "Where do we send it?" in words(page)
    told = {"token": token_on(page), **HOME}
    assert "The address lacks: town" in words(client.post(address, told | {"city": ""}))
    shown = words(client.post(address, told, follow=True))
    made = Redemption.objects.get()
    assert "Jalan Merdeka 1" in shown and "to be packed" in shown and made.voucher.shown_code not in shown
    where = reverse("portal_voucher_address", args=[made.pk])
    assert "We send it there" in words(client.post(where, HOME | {"street": "Jalan Baru 2"}, follow=True))
    assert Parcel.objects.get().street == "Jalan Baru 2"
    assert signed_in(budi).post(where, HOME).status_code == 404
    parcels.pack(made.parcel, at=now, actor="t")
    assert "not possible any more" in words(client.get(where, follow=True))
    assert "Packed" in words(client.get(reverse("portal_vouchers")))


def test_the_warehouse_moves_a_parcel_over_the_api(program, ani, bag):
    give_points(ani, 100, at=timezone.now() - timedelta(hours=1))
    shop = Shop(program)
    wish = {"reward": "bag", "reference": "o", "address": {"recipient": "Ani", "street": "S 1", "city": "P"}}
    assert shop.post(f"/members/{ani.number}/redemptions", wish).json()["parcel"]["status"] == "waiting"
    assert shop.post("/redemptions/o/parcel", {"step": "delivered"}).json()["code"] == "parcel_not_ready"
    moved = shop.post("/redemptions/o/parcel", {"step": "sent", "carrier": "Pos", "tracking": "RX9"}).json()
    assert (moved["status"], moved["tracking"], moved["packed_at"]) == ("sent", "RX9", None)
    shop.post("/redemptions/o/parcel", {"step": "delivered"})
    assert shop.get("/redemptions/o").json()["status"] == "used"


def test_staff_pack_many_at_once_and_are_told_what_did_not_fit(ani, budi, bag):
    ready, missing = redeem(ani, bag, address=HOME), redeem(budi, bag, reference="r2")
    client, page = staff_client(roles.SUPPORT_AGENT), reverse("admin:rewards_parcel_changelist")
    chosen = {"action": "pack_chosen", "_selected_action": [ready.parcel.pk, missing.parcel.pk]}
    said = client.post(page, chosen, follow=True).content.decode()
    assert "1 parcel changed" in said and "1 parcel is at another step" in said
    told = {"carrier": "Pos", "tracking": "RX7"}
    client.post(reverse("admin:rewards_parcel_send", args=[ready.parcel.pk]), told)
    client.post(page, chosen | {"action": "deliver_chosen"})
    assert [one.status for one in Parcel.objects.order_by("pk")] == ["delivered", "address"]
    assert "Jalan Merdeka 1" in client.get(page).content.decode()
    watching = staff_client(roles.MARKETING_ASSISTANT)
    watching.post(page, chosen | {"action": "deliver_chosen"})
    assert watching.post(reverse("admin:rewards_parcel_step_back", args=[ready.parcel.pk])).status_code == 403
    assert Parcel.objects.get(pk=ready.parcel.pk).status == "delivered"


def test_a_step_of_a_filtered_list_is_in_the_audit_log(ani, bag):
    parcel = redeem(ani, bag, address=HOME).parcel
    page = reverse("admin:rewards_parcel_changelist") + "?status__exact=waiting"
    staff_client(roles.SUPPORT_AGENT).post(page, {"action": "pack_chosen", "_selected_action": [parcel.pk]})
    assert Parcel.objects.get().status == "packed"
    assert "1 parcel changed" in LogEntry.objects.get(object_id=parcel.pk).change_message


def test_what_members_hold_stays_what_it_is(program, ani, bag):
    from loyalty.tests.test_desk_work import form_of

    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_reward_change", args=[bag.pk])
    redeem(ani, bag, address=HOME)
    values = form_of(client, address)
    for changed in ({"kind": "discount", "is_sent": ""}, {"is_sent": ""}):
        assert "Members hold this reward already" in client.post(address, values | changed).content.decode()
    bag.refresh_from_db()
    assert (bag.kind, bag.is_sent) == ("product", True)
    assert client.post(address, values | {"name": "Big bag"}).status_code == 302


def test_the_desk_sends_goods_only(program):
    from loyalty.tests.test_desk_work import form_of

    reward = make_reward(program, kind="product")
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_reward_change", args=[reward.pk])
    values = form_of(client, address)
    assert (
        "Only goods are sent" in client.post(address, values | {"kind": "discount", "is_sent": "on"}).content.decode()
    )
    assert client.post(address, values | {"is_sent": "on"}).status_code == 302
    reward.refresh_from_db()
    assert reward.is_sent


def test_where_a_parcel_went_is_forgotten_long_after_it_arrived_or_was_cancelled(program, ani, bag):
    arrived, underway, gone = (redeem(ani, bag, reference=r, address=HOME) for r in ("arrived", "underway", "gone"))
    for made in (arrived, underway):
        sent(made.parcel)
    parcels.deliver(arrived.parcel, at=LATER, actor="t")
    redemption.cancel(gone, at=LATER, actor="t", by_member=True)

    def forget(before, **more):
        told = forgetting.forget_addresses(program, delivered_before=before, at=before, actor="job", **more)
        return told.found, told.done

    after = LATER + timedelta(days=1)
    assert (forget(LATER), forget(after, dry_run=True)) == ((0, 0), (2, 0))
    assert not Parcel.objects.filter(recipient="").exists()
    job = {days: forgetting.forget_due(program, at=LATER + timedelta(days=days)).done for days in (179, 181, 182)}
    assert (job, forget(after)) == ({179: 0, 181: 2, 182: 0}, (0, 0))
    kept = {one.redemption_id: (one.status, one.shown_address, one.tracking, one.carrier) for one in Parcel.objects.all()}  # fmt: skip
    assert kept[arrived.pk] == ("delivered", "", "", "Pos")
    assert kept[gone.pk] == ("cancelled", "", "", "")
    assert kept[underway.pk] == ("sent", "Ani, Jalan Merdeka 1, 30111 Palembang", "RX1", "Pos")
    with pytest.raises(parcels.ParcelNotReady):
        parcels.step_back(Parcel.objects.get(redemption=arrived), at=after, actor="t")
    assert parcels.last_address(ani)["street"] == "Jalan Merdeka 1"
    with pytest.raises(IntegrityError), transaction.atomic():
        Parcel.objects.filter(redemption=arrived).update(recipient="Ani")

"""Staff move points for members, also to another program, and undo transfers: previewed, with four eyes where large."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from loyalty.common.errors import Refusal
from loyalty.desk import roles
from loyalty.jobs.models import ApprovalLimits, ChangeRequest
from loyalty.ledger import policies
from loyalty.ledger.drawing import InsufficientPoints
from loyalty.ledger.models import Account, Entry, ExchangeRate, Lot, Wallet
from loyalty.ledger.posting import open_accounts, redeem
from loyalty.ledger.transfers import NoExchange, NothingArrives
from loyalty.mail.models import Message
from loyalty.pos.testing import Shop, code_of
from loyalty.tests.desk import staff_client
from members import passing
from members.corrections.moving import NothingToUndo
from members.enrolment import main_account
from members.models import MemberAccount
from members.testing import OPENING, give_points, make_member, make_program, points_of
from members.tests.changes import NOW, ask, hired, limited, undo
from members.tests.portal import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)
Status = ChangeRequest.Status


@pytest.fixture
def manager(program):
    limited(program)
    return hired("wati")


@pytest.fixture
def teh(program):
    """A second program, where one of ours becomes 0.3 of theirs."""
    partner = make_program("teh")
    ExchangeRate.objects.create(from_wallet=program.wallets.get(), to_wallet=partner.wallets.get(), rate=Decimal("0.3"))
    return partner


def move(program, giver, to, amount, *, by, at=NOW, into=0):
    return ask(program, "move_points", by=by, at=at, number=giver.number, to=to.number, amount=amount, into=into)


def take_back(program, entry, *, by, at=NOW):
    return ask(program, "undo_transfer", by=by, at=at, entry=entry.pk)


def refused(error, act):
    before = Entry.objects.count()
    with pytest.raises(error):
        act()
    assert Entry.objects.count() == before


def ends(member):
    return sorted(
        Lot.objects.filter(account=main_account(member), remaining__gt=0).values_list("expires_at", "remaining")
    )


def test_points_move_without_the_members_limits_and_both_get_a_letter(program, ani, budi, manager):
    give_points(ani, 80)
    before = ends(ani)
    change = move(program, ani, budi, 50, by=manager)
    assert change.status == Status.DONE
    assert (points_of(ani, at=NOW), points_of(budi, at=NOW)) == (30, 50)
    assert [end for end, _points in ends(budi)] == [end for end, _points in before]
    assert set(Message.objects.values_list("kind", flat=True)) == {"points_passed", "points_received"}
    assert Entry.objects.filter(kind="transfer", reason="because", source="desk").count() == 2


def test_many_points_wait_for_a_second_person(program, ani, budi, manager):
    give_points(ani, 500)
    change = move(program, ani, budi, 101, by=manager)
    assert (change.status, points_of(ani, at=NOW)) == (Status.WAITING, 500)


def test_points_become_those_of_another_program_at_the_rate_rounded_down(program, teh, ani, manager):
    sari = make_member(teh, "Sari")
    give_points(ani, 20)
    rate = ExchangeRate.objects.get()
    change = move(program, ani, sari, 15, by=manager, into=rate.pk)
    assert change.summary["warnings"] == ["15 points become 4 points of Kopi Nusantara, rounded down."]
    assert (points_of(ani, at=NOW), points_of(sari, at=NOW)) == (5, 4)
    refused(NothingArrives, lambda: move(program, ani, sari, 3, by=manager, into=rate.pk))
    refused(InsufficientPoints, lambda: move(program, ani, sari, 6, by=manager, into=rate.pk))
    ExchangeRate.objects.update(is_active=False)
    refused(NoExchange, lambda: move(program, ani, sari, 5, by=manager, into=rate.pk))


def test_a_member_of_another_program_is_found_only_where_a_rate_was_chosen(program, teh, ani, manager):
    sari = make_member(teh, "Sari")
    give_points(ani, 20)
    refused(passing.ReceiverUnknown, lambda: move(program, ani, sari, 5, by=manager))
    refused(Refusal, lambda: move(teh, ani, sari, 5, by=manager))


def test_a_move_is_undone_as_a_whole(program, teh, ani, manager):
    sari = make_member(teh, "Sari")
    give_points(ani, 20)
    before = ends(ani)
    change = move(program, ani, sari, 15, by=manager, into=ExchangeRate.objects.get().pk)
    undone = undo(change, by=manager)
    assert undone.status == Status.DONE
    assert (points_of(ani, at=NOW), points_of(sari, at=NOW)) == (20, 0)
    assert {end for end, _points in ends(ani)} == {end for end, _points in before}


@pytest.fixture
def passed(program, ani, budi):
    """What ani passed on to budi by herself: 40 of her 80."""
    program.wallets.update(transfer_limit=100)
    give_points(ani, 80)
    told = {"at": NOW, "reference": "t", "source": "portal", "actor": "member"}
    return passing.pass_on(passing.account_in(ani), budi, 40, **told).entry


def test_what_a_member_passed_on_is_undone_once(program, ani, budi, passed, manager):
    give_points(budi, 9, at=NOW)
    assert take_back(program, passed, by=manager).status == Status.DONE
    assert (points_of(ani, at=NOW), points_of(budi, at=NOW)) == (80, 9)
    refused(NothingToUndo, lambda: take_back(program, passed, by=manager))


def test_what_was_spent_is_short_and_the_giver_gets_the_rest(program, ani, budi, passed, manager):
    redeem(main_account(budi).pk, 30, at=NOW, reference="r", source="t", actor="t")
    change = take_back(program, passed, by=manager)
    assert change.summary["warnings"] == ["30 points were spent meanwhile and cannot be taken back."]
    assert (points_of(ani, at=NOW), points_of(budi, at=NOW)) == (50, 0)


def test_nothing_is_undone_where_all_was_spent_or_it_is_no_transfer(program, ani, budi, passed, manager):
    redeem(main_account(budi).pk, 40, at=NOW, reference="r", source="t", actor="t")
    refused(NothingToUndo, lambda: take_back(program, passed, by=manager))
    refused(NothingToUndo, lambda: take_back(program, Entry.objects.first(), by=manager))
    other = make_program("teh")
    limited(other)
    refused(NothingToUndo, lambda: take_back(other, passed, by=manager))


def test_an_undo_of_many_points_waits_for_a_second_person(program, ani, budi, manager):
    program.wallets.update(transfer_limit=1000)
    give_points(ani, 500)
    told = {"at": NOW, "reference": "t", "source": "portal", "actor": "member"}
    entry = passing.pass_on(passing.account_in(ani), budi, 400, **told).entry
    assert take_back(program, entry, by=manager).status == Status.WAITING
    assert points_of(budi, at=NOW) == 400


PARTS = some.lists(some.tuples(some.integers(1, 40), some.integers(0, 25)), min_size=1, max_size=4)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PARTS, some.integers(1, 60), some.sampled_from(["1", "0.3", "2", "0.07"]), some.integers(0, 80))
def test_an_undo_never_makes_points_and_without_spending_restores_all(program, parts, amount, rate, spent):
    """Property: whatever ends the points have, whatever was spent, the giver never has more than before."""
    number = Account.objects.count()
    other = make_program(f"teh{number}")
    giver, taker = make_member(program, f"G{number}"), make_member(other, f"T{number}")
    agreed = ExchangeRate.objects.create(
        from_wallet=program.wallets.get(), to_wallet=other.wallets.get(), rate=Decimal(rate)
    )
    ApprovalLimits.objects.get_or_create(
        program=program, defaults={"adjustment_points": None, "adjustment_points_a_day": None}
    )
    for index, (points, days) in enumerate(parts):
        give_points(giver, points, at=OPENING + days * DAY, reference=f"g{index}")
    whole = points_of(giver, at=NOW)
    by = hired(f"w{number}")
    try:
        change = move(program, giver, taker, amount, by=by, into=agreed.pk)
    except (InsufficientPoints, NothingArrives):
        assert points_of(giver, at=NOW) == whole
        return
    received = points_of(taker, at=NOW)
    gone = min(spent, received)
    if gone:
        redeem(main_account(taker).pk, gone, at=NOW, reference="r", source="t", actor="t")
    try:
        undo(change, by=by)
    except NothingToUndo:
        assert not amount * (received - gone) // received
        return
    assert points_of(taker, at=NOW) == 0
    back = points_of(giver, at=NOW) - (whole - amount)
    assert back == (amount if not gone else amount * (received - gone) // received)


def test_the_desk_moves_points_and_leads_to_the_undo(program, teh, ani, budi):
    give_points(ani, 80)
    desk = staff_client(roles.SUPPORT_AGENT)
    page = reverse("admin:members_member_change", args=[ani.pk])
    to = desk.get(reverse("admin:members_member_move_points", args=[ani.pk]))
    assert to.status_code == 302 and "move_points" in to["Location"]
    form = desk.get(to["Location"]).content.decode()
    assert "Kopi Nusantara: points, 1 becomes 0.3" in form
    sent = {"number": ani.number, "to": budi.number, "amount": "50", "into": "", "reason": "asked by phone"}
    shown = desk.post(to["Location"].partition("?")[0], sent, follow=True)
    assert shown.status_code == 200
    change = ChangeRequest.objects.get()
    assert [line.amount for line in change.lines.order_by("number")] == [-50, 50]
    assert "valid through" in shown.content.decode() or "keep their end" in shown.content.decode()
    told = {"at": NOW, "reference": "t", "source": "portal", "actor": "member"}
    program.wallets.update(transfer_limit=100)
    entry = passing.pass_on(passing.account_in(ani), budi, 10, **told).entry
    manager = staff_client(roles.PROGRAM_MANAGER)
    leads = manager.get(reverse("admin:ledger_entry_undo_transfer", args=[entry.pk]))
    assert leads["Location"].endswith(f"undo_transfer/?entry={entry.pk}")
    assert f'value="{entry.pk}"' in manager.get(leads["Location"]).content.decode()
    assert desk.get(page).status_code == 200


def test_the_api_previews_a_move_with_rate_rounding_and_ends(program, teh, ani):
    sari = make_member(teh, "Sari")
    program.wallets.update(transfer_limit=100)
    give_points(ani, 80)
    shop = Shop(program)
    wish = {"to": sari.number, "points": 15, "to_program": "teh"}
    told = shop.post(f"/members/{ani.number}/transfers/preview", wish).json()
    assert (told["points"], told["received"], Decimal(told["rate"]), told["program"]) == (15, 4, Decimal("0.3"), "teh")
    assert [end["points"] for end in told["ends"]] == [4]
    assert told["ends"][0]["last_day"] == "2027-01-01"
    assert code_of(shop.post(f"/members/{ani.number}/transfers/preview", wish | {"points": 3})) == "nothing_arrives"
    assert (
        code_of(shop.post(f"/members/{ani.number}/transfers/preview", wish | {"points": 90})) == "insufficient_points"
    )
    assert Entry.objects.count() == 1


def text(page) -> str:
    return " ".join(page.content.decode().split())


def test_the_portal_moves_points_into_another_program_after_a_look(program, teh, ani):
    sari = make_member(teh, "Sari")
    now = timezone.now()
    program.wallets.update(transfer_limit=100)
    give_points(ani, 80, at=now - DAY)
    page, address = signed_in(ani), reverse("portal_pass_on")
    assert "Kopi Nusantara: points, 1 becomes 0.3" in text(page.get(address))
    sent = {"to": sari.number, "points": "15", "into": str(ExchangeRate.objects.get().pk)}
    look = page.post(address, sent)
    shown = text(look)
    assert "1 becomes 0.3, rounded down" in shown
    assert "<dt>Arrive</dt><dd>4 points</dd>" in shown
    assert "Valid through" in shown
    assert Entry.objects.count() == 1
    done = page.post(address, sent | {"token": look.context["token"]})
    assert "4 points are with S••• now." in text(done)
    assert (points_of(ani, at=now + DAY), points_of(sari, at=now + DAY)) == (65, 4)
    again = page.post(address, sent | {"token": look.context["token"]})
    assert again.status_code == 200
    assert points_of(ani, at=now + DAY) == 65
    other = page.post(address, {**sent, "into": "", "to": ani.number, "token": look.context["token"]})
    assert other.status_code == 302
    assert "Nobody with this number" in text(page.post(address, sent | {"into": ""}))


def test_the_portal_changes_points_into_another_kind_of_ones_own(program, ani):
    now = timezone.now()
    cashback = Wallet.objects.create(program=program, slug="cashback", units="cashback", unit="cashback", decimals=2)
    policies.set_expiry(cashback, kind="never", count=0, at=OPENING, actor="t")
    (account,) = open_accounts(cashback, 1, at=OPENING)
    MemberAccount.objects.create(member=ani, wallet=cashback, account_id=account)
    agreed = ExchangeRate.objects.create(
        from_wallet=program.wallets.get(slug="points"), to_wallet=cashback, rate=Decimal("0.015")
    )
    program.wallets.filter(slug="points").update(transfer_limit=100)
    give_points(ani, 80, at=now - DAY)
    page, address = signed_in(ani), reverse("portal_pass_on")
    sent = {"to": "", "points": "15", "into": str(agreed.pk)}
    look = page.post(address, sent)
    assert "<dt>Arrive</dt><dd>0.22 cashback</dd>" in text(look)
    page.post(address, sent | {"token": look.context["token"]})
    assert Account.objects.get(pk=account).available == 22
    entry = Entry.objects.get(kind="transfer", amount__lt=0)
    limited(program)
    refused(NothingToUndo, lambda: take_back(program, entry, by=hired("wati")))

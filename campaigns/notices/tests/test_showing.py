"""Who was told what and when: read by staff and by the member. Presets only fill in settings."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.notices.models import Notice
from campaigns.reminders import remind_expiring
from loyalty.common.clock import day_start
from loyalty.desk import roles
from loyalty.ledger import profiles
from loyalty.ledger.models import Wallet
from loyalty.mail.models import Message
from loyalty.tests.desk import staff_client
from members import wording
from members.testing import OPENING, give_points
from members.tests.portal import signed_in

pytestmark = pytest.mark.django_db
END = day_start(datetime(2026, 3, 21).date(), "Asia/Jakarta")
TOLD = END - timedelta(days=16)


@pytest.fixture(autouse=True)
def promised(program):
    """Points end only after a notice, as wherever nobody set it otherwise."""
    program.wallets.update(notice_guarantee=Wallet.Guarantee.ALL)


def tell(member, *, is_sent=True):
    give_points(member, 120, expires_at=END)
    remind_expiring(member.program, at=TOLD)
    if is_sent:
        Message.objects.update(status="sent", sent_at=TOLD + timedelta(hours=9))


def test_the_member_reads_what_letters_told_until_the_points_have_run_out(program, ani):
    tell(ani, is_sent=False)
    assert wording.notices(ani, at=TOLD) == []
    Message.objects.update(status="sent", sent_at=TOLD)
    (told,) = wording.notices(ani, at=TOLD)
    assert (told.day.isoformat(), told.points, told.at) == ("2026-03-20", "120 points", TOLD)
    assert wording.notices(ani, at=END) == []


def test_the_portal_shows_what_was_told(program, ani, time_machine):
    time_machine.move_to(TOLD + timedelta(days=1), tick=False)
    tell(ani)
    page = signed_in(ani).get(reverse("portal_points")).content.decode()
    assert "we wrote to you of points that run out after 20 March 2026" in page


def test_staff_see_who_was_told_of_what_and_what_became_of_the_letter(program, ani):
    tell(ani)
    staff = staff_client(roles.SUPPORT_AGENT)
    shown = staff.get(reverse("admin:notices_notice_changelist")).content.decode()
    assert all(words in shown for words in ("Ani", "120 points", "20 Mar 2026", "handed to the mail system"))
    page = staff.get(reverse("admin:notices_notice_change", args=[Notice.objects.get().pk]))
    assert page.status_code == 200
    found = staff.get(reverse("admin:notices_notice_changelist"), {"q": ani.number})
    assert found.context["cl"].result_count == 1
    member = staff.get(reverse("admin:members_member_change", args=[ani.pk])).content.decode()
    assert "Told of points that run out" in member


def test_the_list_of_notices_costs_the_same_whatever_its_length(
    program, ani, budi, siti, django_assert_max_num_queries
):
    staff, counts = staff_client(roles.SUPPORT_AGENT), []
    for member in (ani, budi, siti):
        tell(member)
        with CaptureQueriesContext(connection) as queries:
            staff.get(reverse("admin:notices_notice_changelist"))
        counts.append(len(queries))
    assert counts[1] == counts[2]


def test_a_preset_fills_in_the_settings_and_what_is_set_by_hand_is_nobodys(program):
    wallet = program.wallets.get()
    assert profiles.name_of(wallet) == "house"
    at = OPENING + timedelta(days=1)
    profiles.apply_profile(wallet, "inactivity", at=at, actor="test")
    assert (wallet.notice_days, wallet.notice_guarantee, profiles.name_of(wallet)) == (30, "all", "inactivity")
    policy = wallet.expiry_policies.order_by("-version").first()
    assert (policy.kind, policy.count, policy.reset_by) == (
        "idle_months", 12, {"earn", "redeem", "transfer", "purchase", "event"},
    )  # fmt: skip
    profiles.apply_profile(wallet, "inactivity", at=at, actor="test")
    assert wallet.expiry_policies.count() == 2
    wallet.notice_days = 20
    assert profiles.name_of(wallet) == "custom"
    with pytest.raises(profiles.UnknownProfile):
        profiles.apply_profile(wallet, "mars", at=at, actor="test")


def test_staff_choose_a_preset_on_the_page_of_the_wallet(program):
    wallet = program.wallets.get()
    staff = staff_client(roles.PROGRAM_MANAGER)
    page = reverse("admin:ledger_wallet_change", args=[wallet.pk])
    assert "Choose a preset" in staff.get(page).content.decode()
    deed = reverse("admin:ledger_wallet_use_profile", args=[wallet.pk])
    assert "As in Quebec" in staff.get(deed).content.decode()
    staff.post(deed, {"profile": "inactivity"})
    wallet.refresh_from_db()
    assert profiles.name_of(wallet) == "inactivity"

"""No voucher ends in silence: reminders, the notice guarantee, and ends that staff move in bulk and back."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from loyalty.common.clock import day_start, local_day
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from members.models import Member
from members.segments.models import Segment, SegmentStay
from members.testing import OPENING, give_points
from members.tests.changes import ask, hired, limited, undo
from rewards import downloads, lasting, redemption, vouchers
from rewards.extending_form import ExtendVouchersForm
from rewards.models import Redemption, Voucher, VoucherExtension, VoucherTerms
from rewards.testing import make_reward, make_session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
ZONE = "Asia/Jakarta"


def redeem(member, reward, reference="r", at=OPENING, **chosen):
    give_points(member, reward.cost, at=at, reference=f"for:{reference}")
    return redemption.redeem(member, reward, at=at, reference=reference, source="t", actor="t", chosen=chosen)


def ends(made):
    return Voucher.objects.get(redemption=made).expires_at


def days(count):
    return OPENING + timedelta(days=count)


@pytest.fixture
def month(program, ani):
    """Ani's voucher of thirty days: through 31 January."""
    return redeem(ani, make_reward(program, voucher_days=30))


def test_a_voucher_is_reminded_of_once_and_its_end_stays(program, month):
    before = ends(month)
    assert lasting.remind_ending(program, at=days(20)).done == 0
    assert lasting.remind_ending(program, at=days(22)).report == {"letters": 1, "extended": 0, "without_address": 0}
    assert lasting.remind_ending(program, at=days(23)).found == 0
    letter = "".join(render(Message.objects.get(kind="voucher_ends")))
    assert "31 Jan" in letter or "Jan. 31" in letter
    assert month.voucher.shown_code in letter and ends(month) == before


def test_what_nobody_was_told_of_in_time_lasts_seven_days_more_even_past_its_end(program, month):
    at = ends(month) + timedelta(days=3)
    assert lasting.remind_ending(program, at=at).report["extended"] == 1
    assert ends(month) == day_start(local_day(at, ZONE) + timedelta(days=8), ZONE)
    assert vouchers.expire_due(program, at=at).done == 0
    assert lasting.remind_ending(program, at=at).found == 0
    assert Message.objects.filter(kind="voucher_ends").count() == 1
    vouchers.use(Voucher.objects.get(), at=at, till="1", receipt="R", actor="t")


def test_a_day_made_up_for_after_an_outage_counts_from_when_it_is_made_up(program, month):
    late = ends(month) - timedelta(days=1)
    told = lasting.remind_ending(program, at=days(22), recorded_at=late)
    assert told.report == {"letters": 1, "extended": 1, "without_address": 0}
    assert ends(month) == day_start(local_day(late, ZONE) + timedelta(days=8), ZONE)


def test_no_day_is_chosen_that_the_calendar_ends_with(program):
    told = {"reward": "", "ending_by": "9999-12-31", "last_day": "9999-12-31", "reason": "because"}
    form = ExtendVouchersForm(told, program=program, at=OPENING)
    assert not form.is_valid() and {"ending_by", "last_day"} <= set(form.errors)


def test_a_dry_run_writes_nothing(program, month):
    assert lasting.remind_ending(program, at=days(22), dry_run=True).report["letters"] == 1
    assert not Message.objects.filter(kind="voucher_ends").exists()


def test_short_vouchers_used_ones_and_tickets_are_left_alone_and_who_has_no_address_is_told_in_the_portal(
    program, ani, budi
):
    redeem(ani, make_reward(program, "short", voucher_days=8), "short")
    used = redeem(ani, make_reward(program, "used", voucher_days=30), "used")
    vouchers.use(used.voucher, at=days(1), till="1", receipt="R", actor="t")
    show = make_reward(program, "show", kind="experience")
    redeem(ani, show, "ticket", session=make_session(show, days(25)).pk)
    silent = redeem(budi, make_reward(program, "silent", voucher_days=30), "silent")
    Member.objects.filter(pk=budi.pk).update(email="")
    tally = lasting.remind_ending(program, at=days(29))
    assert (tally.found, tally.done, tally.report["extended"], tally.report["without_address"]) == (1, 1, 1, 1)
    assert ends(silent) > silent.voucher.expires_at  # told a day before its end, so it lasts a week from now
    assert Message.objects.get(kind="voucher_ends").recipient == budi.number


def test_a_download_is_reminded_of_without_a_code_and_extended_like_a_voucher(program, ani, manager):
    kept = downloads.keep(program, "notes.txt", b"Side A", at=OPENING)
    notes = redeem(ani, make_reward(program, "notes", kind="download", file=kept, voucher_days=30), "notes")
    assert lasting.remind_ending(program, at=days(22)).report == {"letters": 1, "extended": 0, "without_address": 0}
    letter = "".join(render(Message.objects.get(kind="voucher_ends")))
    assert "Code" not in letter and notes.voucher.shown_code not in letter
    assert longer(program, manager, days(23)).posted_count == 1
    assert ends(notes) == day_start(date(2026, 4, 1), ZONE)


def test_early_access_is_told_of_until_it_is_made_use_of_and_never_moved(program, ani, budi):
    pressing = make_reward(program, "pressing", offered_from=days(30))
    opens = make_reward(program, "pass", kind="early", opens=pressing, early_days=10)
    held, other = redeem(ani, opens, "a"), redeem(budi, opens, "b")
    redeem(budi, pressing, "used", at=days(21))
    told = lasting.remind_ending(program, at=days(28))
    assert (told.report["letters"], told.report["extended"], ends(held)) == (1, 0, days(30))
    assert Message.objects.get(kind="voucher_ends").recipient == ani.number
    assert lasting.remind_ending(program, at=days(29)).found == 0
    Message.objects.all().delete()
    assert lasting.remind_ending(program, at=days(31)).found == 0  # everybody may have it now
    assert ends(other) == days(30)


@pytest.fixture
def manager(program):
    limited(program, bulk_members=10)
    return hired("dewi")


def longer(program, by, at, last_day="2026-03-31", ending_by="2026-02-01", reward="", **more):
    return ask(program, "extend_vouchers", by=by, at=at, reward=reward, ending_by=ending_by, last_day=last_day, **more)


def test_staff_let_vouchers_last_longer_and_undo_it(program, ani, budi, month, manager):
    other = redeem(budi, make_reward(program, "other", voucher_days=60), "other")
    before, kept = ends(month), ends(other)
    change = longer(program, manager, days(10))
    assert (change.status, change.posted_count) == ("done", 1)
    assert ends(month) == day_start(date(2026, 4, 1), ZONE)
    assert ends(other) == kept
    assert VoucherExtension.objects.get().reason == "because"
    back = undo(change, by=manager, at=days(11))
    assert (back.status, ends(month)) == ("done", before)
    assert VoucherExtension.objects.count() == 2


def test_an_extended_voucher_is_reminded_of_its_new_end(program, month, manager):
    lasting.remind_ending(program, at=days(22))
    longer(program, manager, days(23))
    lasting.remind_ending(program, at=days(24))
    assert Message.objects.filter(kind="voucher_ends").count() == 1
    lasting.remind_ending(program, at=days(81))
    assert Message.objects.filter(kind="voucher_ends").count() == 2


def test_an_undo_shortens_nothing_that_was_used_or_would_end_untold(program, ani, month, manager):
    second = redeem(ani, make_reward(program, "two", voucher_days=30), "two")
    change = longer(program, manager, days(10))
    vouchers.use(second.voucher, at=days(11), till="1", receipt="R", actor="t")
    from loyalty.jobs.changes.drafting import NothingToDo

    with pytest.raises(NothingToDo):
        undo(change, by=manager, at=days(25))
    assert Redemption.objects.get(pk=month.pk).state(at=days(40)) == "issued"
    assert undo(change, by=manager, at=days(12)).posted_count == 1


def test_only_the_chosen_reward_is_extended(program, ani, month, manager):
    second = redeem(ani, make_reward(program, "two", voucher_days=30), "two")
    kept = ends(month)
    longer(program, manager, days(10), reward="two")
    assert (ends(month), ends(second) > kept) == (kept, True)


def test_a_program_says_how_many_days_ahead_its_members_are_told(program, month):
    VoucherTerms.objects.create(program=program, notice_days=14)
    end = ends(month)
    assert lasting.remind_ending(program, at=end - timedelta(days=18)).done == 0
    assert lasting.remind_ending(program, at=end - timedelta(days=16)).done == 1
    assert ends(month) == end
    for wrong in (0, 61):
        with pytest.raises(IntegrityError), transaction.atomic():
            VoucherTerms.objects.update(notice_days=wrong)


def test_the_vouchers_of_one_member_or_of_a_segment_are_extended(program, ani, budi, month, manager):
    second = redeem(budi, make_reward(program, "two", voucher_days=30), "two")
    kept = ends(month)
    assert longer(program, manager, days(10), member=budi.number).posted_count == 1
    assert (ends(month), ends(second)) == (kept, day_start(date(2026, 4, 1), ZONE))
    few = Segment.objects.create(program=program, slug="few", name="Few", definition={}, created_at=OPENING)
    SegmentStay.objects.create(segment=few, member=ani, since=OPENING)
    assert longer(program, manager, days(11), segment="few").posted_count == 1
    assert ends(month) == day_start(date(2026, 4, 1), ZONE)
    told = {"reward": "", "ending_by": "2026-02-01", "last_day": "2026-03-31", "reason": "because", "segment": "few"}
    assert "no such member" in str(ExtendVouchersForm(told | {"member": "nobody"}, program=program, at=OPENING).errors)
    form = ExtendVouchersForm(told | {"member": ani.shown_number}, program=program, at=OPENING)
    assert form.is_valid(), form.errors
    assert (form.parameters()["member"], form.parameters()["segment"]) == (ani.number, "few")

"""The program takes a partner's posting back: previewed, with a reason, four eyes where large, settled with the partner."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.partners import posting, settlement, showing
from campaigns.partners.models import PartnerTakeBack
from campaigns.partners.tests.cast import Bank, make_partner, post
from campaigns.tests.shop import add_rule
from loyalty.common.errors import Refusal
from loyalty.desk import roles
from loyalty.jobs.changes import deciding, drafting
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger.models import Entry
from loyalty.ledger.posting import redeem
from loyalty.tests.desk import staff_client
from members import history
from members.enrolment import main_account
from members.testing import OPENING, make_program, points_of
from members.tests.changes import ask, hired, limited

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)
MARCH = OPENING + 61 * DAY
LATE = MARCH + 90 * DAY
Status = ChangeRequest.Status


@pytest.fixture
def biru(program):
    limited(program)
    return make_partner(program)


@pytest.fixture
def manager():
    return hired("wati")


def back(partner, reference, *, by, points=None, at=LATE):
    told = {"posting": f"{partner.slug}/{reference}", "points": points}
    return ask(partner.program, "take_posting_back", by=by, at=at, reason="Posted twice", **told)


def refused(error, act):
    before = Entry.objects.count()
    with pytest.raises(error) as refusal:
        act()
    assert Entry.objects.count() == before
    return str(refusal.value)


def test_staff_take_a_posting_back_long_after_the_days_of_the_partner(biru, ani, manager):
    posted = post(biru, ani, 100, MARCH)
    change = back(biru, posted.reference, by=manager)
    assert change.status == Status.DONE
    taken = PartnerTakeBack.objects.get()
    assert (taken.reference, taken.asked, taken.points, taken.reason) == (f"#{change.pk}", 100, 100, "Posted twice")
    assert (taken.entry.actor, points_of(ani, at=LATE)) == (manager, 0)
    assert (
        history.told([taken.entry])[0].explanation
        == "100 points from Bank Biru, 3 March 2026, were taken back: Posted twice"
    )


def test_a_part_is_taken_back_and_never_more_than_is_left(biru, ani, manager):
    posted = post(biru, ani, 100, MARCH)
    back(biru, posted.reference, by=manager, points=70)
    assert points_of(ani, at=LATE) == 30
    refused(posting.MoreThanPosted, lambda: back(biru, posted.reference, by=manager, points=31))
    back(biru, posted.reference, by=manager)
    refused(posting.MoreThanPosted, lambda: back(biru, posted.reference, by=manager))
    assert points_of(ani, at=LATE) == 0


def test_above_the_limit_a_second_person_decides_and_the_same_one_never(biru, ani, manager):
    posted = post(biru, ani, 101, MARCH)
    change = back(biru, posted.reference, by=manager)
    assert (change.status, points_of(ani, at=LATE)) == (Status.WAITING, 101)
    refused(deciding.SamePerson, lambda: deciding.approve(change, at=LATE, actor=manager))
    deciding.approve(change, at=LATE, actor=hired("dewi"))
    assert (points_of(ani, at=LATE), PartnerTakeBack.objects.count()) == (0, 1)
    refused(deciding.NotWaiting, lambda: deciding.approve(change, at=LATE, actor=hired("rudi")))
    assert PartnerTakeBack.objects.count() == 1


def test_what_rules_added_counts_towards_the_limit_and_goes_with_the_whole_posting(biru, ani, manager):
    definition = {"award": {"kind": "fixed", "points": "25"}, "conditions": {"activity": posting.ACTIVITY}}
    add_rule(biru.program, "bonus", definition)
    posted = post(biru, ani, 90, MARCH)
    assert points_of(ani, at=LATE) == 115
    change = back(biru, posted.reference, by=manager)
    assert change.status == Status.WAITING
    assert change.summary["warnings"] == ["25 points that rules added for it are taken back too."]
    deciding.approve(change, at=LATE, actor=hired("dewi"))
    assert points_of(ani, at=LATE) == 0


def test_what_the_member_spent_meanwhile_overtakes_the_preview(biru, ani, manager):
    biru.program.wallets.update(debt_policy="floor")
    posted = post(biru, ani, 100, MARCH)
    told = {"posting": f"biru/{posted.reference}", "points": None}
    draft = drafting.draft(biru.program, "take_posting_back", parameters=told, reason="x", at=LATE, actor=manager)
    redeem(main_account(ani).pk, 30, at=LATE, reference="r", source="test", actor="test")
    refused(deciding.PreviewChanged, lambda: deciding.submit(draft, at=LATE, actor=manager))
    change = back(biru, posted.reference, by=manager)
    assert change.summary["warnings"] == ["30 points are spent and written off: the partner is not paid back for them."]
    assert (PartnerTakeBack.objects.get().points, points_of(ani, at=LATE)) == (70, 0)


def test_points_that_expired_are_neither_taken_nor_paid_back(biru, ani, manager):
    posted = post(biru, ani, 100, MARCH)
    later = MARCH + 800 * DAY
    change = back(biru, posted.reference, by=manager, at=later)
    assert change.summary["warnings"] == ["100 points have expired: the partner is not paid back for them."]
    assert (PartnerTakeBack.objects.get().asked, PartnerTakeBack.objects.get().points) == (100, 0)


def test_spent_points_are_owed_as_the_preview_says(biru, ani, manager):
    posted = post(biru, ani, 100, MARCH)
    redeem(main_account(ani).pk, 30, at=MARCH, reference="r", source="test", actor="test")
    change = back(biru, posted.reference, by=manager, at=MARCH + DAY)
    assert change.lines.get().facts["owed"] == 30
    account = main_account(ani)
    assert (PartnerTakeBack.objects.get().points, account.debt) == (100, 30)


def test_the_settlement_owes_less_and_says_why_to_staff_and_partner(biru, ani, manager):
    posted = post(biru, ani, 100, MARCH)
    settlement.close_month(biru, date(2026, 1, 1), at=LATE, actor="test")
    back(biru, posted.reference, by=manager, points=40)
    told, _closed = settlement.figures_of(biru, date(2026, 6, 1))
    assert (told.total("taken_back"), told.owed) == (40, Decimal("-4800.00"))
    (panel,) = showing.program_take_backs(biru, told)
    assert panel.rows[0][3] == "Posted twice"
    assert [row[8] for row in showing.file_rows(biru, told)] == ["Posted twice", ""]
    taken = Bank(biru).get(f"/partner/postings/{posted.reference}").json()["take_backs"]
    assert [(one["by"], one["reason"], one["points"]) for one in taken] == [("program", "Posted twice", 40)]


def test_a_reference_of_the_partner_is_never_one_of_ours(biru, ani):
    posted = post(biru, ani, 100, timezone.now())
    answer = Bank(biru).post(f"/partner/postings/{posted.reference}/take-backs", {"reference": "#1"})
    assert answer.status_code == 422
    taken = Bank(biru).post(f"/partner/postings/{posted.reference}/take-backs", {"reference": "b1"}).json()
    assert (taken["by"], taken["reason"]) == ("partner", "")


def test_nobody_takes_back_at_another_program_or_from_their_own_account(biru, ani, manager, program):
    posted = post(biru, ani, 10, MARCH)
    teh = make_program("teh")
    told = {"posting": f"biru/{posted.reference}", "points": None}
    for where, parameters in ((teh, told), (program, {"posting": "biru/nothing", "points": None})):
        refused(
            posting.PostingUnknown,
            lambda where=where, parameters=parameters: ask(where, "take_posting_back", by=manager, **parameters),
        )
    ani.email = "wati@staff.example"
    ani.save()
    refused(Refusal, lambda: back(biru, posted.reference, by=manager))


def test_the_page_of_a_posting_leads_to_the_change_and_the_form_reads_it(biru, ani):
    posted = post(biru, ani, 100, timezone.now())
    leads = reverse("admin:partners_partnerposting_take_back", args=[posted.pk])
    client = staff_client(roles.PROGRAM_MANAGER)
    address = client.get(leads)["Location"]
    assert address.endswith(f"take_posting_back/?posting=biru%2F{posted.reference}")
    assert f'value="biru/{posted.reference}"' in client.get(address).content.decode()
    answer = client.post(
        address, {"posting": f"biru/{posted.reference}", "points": "40", "reason": "Twice"}, follow=True
    )
    assert "Posting biru/" in answer.content.decode()
    change = ChangeRequest.objects.get()
    assert (change.parameters, change.points_taken) == ({"posting": f"biru/{posted.reference}", "points": 40}, 40)
    wrong = client.post(address, {"posting": "biru/nothing", "points": "0.5", "reason": "Twice"})
    assert "There is no posting with this reference" in wrong.content.decode()
    for role in (roles.FINANCE, roles.SUPPORT_AGENT):
        assert staff_client(role).get(leads, follow=True).status_code == 403

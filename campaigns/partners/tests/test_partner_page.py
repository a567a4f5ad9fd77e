"""The page of one partner at the desk: this month, what may still be posted, months with their files, take-backs, keys."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.partners import access, posting, settlement
from campaigns.partners.models import PartnerPosting
from campaigns.partners.tests.cast import make_partner, post
from loyalty.common.clock import day_start
from loyalty.desk import roles
from loyalty.pos import keys
from loyalty.tests.desk import staff_client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]


@pytest.fixture
def biru(program, ani):
    """60 posted last month, 200 this month; of each 50 and of the first 10 were taken back this month."""
    now = timezone.now()
    partner = make_partner(program, created_at=now - timedelta(days=70), monthly_limit=1000)
    begun = day_start(settlement.months_of(partner, at=now)[0], program.time_zone)
    post(partner, ani, 60, begun - timedelta(days=1), told_at=begun - timedelta(days=1))
    post(partner, ani, 200, now)
    first, second = PartnerPosting.objects.order_by("pk")
    posting.take_back(first, reference="b1", points=10, at=now, actor="test")
    posting.take_back(second, reference="b2", points=50, at=now, actor="test", reason="Posted twice by mistake")
    return partner


def page_of(desk, partner):
    return desk.get(reverse("admin:partners_partner_change", args=[partner.pk]))


def words(page) -> str:
    return " ".join(page.content.decode().split())


def panel(page, title):
    return next(one for one in page.context["panels"] if one.title == title)


def test_the_month_that_runs_is_told_as_its_settlement_will_be_and_what_may_still_be_posted(biru):
    page = page_of(staff_client(roles.PROGRAM_MANAGER), biru)
    stats = {one.title: (one.value, one.note) for one in page.context["stats"]}
    assert stats["Points this month"] == ("140", "200 posted, 60 taken back")
    assert stats["To pay so far"][0] == "Rp16,800"
    assert stats["May still be posted"] == ("850", "of 1,000 a month")
    now, before = panel(page, "Settlement by month").rows[:2]
    assert now[1:4] == ["200", "60", "Rp16,800"]
    assert before[1:4] == ["60", "0", "Rp7,200"]


def test_a_partner_without_a_limit_is_told_so_and_one_at_its_limit_is_a_warning(biru, ani):
    desk = staff_client(roles.PROGRAM_MANAGER)
    post(biru, ani, 850, timezone.now())
    stat = page_of(desk, biru).context["stats"][2]
    assert (stat.value, stat.tone) == ("0", "warn")
    biru.monthly_limit = None
    biru.save(update_fields=["monthly_limit"])
    assert page_of(desk, biru).context["stats"][2].value == "no limit"


def test_take_backs_say_of_what_by_whom_and_why(biru):
    page = page_of(staff_client(roles.AUDITOR), biru)
    by_program, by_partner = panel(page, "Latest take-backs").rows
    assert (by_program[2:4], by_program[6]) == (("50", "50"), "Posted twice by mistake")
    assert (by_partner[2:4], by_partner[6]) == (("10", "10"), "by the partner")


def test_each_month_is_a_file_for_who_may_take_lists_out_only(biru):
    finance = page_of(staff_client(roles.FINANCE), biru)
    address = panel(finance, "Settlement by month").rows[0][-1].split('"')[3]
    assert address.endswith("?as=csv")
    assert "Lines of " in words(finance)
    auditor = page_of(staff_client(roles.AUDITOR), biru)
    assert "Settlement by month" in words(auditor)
    assert "?as=csv" not in words(auditor)


def test_keys_tell_whether_they_work(biru):
    now = timezone.now()
    working, _secret = access.give_key(biru, at=now, actor="test")
    revoked, _secret = access.give_key(biru, at=now, actor="test")
    keys.revoke(revoked, at=now, actor="test")
    ended, _secret = access.give_key(biru, at=now, actor="test")
    type(ended).objects.filter(pk=ended.pk).update(expires_at=now - timedelta(minutes=1))
    states = {
        row[0].split(">")[1].split("<")[0]: row[3]
        for row in panel(page_of(staff_client(roles.AUDITOR), biru), "API keys").rows
    }
    assert "expired" in states[ended.prefix]
    assert "revoked" in states[revoked.prefix]
    assert "works" in states[working.prefix]


def test_a_new_partner_has_a_page_that_says_what_comes_next(program):
    page = page_of(staff_client(roles.PROGRAM_MANAGER), make_partner(program, created_at=timezone.now()))
    said = words(page)
    for sentence in (
        "Nothing was posted yet.",
        "Nothing was taken back.",
        "None yet: the partner cannot post. Make one above.",
    ):
        assert sentence in said

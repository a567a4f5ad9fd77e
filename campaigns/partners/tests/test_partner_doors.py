"""Partners at the doors: the API with its key, and the desk with its roles."""

import csv
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.fixed_terms import refuse_changes
from campaigns.models import Campaign
from campaigns.partners import posting, settlement
from campaigns.partners.models import Partner, PartnerPosting, Settlement
from campaigns.partners.tests.cast import Bank, make_partner, post
from campaigns.tests.shop import add_campaign
from loyalty.common.clock import add_months, day_start, local_day
from loyalty.desk import roles
from loyalty.ledger.models import Entry
from loyalty.pos.models import ApiKey
from loyalty.pos.testing import Shop, code_of
from loyalty.tests.desk import staff_client
from members.testing import OPENING, make_program, points_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]


@pytest.fixture
def biru(program):
    return make_partner(program, created_at=timezone.now() - timedelta(days=70))


def told(who, **more):
    at = (timezone.now() - timedelta(minutes=5)).replace(microsecond=0)
    sent = {"member": who.number, "points": 200, "reference": "c-1", "occurred_at": at.isoformat()}
    return sent | more


def this_month(partner) -> date:
    return local_day(timezone.now(), partner.program.time_zone).replace(day=1)


def test_a_partner_posts_reads_and_takes_back_and_learns_nothing_of_the_member(biru, ani):
    bank = Bank(biru)
    sent = told(ani, words="card")
    made = bank.post("/partner/postings", sent)
    assert made.status_code == 201
    body = made.json()
    assert set(body) == {
        "reference", "member", "points", "occurred_at", "recorded_at", "month", "words", "left", "take_backs",
    }  # fmt: skip
    assert "Ani" not in made.content.decode()
    assert bank.post("/partner/postings", sent).status_code == 200
    taken = bank.post("/partner/postings/c-1/take-backs", {"reference": "b-1", "points": 50})
    assert (taken.status_code, taken.json()["points"]) == (201, 50)
    assert bank.post("/partner/postings/c-1/take-backs", {"reference": "b-1", "points": 50}).status_code == 200
    read = bank.get("/partner/postings/c-1").json()
    assert (read["left"], [one["reference"] for one in read["take_backs"]]) == (150, ["b-1"])
    listed = bank.get("/partner/postings", month=f"{this_month(biru):%Y-%m}").json()
    assert ([one["reference"] for one in listed["postings"]], listed["next"]) == (["c-1"], None)
    month = bank.get(f"/partner/settlements/{this_month(biru):%Y-%m}").json()
    assert (month["is_closed"], month["points"], month["owed"]) == (False, 150, "18000.00")
    assert points_of(ani, at=timezone.now()) == 150


def test_a_partners_key_opens_nothing_else(biru, ani):
    bank = Bank(biru)
    for path in (f"/members/{ani.number}", f"/members/{ani.number}/entries", "/rewards"):
        assert code_of(bank.get(path)) == "scope_missing"
    assert code_of(bank.post("/members", {"name": "X"})) == "scope_missing"


def test_another_partner_and_another_program_find_nothing(biru, ani):
    Bank(biru).post("/partner/postings", told(ani))
    month = f"{this_month(biru):%Y-%m}"
    for other in (make_partner(biru.program, "hijau"), make_partner(make_program("teh"))):
        bank = Bank(other)
        assert code_of(bank.get("/partner/postings/c-1")) == "posting_unknown"
        assert code_of(bank.post("/partner/postings/c-1/take-backs", {"reference": "b"})) == "posting_unknown"
        assert bank.get("/partner/postings", month=month).json()["postings"] == []
        assert bank.get(f"/partner/settlements/{month}").json()["points"] == 0
    foreign = Bank(make_partner(make_program("susu")))
    assert code_of(foreign.post("/partner/postings", told(ani))) == "member_unknown"
    assert PartnerPosting.objects.count() == 1


def test_a_key_of_no_partner_is_told_so(program, ani):
    shop = Shop(program, scopes=["partner"])
    assert code_of(shop.post("/partner/postings", told(ani))) == "not_a_partner"
    assert code_of(shop.get("/partner/settlements/2026-01")) == "not_a_partner"


def test_refusals_say_why_and_move_nothing(biru, ani):
    biru.monthly_limit = 100
    biru.save(update_fields=["monthly_limit"])
    bank, before = Bank(biru), Entry.objects.count()
    over = bank.post("/partner/postings", told(ani))
    assert (over.status_code, code_of(over), over.json()["numbers"]) == (
        409, "partner_limit_reached", {"limit": 100, "left": 100},
    )  # fmt: skip
    assert code_of(bank.post("/partner/postings", told(ani, member="000000000000"))) == "member_unknown"
    assert code_of(bank.post("/partner/postings", told(ani, points=0))) == "validation_failed"
    assert code_of(bank.post("/partner/postings", told(ani, reference="a b"))) == "validation_failed"
    for month, code in (("9999-12", "month_unknown"), ("1999-01", "month_unknown"), ("2026-13", "not_an_instant")):
        assert code_of(bank.get(f"/partner/settlements/{month}")) == code
        assert code_of(bank.get("/partner/postings", month=month)) == code
    assert code_of(bank.get("/partner/postings", month=f"{this_month(biru):%Y-%m}", after="x")) == "cursor_malformed"
    assert Entry.objects.count() == before


def test_numbers_of_nobody_are_counted_as_guesses(biru, ani):
    bank = Bank(biru)
    for number in range(30):
        assert bank.post("/partner/postings", told(ani, member=f"{number:012}")).status_code == 404
    assert code_of(bank.post("/partner/postings", told(ani))) == "too_many_guesses"


def test_a_page_of_postings_leads_to_the_next(biru, ani, monkeypatch):
    monkeypatch.setattr("campaigns.partners.showing.PAGE", 2)
    now = timezone.now()
    for number in range(5):
        post(biru, ani, 1, now, reference=f"p{number}")
    bank, month, found, after = Bank(biru), f"{this_month(biru):%Y-%m}", [], ""
    while after is not None:
        page = bank.get("/partner/postings", month=month, after=after).json()
        found += [one["reference"] for one in page["postings"]]
        after = page["next"]
    assert found == ["p0", "p1", "p2", "p3", "p4"]


def words(page) -> str:
    return " ".join(page.content.decode().split())


def test_a_manager_makes_a_partner_and_its_key_and_closes_a_month(program, ani):
    desk = staff_client(roles.PROGRAM_MANAGER)
    sent = {
        "name": "Bank Biru", "slug": "biru", "contact_name": "Wati", "contact_email": "biru@example.com", "language": "en",
        "status": "active", "price_per_point": "120", "take_back_days": "30",
    }  # fmt: skip
    assert desk.post(reverse("admin:partners_partner_add"), sent).status_code == 302
    biru = Partner.objects.get()
    page = reverse("admin:partners_partner_change", args=[biru.pk])
    assert "None yet: the partner cannot post." in words(desk.get(page))
    made = desk.post(reverse("admin:partners_partner_make_key", args=[biru.pk]))
    key = ApiKey.objects.get()
    assert made.status_code == 200
    assert key.prefix in words(made)
    assert key.scopes == ["partner"]
    assert biru.keys.get().api_key == key
    begun = add_months(this_month(biru), -1)
    first = day_start(begun, biru.program.time_zone)
    Partner.objects.update(created_at=first)
    biru.refresh_from_db()
    post(biru, ani, 100, first, told_at=timezone.now())
    address = reverse("admin:partners_month", args=[biru.pk, f"{begun:%Y-%m}"])
    assert "the partner's contact gets a letter" in words(desk.get(address)).replace("&#x27;", "'")
    assert "it never changes any more" in words(desk.post(address + "close/", follow=True))
    assert Settlement.objects.get().figures["owed"] == "12000.00"
    assert "Bank Biru" in words(desk.get(reverse("admin:partners_partner_changelist")))
    assert "p1" in words(desk.get(reverse("admin:partners_partnerposting_changelist")))
    assert "Points from Bank Biru" not in words(desk.get(page))


def test_finance_reads_and_exports_but_does_not_close(biru, ani):
    post(biru, ani, 100, timezone.now())
    month = this_month(biru)
    posting.take_back(PartnerPosting.objects.get(), reference="=b", points=10, at=timezone.now(), actor="test")
    desk = staff_client(roles.FINANCE)
    address = reverse("admin:partners_month", args=[biru.pk, f"{month:%Y-%m}"])
    assert "100" in words(desk.get(address))
    lines = list(csv.reader(b"".join(desk.get(address, {"as": "csv"}).streaming_content).decode().splitlines()))
    assert [(line[0], line[1], line[5], Decimal(line[7])) for line in lines[1:]] == [
        ("posting", "p1", "100", Decimal(12000)), ("take-back", "'=b", "-10", Decimal(-1200)), ("sum", "", "90", Decimal(10800)),
    ]  # fmt: skip
    due = settlement.first_open(biru)
    closing = reverse("admin:partners_close", args=[biru.pk, f"{due:%Y-%m}"])
    assert desk.post(closing).status_code == 403
    assert desk.post(reverse("admin:partners_partner_add"), {}).status_code == 403
    assert not Settlement.objects.exists()


@pytest.mark.parametrize("role", [roles.SUPPORT_AGENT, roles.MARKETING_ASSISTANT, roles.OPS])
def test_others_neither_close_nor_make_keys(biru, role):
    desk = staff_client(role)
    due = settlement.first_open(biru)
    assert desk.post(reverse("admin:partners_close", args=[biru.pk, f"{due:%Y-%m}"])).status_code == 403
    assert desk.post(reverse("admin:partners_partner_make_key", args=[biru.pk])).status_code == 403
    assert not Settlement.objects.exists()
    assert not ApiKey.objects.exists()


def test_the_page_of_a_partner_costs_the_same_however_much_there_is(biru, ani, django_assert_max_num_queries):
    desk = staff_client(roles.AUDITOR)
    page = reverse("admin:partners_partner_change", args=[biru.pk])
    desk.get(page)
    for number in range(15):
        post(biru, ani, 1, timezone.now(), reference=f"p{number}")
    with django_assert_max_num_queries(40):
        assert "p14" in words(desk.get(page))


def test_what_a_partner_bears_is_fixed_once_a_campaign_is_live(program, biru):
    draft = Campaign(program=program, status="draft")
    live = add_campaign(program, "duet", OPENING, OPENING + timedelta(days=9), partner=biru, partner_percent=40)

    class Form:
        def __init__(self, campaign):
            self.instance, self.errors = campaign, {}

        def add_error(self, name, sentence):
            self.errors[name] = sentence

    def errors(campaign, partner, percent):
        form = Form(campaign)
        refuse_changes(form, {"partner": partner, "partner_percent": percent})
        return set(form.errors)

    assert errors(draft, biru, 40) == errors(live, biru, 40) == errors(draft, None, None) == set()
    for campaign, partner, percent in (
        (draft, biru, 0), (draft, None, 5), (draft, biru, 101), (live, biru, 41), (live, None, 0),
    ):  # fmt: skip
        assert errors(campaign, partner, percent) == {"partner_percent"}

"""Settling months with partners: what is owed, closing for good, and what comes late."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from campaigns.measuring import report
from campaigns.partners import posting, settlement
from campaigns.partners.models import Settlement
from campaigns.partners.tests.cast import make_partner, post
from campaigns.tests.shop import add_campaign, add_rule, buy, give_back, open_shop
from loyalty.common.clock import add_months
from loyalty.ledger.checking import verify
from loyalty.ledger.models import Entry
from loyalty.ledger.triggers import lifted
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from members.testing import OPENING

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]
DAY = timedelta(days=1)
JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
FIRST_OF_FEBRUARY = OPENING + 31 * DAY


@pytest.fixture
def biru(program):
    return make_partner(program, contact_email="biru@example.com", contact_name="Wati")


def close(partner, month, at=None):
    return settlement.close_month(partner, month, at=at or OPENING + 400 * DAY, actor="test")


def refused(partner, month, at=None) -> str:
    count = Settlement.objects.count()
    with pytest.raises(settlement.SettlementNotDue) as refusal:
        close(partner, month, at)
    assert Settlement.objects.count() == count
    return str(refusal.value)


def test_a_month_owes_postings_less_take_backs_at_the_price_of_their_day(biru, ani):
    first = post(biru, ani, 100, OPENING)
    biru.price_per_point = Decimal("99.5")
    biru.save(update_fields=["price_per_point"])
    post(biru, ani, 10, OPENING + DAY)
    posting.take_back(first, reference="b", points=40, at=OPENING + DAY, actor="test")
    told, closed = settlement.figures_of(biru, JANUARY)
    assert closed is None
    assert [(p.price, p.posted, p.taken_back, told.owed_at(p)) for p in told.prices] == [
        (Decimal("99.5"), 10, 0, Decimal("995.00")),
        (Decimal(120), 100, 40, Decimal("7200.00")),
    ]
    assert (told.owed, told.total("postings"), told.total("take_backs"), told.total("points")) == (
        Decimal("8195.00"), 2, 1, 70,
    )  # fmt: skip


def test_a_posting_is_settled_in_the_month_of_the_program_clock(biru, ani):
    last_moment = FIRST_OF_FEBRUARY - timedelta(hours=10, seconds=1)  # 31 January, 23:59:59 in Jakarta
    assert post(biru, ani, 1, last_moment, told_at=last_moment + DAY).month == JANUARY
    assert post(biru, ani, 1, last_moment + timedelta(seconds=1), told_at=last_moment + DAY).month == FEBRUARY


def test_months_are_closed_in_order_once_they_are_over(biru):
    assert refused(biru, FEBRUARY) == "Months are closed in order: close 2026-01 first."
    assert "2026-01 is not over yet" in refused(biru, JANUARY, at=OPENING)
    close(biru, JANUARY)
    assert refused(biru, JANUARY) == "2026-01 is closed already, or was before the agreement."
    close(biru, FEBRUARY)


def test_what_comes_for_a_closed_month_is_in_the_first_open_one(biru, ani):
    posted = post(biru, ani, 100, OPENING)
    closed = close(biru, JANUARY, at=FIRST_OF_FEBRUARY)
    late = post(biru, ani, 7, OPENING + DAY, told_at=FIRST_OF_FEBRUARY)
    taken = posting.take_back(posted, reference="b", points=30, at=OPENING + 20 * DAY, actor="test")
    assert (late.month, taken.month) == (FEBRUARY, FEBRUARY)
    again, kept = settlement.figures_of(biru, JANUARY)
    assert (kept, again.total("points"), again.owed) == (closed, 100, Decimal("12000.00"))
    assert settlement.figures_of(biru, FEBRUARY)[0].owed == Decimal("-2760.00")
    assert list(settlement.problems(biru)) == []


def test_closing_writes_to_the_contact_once(biru, ani):
    post(biru, ani, 100, OPENING)
    close(biru, JANUARY)
    (letter,) = Message.objects.filter(kind="settlement")
    subject, text, html = render(letter)
    assert (letter.address, subject) == ("biru@example.com", "Kopi Nusantara: settlement of January 2026")
    assert "Points of Bank Biru, less what was taken back: 100 points." in text
    assert "12,000" in text and "12,000" in html
    assert "your membership" not in text


def test_an_edited_or_removed_settlement_is_found(biru, ani):
    for month in (JANUARY, FEBRUARY, MARCH):
        close(biru, month)
    assert list(settlement.problems(biru)) == []
    with lifted():
        Settlement.objects.filter(month=MARCH).update(closed_by="somebody")
        assert list(settlement.problems(biru)) == ["biru 2026-03: what was closed was edited"]
        assert [str(found) for found in verify(biru.program)] == [
            "settled month: biru 2026-03: what was closed was edited"
        ]
        Settlement.objects.filter(month=FEBRUARY).delete()
        assert list(settlement.problems(biru)) == ["biru 2026-02: it is missing"]
        Settlement.objects.all().delete()


@pytest.fixture
def together(program, biru):
    """Double points of which Bank Biru bears forty percent."""
    open_shop(program)
    campaign = add_campaign(program, "duet", OPENING, OPENING + 90 * DAY, partner=biru, partner_percent=40)
    add_rule(program, "duet", {"award": {"kind": "multiplier", "factor": "2"}}, campaign=campaign)
    return campaign


def test_a_partner_bears_its_part_of_a_campaign_run_together(together, biru, ani):
    buy(ani, "100", OPENING + DAY)
    told = settlement.reckon(biru, JANUARY)
    (shared,) = told.campaigns
    assert (shared.points, shared.worth, shared.owed) == (100, Decimal("10000.00"), Decimal("4000.00"))
    assert told.owed == Decimal("4000.00")
    shown = report(together, at=OPENING + 2 * DAY)
    assert (shown.cost, shown.borne) == (Decimal("10000.00"), Decimal("4000.00"))
    together.refresh_from_db()
    assert together.spent_points == 100


def test_goods_returned_later_lower_a_later_month(together, biru, ani):
    bought = buy(ani, "100", OPENING + DAY).purchase
    close(biru, JANUARY, at=FIRST_OF_FEBRUARY)
    give_back(bought, FIRST_OF_FEBRUARY + DAY, "25")
    buy(ani, "10", OPENING + 2 * DAY, recorded_at=FIRST_OF_FEBRUARY + DAY)
    (shared,) = settlement.reckon(biru, FEBRUARY).campaigns
    assert (shared.points, shared.owed) == (-15, Decimal("-600.00"))
    close(biru, FEBRUARY)
    assert settlement.reckon(biru, MARCH).campaigns == []


def test_all_months_together_are_the_whole_of_a_campaign(together, biru, ani, budi):
    for number in range(12):
        buy((ani, budi)[number % 2], str(10 + number), OPENING + number * 7 * DAY)
    months = [JANUARY, FEBRUARY, MARCH]
    for month in months:
        close(biru, month)
    together.refresh_from_db()
    kept = Settlement.objects.filter(partner=biru).values_list("figures", flat=True)
    assert sum(one["points"] for figures in kept for one in figures["campaigns"]) == together.spent_points > 0


STEPS = some.lists(
    some.tuples(some.sampled_from(["post", "late", "back", "close", "wait"]), some.integers(1, 60)), max_size=14
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_months_add_up_to_the_ledger_whatever_comes_when(program, ani, steps):
    """Property: the sum of the settlement months equals the ledger's points of the partner."""
    number = Settlement.objects.count() + Entry.objects.count()
    biru = make_partner(program, f"b{number}", take_back_days=400)
    at, postings = OPENING, []
    for turn, (step, size) in enumerate(steps):
        if step == "wait":
            at += size * DAY
        elif step in ("post", "late"):
            then = at - size * DAY if step == "late" else at
            postings.append(post(biru, ani, size, then, reference=f"p{turn}", told_at=at))
        elif step == "back" and postings:
            posted = postings[size % len(postings)]
            if left := posting.left_of(posted):
                posting.take_back(posted, reference=f"b{turn}", points=min(size, left), at=at, actor="test")
        elif step == "close":
            month = settlement.first_open(biru)
            if at >= OPENING + 31 * DAY and month < at.date().replace(day=1):
                close(biru, month, at)
    until = at + 400 * DAY
    while settlement.first_open(biru) < until.date().replace(day=1):
        close(biru, settlement.first_open(biru), until)
    mine = Entry.objects.filter(reference__startswith=f"partner:{biru.pk}:")
    given_points = sum(mine.values_list("amount", flat=True))
    back = Entry.objects.filter(reference__startswith=f"partner back:{biru.pk}:")
    moved = sum(back.values_list("amount", flat=True))
    kept = Settlement.objects.filter(partner=biru).order_by("month")
    assert sum(one.figures["points"] for one in kept) == given_points + moved
    months = [one.month for one in kept]
    assert months == [add_months(JANUARY, n) for n in range(len(months))]
    assert list(settlement.problems(biru)) == []

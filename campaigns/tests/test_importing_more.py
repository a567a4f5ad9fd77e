"""Importing files of refunds and of events: what is taken, what is refused and why, and starting again."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from campaigns.batches import import_file
from campaigns.importing_events import EventImporter
from campaigns.importing_refunds import RefundImporter
from campaigns.purchases import SaleLine
from campaigns.rows import ImportRefused, Options
from campaigns.tests.shop import add_rule, buy, give_back, open_shop
from campaigns.ways.models import EventKind
from loyalty.ledger.models import Entry
from members.models import Event, Member, Purchase, Refund
from members.testing import make_member, points_of

pytestmark = pytest.mark.usefixtures("proven_books")
NOW = datetime(2026, 6, 1, 1, tzinfo=UTC)  # 08:00 in Jakarta
NOON = datetime(2026, 3, 1, 5, tzinfo=UTC)
BACK = "receipt,number,date,amount\n"
DONE = "key,kind,date,customer\n"


@pytest.fixture
def shop(program):
    add_rule(program, "review", {"award": {"kind": "fixed", "points": "5"}, "conditions": {"activity": "review"}})
    return open_shop(program)


@pytest.fixture
def load(shop, tmp_path):
    def load(importer, content, **options):
        path = tmp_path / "rows.csv"
        path.write_text(content)
        return import_file(importer(shop, Options(**({"source": "test"} | options)), NOW, "import"), path)

    return load


@pytest.fixture
def customer(program):
    """Ani, whom the shop knows as C1."""
    member = make_member(program, "Ani")
    Member.objects.filter(pk=member.pk).update(source="test", source_key="C1")
    return Member.objects.get(pk=member.pk)


def counts():
    return Member.objects.count(), Refund.objects.count(), Event.objects.count(), Entry.objects.count()


# --- Refunds ---
def test_refunds_come_in_as_at_the_till(load, ani, budi):
    buy(ani, "100", NOON, receipt="R1")
    give_back(buy(budi, "100", NOON, receipt="same").purchase, NOON + timedelta(days=5), "40", number="B1")
    report = load(RefundImporter, BACK + "R1,B1,2026-03-06 12:00,40.00\nR1,B2,2026-03-07,10\n")
    assert (report.rows, report.imported, report.rejected, report.points) == (2, 2, 0, 50)
    assert points_of(ani, at=NOW) == 50
    first = Refund.objects.get(receipt="R1", number="B1")
    till = Refund.objects.get(receipt="same")
    assert (first.points, first.occurred_at, first.recorded_by) == (till.points, till.occurred_at, "import")


def test_a_row_may_bring_back_pieces_of_a_line(load, ani):
    lines = [
        SaleLine(amount=Decimal(60), quantity=Decimal(3), product="tea"),
        SaleLine(amount=Decimal(40), product="pot"),
    ]
    buy(ani, "100", NOON, receipt="R1", lines=lines)
    report = load(RefundImporter, "receipt,number,date,line,quantity,reason\nR1,B1,2026-03-02,1,2,broken\n")
    assert (report.imported, report.points, points_of(ani, at=NOW)) == (1, 40, 60)
    assert Refund.objects.get().reason == "broken"


def test_a_refund_without_its_purchase_waits_for_it(load, ani):
    report = load(RefundImporter, BACK + "R1,B1,2026-03-02,40\n")
    assert (report.imported, report.waiting, report.points) == (1, 1, 0)
    buy(ani, "100", NOON, receipt="R1", recorded_at=NOW)
    assert points_of(ani, at=NOW) == 60


def test_the_same_refunds_twice_change_nothing(load, ani):
    buy(ani, "100", NOON, receipt="R1")
    content = BACK + "R1,B1,2026-03-02,40\nR1,B1,2026-03-02,40.00\n"
    assert (load(RefundImporter, content).repeated, points_of(ani, at=NOW)) == (1, 60)
    before = counts()
    report = load(RefundImporter, content)
    assert (report.imported, report.repeated, report.rejected) == (0, 2, 0)
    assert counts() == before


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("R1,B9,2026-02-30,10", "date"),
        ("R1,B9,2027-01-01,10", "future"),
        ("R1,B9,2026-03-02,101", "Only 90"),
        ("R1,B9,2026-03-02,-1", "amount"),
        ("R1,B9,2026-03-02,0", "amount"),
        ("R1,B9,2026-03-02,", "amount"),
        (",B9,2026-03-02,10", "receipt"),
        ("R1,,2026-03-02,10", "number"),
        ("=1+1,B9,2026-03-02,10", "formula"),
        ("R1,B1,2026-03-02,11", "recorded before"),
        ("R1,B9,2026-03-02", "3 cells"),
    ],
)
def test_a_bad_refund_is_reported_by_its_line_and_leaves_no_trace(load, ani, row, says):
    buy(ani, "100", NOON, receipt="R1")
    report = load(RefundImporter, BACK + f"R1,B1,2026-03-02,10\n\n{row}\nR1,B2,2026-03-03,10\n")
    assert (report.rows, report.imported, report.rejected) == (3, 2, 1)
    assert report.errors[0]["line"] == 4
    assert says in report.errors[0]["message"]
    assert (points_of(ani, at=NOW), Refund.objects.count()) == (80, 2)


def test_a_dry_run_of_refunds_keeps_nothing(load, ani):
    buy(ani, "100", NOON, receipt="R1")
    before = counts()
    told = load(RefundImporter, BACK + "R1,B1,2026-03-02,40\nR1,B2,x,1\n", dry_run=True)
    assert (told.imported, told.points, told.rejected) == (1, 40, 1)
    assert (counts(), points_of(ani, at=NOW), Purchase.objects.get().refunded) == (before, 100, 0)


# --- Events ---
def test_events_come_in_with_what_they_earn(load, customer, budi):
    content = f"key,kind,date,customer,member\nE1,review,2026-03-02,C1,\nE2,visit,2026-03-02,,{budi.number}\n"
    report = load(EventImporter, content)
    assert (report.imported, report.rejected, report.points) == (2, 0, 5)
    assert (points_of(customer, at=NOW), points_of(budi, at=NOW)) == (5, 0)
    event = Event.objects.get(key="E1")
    assert (event.member, event.source, event.occurred_at) == (customer, "test", datetime(2026, 3, 2, 5, tzinfo=UTC))


def test_the_same_events_twice_change_nothing(load, customer):
    content = DONE + "E1,review,2026-03-02,C1\nE2,review,2026-03-02,C1\n"
    load(EventImporter, content)
    before = counts()
    report = load(EventImporter, content)
    assert (report.imported, report.repeated) == (0, 2)
    assert (counts(), points_of(customer, at=NOW)) == (before, 10)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("E9,review,2026-02-30,C1", "date"),
        ("E9,review,2027-01-01,C1", "future"),
        ("E9,review,1980-01-01,C1", "1990"),
        ("E9,Not A Kind,2026-03-02,C1", "kind"),
        (",review,2026-03-02,C1", "key"),
        ("E9,review,2026-03-02,C7", "member"),
        ("E9,review,2026-03-02,", "member"),
        ("E1,visit,2026-03-02,C1", "recorded before"),
        ("E9,=review,2026-03-02,C1", "formula"),
    ],
)
def test_a_bad_event_is_reported_by_its_line_and_leaves_no_trace(load, customer, row, says):
    report = load(EventImporter, DONE + f"E1,review,2026-03-01,C1\n{row}\nE2,review,2026-03-03,C1\n")
    assert (report.rows, report.imported, report.rejected) == (3, 2, 1)
    assert report.errors[0]["line"] == 3
    assert says in report.errors[0]["message"]
    assert (points_of(customer, at=NOW), Event.objects.count()) == (10, 2)


def test_details_of_a_described_kind_are_kept_and_judged(load, shop, customer):
    fields = [{"name": "stars", "kind": "number", "needed": True}]
    EventKind.objects.create(program=shop, slug="review", name="Review", fields=fields, once="ever", most=1)
    content = "key,kind,date,customer,detail_stars\nE1,review,2026-03-02,C1,5\nE2,review,2026-03-01,C1,4\nE3,review,2026-03-03,C1,many\n"
    report = load(EventImporter, content)
    assert [error["code"] for error in report.errors] == ["event_too_often", "event_details_refused"]
    kept = Event.objects.get()
    assert (kept.key, kept.detail.values) == ("E2", {"stars": 4})  # the earlier one counts, whatever its line


def test_a_file_without_what_is_needed_is_refused(load):
    with pytest.raises(ImportRefused, match="number"):
        load(RefundImporter, "receipt,date,amount\n")
    with pytest.raises(ImportRefused, match="key"):
        load(EventImporter, "kind,date,customer\n")
    with pytest.raises(ImportRefused, match="colour"):
        load(EventImporter, DONE, columns={"key": "colour"})


def test_the_commands_report_in_json_and_in_words(shop, customer, tmp_path):
    buy(customer, "100", NOON, receipt="R1")
    path, out = tmp_path / "rows.csv", StringIO()
    path.write_text("No,B,When,Sum\nR1,B1,02/03/2026,40\nR9,B1,02/03/2026,4\n")
    named = [
        "--map",
        "No=receipt",
        "--map",
        "B=number",
        "--map",
        "When=date",
        "--map",
        "Sum=amount",
        "--source",
        "test",
    ]
    terms = [str(path), "--program", shop.slug, *named, "--date-format", "%d/%m/%Y"]
    call_command("import_refunds", *terms, stdout=out)
    assert (
        "2 rows: 2 imported, 0 there already, 0 rejected; 40 points taken back, 1 wait for their purchase"
        in out.getvalue()
    )
    path.write_text(DONE + "E1,review,2026-03-02,C1\nE2,review,2026-03-02,C9\n")
    out = StringIO()
    call_command("import_events", str(path), "--program", shop.slug, "--source", "test", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["imported"], told["points"], told["rejected"], told["errors"][0]["line"]) == (1, 5, 1, 3)

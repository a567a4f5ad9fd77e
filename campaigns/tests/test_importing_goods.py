"""Files of past sales that say what was bought: a row for each line of an order, so that rules about goods count for them too."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from campaigns import backtest
from campaigns.importing import Options, import_file
from campaigns.proving import prove
from campaigns.tests.shop import add_campaign, add_rule, open_shop
from members.models import Member, Purchase, PurchaseLine

pytestmark = pytest.mark.usefixtures("proven_books")
NOW = datetime(2026, 6, 1, 1, tzinfo=UTC)
HEADER = (
    "receipt,customer,date,amount,delivery,product,category,brand,collection,supplier,quantity,line_amount,payment\n"
)
COFFEE = {"award": {"kind": "multiplier", "factor": "3"}, "conditions": {"categories": ["coffee"]}}


@pytest.fixture
def load(program, tmp_path):
    open_shop(program)

    def load(content, **options):
        path = tmp_path / "sales.csv"
        path.write_text(content)
        return import_file(program, path, options=Options(**options), at=NOW)

    return load


def lines():
    named = ("purchase__receipt", "number", "product", "category", "supplier", "quantity", "amount", "points")
    return list(PurchaseLine.objects.order_by("purchase__receipt", "number").values_list(*named))


ORDERS = (
    HEADER
    + "R1,C1,2026-01-05,100,10,beans,coffee,,,toba,2,60,card\n"
    + "R1,,,,,mug,ware,tanah,raya,,1,30,\n"
    + "R2,C2,2026-01-06,20,,cake,,,,,,,\n"
    + "R3,C1,2026-01-07,7,,,,,,,,,cash\n"
    + "R4,C2,2026-01-08,9.50,0,latte,coffee,,,,1.5,4.50,\n"
    + "R4,C2,2026-01-08,9.50,0,latte,coffee,,,,1,5,\n"
)


def test_the_rows_of_an_order_are_one_purchase_and_rules_about_goods_count(load, program):
    add_rule(program, "coffee", COFFEE)
    program.earns_on_delivery = False
    program.save()
    report = load(ORDERS)
    assert (report.rows, report.imported, report.lines, report.rejected, report.new_members) == (6, 4, 5, 0, 2)
    assert lines() == [
        ("R1", 1, "beans", "coffee", "toba", 2, 60, 180),
        ("R1", 2, "mug", "ware", "", 1, 30, 30),
        ("R2", 1, "cake", "", "", 1, 20, 20),
        ("R4", 1, "latte", "coffee", "", Decimal("1.5"), Decimal("4.50"), 13),
        ("R4", 2, "latte", "coffee", "", 1, 5, 15),
    ]
    stored = Purchase.objects.get(receipt="R1")
    assert (stored.total, stored.points, stored.items, stored.payment) == (100, 210, 3, "card")
    assert Purchase.objects.get(receipt="R3").lines.count() == 0


def test_batches_never_cut_an_order_and_the_same_file_twice_changes_nothing(load):
    report = load(ORDERS, batch=1)
    before = lines()
    assert (report.imported, len(before)) == (4, 5)
    again = load(ORDERS, batch=2)
    assert (again.imported, again.repeated, again.rejected, lines()) == (0, 4, 0, before)


@pytest.mark.parametrize(
    ("rows", "line", "says"),
    [
        ("R9,C9,2026-01-05,30,,a,,,,,1,10,\nR9,,,,,b,,,,,1,15,\n", 2, "add up to 25"),
        ("R9,C9,2026-01-05,30,,a,,,,,1,10,\nR9,,,,,b,,,,,1,,\n", 3, "line_amount: an order of several rows"),
        ("R9,C9,2026-01-05,30,,a,,,,,1,10,\nR9,,,20,,b,,,,,1,20,\n", 3, "amount: the rows of an order say the same"),
        ("R9,C9,2026-01-05,30,,a,,,,,1,10,\nR9,C8,,,,b,,,,,1,20,\n", 3, "customer: the rows of an order say the same"),
        ("R9,C9,2026-01-05,30,,a,,,,,1,10,\nR9,,,,,b,,,,,two,20,\n", 3, "“two” is not a number of pieces"),
        ('R9,C9,2026-01-05,30,,a,,,,,1,10,\nR9,,,,,b,,,,,"1,5",20,\n', 3, "can be read in two ways"),
        ("R9,C9,2026-01-05,30,,a,,,,,1,10,\nR9,,,,,b,,,,,0,20,\n", 2, "quantity"),
        ("R9,C9,2026-01-05,30,,a,,,,,1,10,\nR9,,,,,=1+1,,,,,1,20,\n", 3, "formula"),
        ("R9,C9,2026-01-05,30,,a,,,,,1,-5,\n", 2, "line_amount"),
        ("R9,C9,2026-01-05,30,40,a,,,,,1,,\n", 2, "Tax, delivery"),
        (f"R9,C9,2026-01-05,30,,{'a' * 81},,,,,1,,\n", 2, "at most 80"),
    ],
)
def test_a_bad_row_costs_its_whole_order_and_is_named_by_its_line(load, rows, line, says):
    report = load(HEADER + rows + "R1,C1,2026-01-06,5,,a,,,,,,,\n")
    assert (report.imported, report.rejected) == (1, 1)
    assert report.errors[0]["line"] == line
    assert says in report.errors[0]["message"]
    assert [one.receipt for one in Purchase.objects.all()] == ["R1"]
    assert [one.source_key for one in Member.objects.all()] == ["C1"]


def test_rows_of_an_order_that_stand_apart_are_never_taken_in_part(load):
    apart = "R1,C1,2026-01-05,30,,a,,,,,1,10,\nR2,C2,2026-01-05,5,,a,,,,,1,5,\nR1,C1,2026-01-05,30,,b,,,,,1,20,\n"
    report = load(HEADER + apart)
    assert (report.imported, report.rejected) == (1, 2)
    assert [error["line"] for error in report.errors] == [2, 4]
    broken = 'R5,C1,2026-01-05,30,,a,,,,,1,10,\nR5,,,,,"b"x,,,,,1,5,\nR5,,,,,c,,,,,1,15,\n'
    report = load(HEADER + broken)
    assert (report.imported, [error["line"] for error in report.errors]) == (0, [2, 3, 4])


def test_a_dry_run_previews_the_goods_and_keeps_nothing(load, program, tmp_path):
    told = load(ORDERS, dry_run=True)
    assert (told.imported, told.lines, Purchase.objects.count()) == (4, 5, 0)
    out = StringIO()
    call_command(
        "import_purchases", str(tmp_path / "sales.csv"), "--program", program.slug, "--json", "--dry-run", stdout=out
    )
    assert json.loads(out.getvalue())["lines"] == 5
    assert not PurchaseLine.objects.exists()


def test_a_rule_about_goods_is_tried_on_imported_history_and_the_live_rules_replay_it_exactly(load, program):
    add_rule(program, "coffee", COFFEE)
    load(ORDERS)
    assert prove(program, at=NOW).is_exact
    campaign = add_campaign(program, "toba", NOW + timedelta(days=9), NOW + timedelta(days=20))
    rule = add_rule(
        program, "toba", {"award": {"kind": "fixed", "points": "50"}, "conditions": {"suppliers": ["toba"]}},
        campaign=campaign,
    )  # fmt: skip
    trial = backtest.Trial(months=12, all_the_time=True)
    test = backtest.run_small(backtest.ask(rule, trial, at=NOW, actor="test"), at=NOW)
    assert test.figures["tried"]["points"] - test.figures["live"]["points"] == 50
    assert test.figures["tried"]["by_rule"]["toba"]["purchases"] == 1


def test_every_row_of_an_order_that_is_refused_is_counted_as_read(load):
    rows = "R9,C9,2026-01-05,30,,a,,,,,1,10,\nR9,C8,,,,b,,,,,1,10,\nR9,,,,,c,,,,,1,10,\n"
    report = load(HEADER + rows + "R1,C1,2026-01-06,5,,a,,,,,,,\n")
    assert (report.rows, report.imported, report.rejected) == (4, 1, 1)

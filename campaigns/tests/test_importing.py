"""Importing files of purchases: what is taken, what is refused and why, and starting again."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.importing import ImportRefused, Options, import_file
from campaigns.tables import TableRefused
from campaigns.tests.shop import open_shop
from loyalty.ledger.models import Entry
from loyalty.mail.models import Message
from loyalty.pos.models import Store
from members.models import Member, Purchase, TierStay

pytestmark = pytest.mark.usefixtures("proven_books")
NOW = datetime(2026, 6, 1, 1, tzinfo=UTC)  # 08:00 in Jakarta
HEADER = "receipt,customer,date,items,amount\n"


@pytest.fixture
def shop(program):
    return open_shop(program)


@pytest.fixture
def load(shop, tmp_path):
    def load(content, **options):
        path = tmp_path / "sales.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_file(shop, path, options=Options(**options), at=NOW)

    return load


def counts():
    return (Member.objects.count(), Purchase.objects.count(), Entry.objects.count())


def test_purchases_and_their_customers_come_in(load):
    report = load(HEADER + "R1,C1,2026-01-05,2,100.50\nR2,C2,2026-01-06,1,20\nR3,C1,2026-01-07,1,950\n")
    assert (report.rows, report.imported, report.rejected, report.points, report.new_members) == (3, 3, 0, 1070, 2)
    member = Member.objects.get(source_key="C1")
    assert (member.source, member.tier.slug) == ("import", "silver")
    assert member.enrolled_at == datetime(2026, 1, 5, 5, tzinfo=UTC)  # midday in Jakarta
    assert list(Purchase.objects.order_by("id").values_list("receipt", "points", "items")) == [
        ("R1", 100, 2), ("R2", 20, 1), ("R3", 950, 1),
    ]  # fmt: skip
    assert Entry.objects.filter(actor="import").count() == 3
    assert not Message.objects.exists()


def test_a_customer_comes_in_with_the_company_and_one_too_long_is_refused(load):
    header = "receipt,customer,date,items,amount,company\n"
    report = load(
        header + f"R1,C1,2026-01-05,2,100.50,Toko Melati\nR2,C2,2026-01-06,1,20,\nR3,C3,2026-01-06,1,20,{'x' * 121}\n"
    )
    assert (report.imported, report.rejected) == (2, 1)
    assert dict(Member.objects.values_list("source_key", "company")) == {"C1": "Toko Melati", "C2": ""}


def test_the_same_file_twice_changes_nothing(load):
    content = HEADER + "R1,C1,2026-01-05,2,100.50\nR2,C2,2026-01-06,1,20\n"
    load(content)
    before = counts()
    report = load(content.replace("100.50", "100.5").replace("C2,", " C2 ,"))
    assert (report.imported, report.repeated, report.rejected, report.new_members) == (0, 2, 0, 0)
    assert counts() == before


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("R9,C9,2026-02-30,1,10", "date"),
        ("R9,C9,05/01/2026,1,10", "date"),
        ("R9,C9,2026-06-03,1,10", "future"),
        ("R9,C9,1969-01-01,1,10", "1990"),
        ("R9,C9,2026-01-05,1,-10", "amount"),
        ('R9,C9,2026-01-05,1,"1.234,56"', "amount"),
        ('R9,C9,2026-01-05,1,"1,234"', "amount"),
        ("R9,C9,2026-01-05,1,1.234", "amount"),
        ("R9,C9,2026-01-05,1,$10", "amount"),
        ("R9,C9,2026-01-05,1,NaN", "amount"),
        ("R9,C9,2026-01-05,1,", "amount"),
        ("R9,C9,2026-01-05,1,99999999999999", "amount"),
        ("R9,C9,2026-01-05,one,10", "items"),
        ("R9,C9,2026-01-05,-1,10", "items"),
        (",C9,2026-01-05,1,10", "receipt"),
        ("R9,,2026-01-05,1,10", "customer"),
        ("=1+1,C9,2026-01-05,1,10", "formula"),
        ("R9,C9,2026-01-05,1", "4 cells"),
        ("R9,C9,2026-01-05,1,10,more", "6 cells"),
    ],
)
def test_a_bad_row_is_reported_by_its_line_and_leaves_no_trace(load, row, says):
    report = load(HEADER + f"R1,C1,2026-01-05,2,100\n\n{row}\nR2,C1,2026-01-06,2,100\n")
    assert (report.rows, report.imported, report.rejected) == (3, 2, 1)
    assert report.errors[0]["line"] == 4
    assert says in report.errors[0]["message"]
    assert counts() == (1, 2, 2)


def test_a_receipt_with_other_content_is_rejected_and_its_stranger_not_enrolled(load):
    load(HEADER + "R1,C1,2026-01-05,2,100\n")
    report = load(
        HEADER + "R1,C1,2026-01-05,2,101\nR1,C8,2026-01-05,2,100\nR2,C1,2026-01-05,2,1\nR2,C9,2026-01-05,2,1\n"
    )
    assert [error["code"] for error in report.errors] == ["receipt_conflict"] * 3
    assert (report.imported, report.new_members) == (1, 0)
    assert counts() == (1, 2, 2)


def test_a_broken_quote_costs_its_own_line_only(load):
    report = load(HEADER + 'R1,C1,2026-01-05,2,100\nR2,"C"2,2026-01-05,2,100\nR3,C3,2026-01-05,2,100\n')
    assert (report.imported, report.errors[0]["line"]) == (2, 3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_common_encodings_and_delimiters_are_found_out(load, encoding, delimiter):
    lines = ["receipt,customer,date,amount,name", "R1,C1,2026-01-05,100,Zoë Müller"]
    load("\r\n".join(lines).replace(",", delimiter).encode(encoding))
    assert Member.objects.get().name == "Zoë Müller"


def test_columns_are_mapped_to_fields(load, shop):
    Store.objects.create(program=shop, code="bdg", name="Bandung")
    report = load(
        'No;Kunde;Wann;Summe;Ort;Mail;Sprache;amount\nR1;="0012";31.01.2026 19:30;1.234,56;bdg;ANI@example.com;id;x\n',
        columns={"No": "receipt", "Kunde": "customer", "Wann": "date", "Summe": "amount", "Ort": "store", "Mail": "email",
                 "Sprache": "language"},
        date_format="%d.%m.%Y %H:%M", decimal=",", source="kasse",
    )  # fmt: skip
    assert report.errors == []
    purchase = Purchase.objects.select_related("member", "store").get()
    assert (purchase.source, purchase.total, purchase.store.code) == ("kasse", Decimal("1234.56"), "bdg")
    assert purchase.occurred_at == datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
    assert (purchase.member.source_key, purchase.member.email, purchase.member.language) == (
        "0012",
        "ani@example.com",
        "id",
    )


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("", {}, "empty"),
        ("receipt,customer,date\n", {}, "amount"),
        (HEADER, {"columns": {"nothing": "receipt"}}, "nothing"),
        (HEADER, {"columns": {"receipt": "colour"}}, "colour"),
        (HEADER, {"columns": {"receipt": "customer"}}, "receipt"),
        ("receipt,receipt,customer,date,amount\n", {}, "twice"),
        (HEADER, {"encoding": "klingon"}, "klingon"),
        (HEADER, {"decimal": "'"}, "decimal"),
    ],
)
def test_a_file_that_cannot_be_taken_at_all_is_refused_in_words(load, content, options, says):
    with pytest.raises((ImportRefused, TableRefused)) as refused:
        load(content, **options)
    assert says in str(refused.value)
    assert counts() == (0, 0, 0)


def test_a_purchase_of_today_counts_from_now_when_midday_is_still_to_come(load):
    load(HEADER + "R1,C1,2026-06-01,1,10\n")
    assert Purchase.objects.get().occurred_at == NOW


def test_a_dry_run_tells_the_figures_and_keeps_nothing(load):
    content = HEADER + "R1,C1,2026-01-05,1,600\nR2,C1,2026-01-06,1,600\nR3,C2,x,1,6\nR4,C1,2026-01-07,1,9\n"
    told = load(content, dry_run=True, batch=1)
    assert counts() == (0, 0, 0)
    assert told == load(content, batch=1)


def test_batches_do_not_change_the_result(shop, load):
    content = HEADER + "".join(f"R{n},C{n % 7},2026-0{1 + n // 10}-1{n % 10},1,{n * 13}.5{n % 10}\n" for n in range(50))
    load(content, batch=3, source="a")
    load(content, batch=1000, source="b")
    stories = [
        list(Purchase.objects.filter(source=source).order_by("receipt").values_list("receipt", "points", "tier__slug"))
        for source in ("a", "b")
    ]
    assert stories[0] == stories[1]
    stays = [
        list(TierStay.objects.filter(member__source=source).order_by("member__source_key", "since", "id")
             .values_list("tier__slug", "since", "until", "measured"))
        for source in ("a", "b")
    ]  # fmt: skip
    assert stays[0] == stays[1]


def test_a_file_in_any_order_is_imported_as_one_in_order_and_as_fast(load):
    rows = [f"R{n},C{n % 5},2026-0{1 + n // 10}-1{n % 10},1,{n * 13}.5{n % 10}\n" for n in range(50)]
    told = []
    for source, file in (("sorted", rows), ("shuffled", rows[1::2] + rows[::2][::-1])):
        with CaptureQueriesContext(connection) as queries:
            report = load(HEADER + "".join(file), source=source, batch=10)
        bought = Purchase.objects.filter(source=source).order_by("id")
        members = Member.objects.filter(source=source).order_by("source_key")
        told.append((
            len(queries), report.points, list(bought.values_list("receipt", "points", "tier__slug")),
            list(members.values_list("source_key", "enrolled_at", "tier__slug")),
        ))  # fmt: skip
    assert told[0] == told[1]
    assert [receipt for receipt, *_rest in told[0][2]] == [f"R{n}" for n in range(50)]


def test_of_two_rows_with_one_receipt_the_earlier_one_is_taken_and_errors_stand_by_line(load):
    report = load(HEADER + "R1,C1,2026-02-05,1,20\nR2,C1,x,1,20\nR1,C1,2026-01-05,1,30\n", batch=1)
    assert Purchase.objects.get().total == 30
    assert [error["line"] for error in report.errors] == [2, 3]


def test_a_batch_takes_the_same_number_of_statements_whatever_its_size(load):
    taken = []
    for source, size in (("a", 2), ("b", 200)):
        rows = "".join(f"R{n},C{n},2026-01-05,1,1200\n" for n in range(size))
        with CaptureQueriesContext(connection) as queries:
            load(HEADER + rows, source=source)
        taken.append(len([query for query in queries if not query["sql"].startswith(("INSERT", "UPDATE", "COPY"))]))
    assert taken[0] == taken[1]


def test_the_command_reports_in_json_and_in_words(shop, tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text(HEADER + "R1,C1,2026-01-05,2,100.50\nR2,C1,2026-01-05,2,x\n")
    out = StringIO()
    call_command("import_purchases", str(path), "--program", shop.slug, "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["rows"], told["imported"], told["rejected"], told["points"]) == (2, 1, 1, 100)
    assert told["errors"][0]["line"] == 3
    out = StringIO()
    call_command("import_purchases", str(path), "--program", shop.slug, stdout=out)
    assert "line 3: amount" in out.getvalue()
    assert "2 rows: 0 imported, 1 there already, 1 rejected" in out.getvalue()


@pytest.mark.parametrize("arguments", [["--program", "nobody"], ["--program", "kopi", "--map", "receipt"]])
def test_the_command_refuses_what_it_cannot_follow(shop, tmp_path, arguments):
    path = tmp_path / "sales.csv"
    path.write_text(HEADER)
    with pytest.raises(CommandError):
        call_command("import_purchases", str(path), *arguments)

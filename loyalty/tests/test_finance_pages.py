"""Finance, proof and time travel at the desk: figures that tie, months that are signed, files that are checked."""

import csv
import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from loyalty.desk import roles
from loyalty.ledger import anchors, evidence, posting, triggers, verifying
from loyalty.ledger.models import Account, Anchor, Entry, PeriodClose
from loyalty.tests.desk import enter, hire, staff_client
from members.enrolment import main_account
from members.testing import OPENING, give_points

BY = {"source": "test", "actor": "staff:1"}
PAGE = "admin:ledger_finance"
JANUARY = {"month": "2026-01"}


@pytest.fixture
def lived(program, ani):
    """January: 100 earned, 30 burned."""
    give_points(ani, 100)
    posting.redeem(main_account(ani).id, 30, at=OPENING + timedelta(days=1), reference="r", **BY)
    return program


def said(answer):
    return answer.content.decode()


def lines(answer):
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def test_the_month_shows_its_roll_forward_and_each_figure_leads_to_its_entries(lived):
    client = staff_client(roles.FINANCE)
    page = client.get(reverse(PAGE), JANUARY)
    assert page.context["told"].roll_forward.closing == 70
    (burned,) = [row[1] for row in page.context["tables"]["roll"].rows if "− Burned" in row[0]]
    assert "30" in burned
    address = burned.split('href="')[1].split('"')[0].replace("&amp;", "&")
    found = client.get(address).context["cl"].result_list
    assert [entry.kind for entry in found] == ["redemption"]


def test_a_month_is_signed_once_by_finance_and_keeps_who_and_what(lived):
    user = hire(roles.FINANCE)
    client = enter(user)
    verifying.verify_books(lived, at=OPENING + timedelta(days=60))
    assert {look.tone for look in client.get(reverse(PAGE), JANUARY).context["review"]} == {"good"}
    for _turn in range(2):
        page = client.post(reverse("admin:ledger_sign_month"), JANUARY, follow=True)
    close = PeriodClose.objects.get()
    assert (close.closed_by, close.figures["closing"], close.valued["points"]) == (f"staff:{user.pk}", 70, 70)
    assert "2026-01 is closed already" in said(page)
    assert "Signed by Test finance" in said(page)
    assert page.context["told"].valued.points == 70


@pytest.mark.parametrize("role", [roles.AUDITOR, roles.SUPPORT_AGENT, roles.PROGRAM_MANAGER])
def test_nobody_else_signs_a_month(lived, role):
    assert staff_client(role).post(reverse("admin:ledger_sign_month"), JANUARY).status_code == 403
    assert not PeriodClose.objects.exists()


def test_a_month_that_runs_or_a_damaged_book_says_why_it_cannot_be_signed(lived):
    client = staff_client(roles.FINANCE)
    assert "is not over yet" in said(client.get(reverse(PAGE)))
    with triggers.lifted():
        Account.objects.update(pending=1)
    assert "does not tie: entries give 70, accounts 71" in said(client.get(reverse(PAGE), JANUARY))
    client.post(reverse("admin:ledger_sign_month"), JANUARY)
    assert not PeriodClose.objects.exists()


@pytest.mark.parametrize(
    ("name", "column", "total"),
    [("journal", "points", 70), ("ageing", "points", 70), ("ends", "points", 70), ("breakage", "granted", 100)],
)
def test_every_table_is_a_file_that_adds_up(lived, name, column, total):
    rows = lines(staff_client(roles.FINANCE).get(reverse("admin:ledger_finance_file", args=[name]), JANUARY))
    assert sum(int(row[column]) for row in rows) == total


def test_a_file_needs_the_right_to_take_lists_out(lived):
    assert staff_client(roles.AUDITOR).get(reverse("admin:ledger_finance_file", args=["journal"])).status_code == 403
    assert staff_client(roles.FINANCE).get(reverse("admin:ledger_finance_file", args=["nothing"])).status_code == 404


@pytest.mark.parametrize(
    "asked", [{"month": "2026-13"}, {"wallet": "9" * 30}, {"month": "0001-01"}, {"month": "9999-12"}]
)
def test_nonsense_in_the_address_shows_the_month_that_runs(lived, asked):
    assert staff_client(roles.FINANCE).get(reverse(PAGE), asked).status_code == 200


def test_the_page_asks_as_many_questions_for_ten_times_the_entries(lived, ani, django_assert_max_num_queries):
    client = staff_client(roles.FINANCE)
    for number in range(30):
        give_points(ani, 1, reference=f"more{number}")
    client.get(reverse(PAGE), JANUARY)
    with django_assert_max_num_queries(40):
        client.get(reverse(PAGE), JANUARY)


def test_revenue_is_computed_from_own_figures_and_own_amounts(lived):
    page = staff_client(roles.FINANCE).get(reverse("admin:ledger_revenue"), {"allocated": "5000", "recognised": "500"})
    rows = {str(title): figure for title, figure in page.context["own"].rows}
    assert rows["Points redeemed so far"] == "30"
    assert rows["Revenue to book now"] == "Rp1,000"
    assert ("4,175" in said(page)) and ("3,552" in said(page))


# --- Proof ----------------------------------------------------------------------------------------------------------
def test_the_proof_names_what_was_found_with_a_link_to_the_account(lived, ani):
    client, account = staff_client(roles.AUDITOR), main_account(ani).id
    assert "never" in said(client.get(reverse("admin:ledger_proof")))
    with triggers.lifted():
        Entry.objects.filter(kind="redemption").update(reason="another")
    with pytest.raises(verifying.BooksBroken):
        verifying.verify_books(lived, at=OPENING)
    page = said(client.get(reverse("admin:ledger_proof")))
    assert "an entry was altered" in page
    assert reverse("admin:ledger_account_change", args=[account]) in page


def test_an_anchor_is_taken_out_and_checked_against_the_books(lived):
    anchors.make_anchor(lived, at=OPENING + timedelta(days=2))
    client, proof = staff_client(roles.FINANCE), reverse("admin:ledger_proof")
    anchor = Anchor.objects.get()
    file = b"".join(client.get(reverse("admin:ledger_anchor_file", args=[anchor.pk])).streaming_content)
    assert evidence.file_name(anchor) == "anchor-kopi-2026-01-03.json"
    checked = client.post(proof, {"file": SimpleUploadedFile("a.json", file)})
    assert checked.context["checked"]["tone"] == "good"
    altered = client.post(proof, {"file": SimpleUploadedFile("a.json", file.replace(b'"points": 70', b'"points": 71'))})
    assert "is not what was signed" in said(altered)
    for nonsense in (b"{", b"\xff\xfe", b"[" * 5000, b'{"format": "setia-anchor-1"}'):
        assert "is no exported anchor" in said(client.post(proof, {"file": SimpleUploadedFile("a.json", nonsense)}))
    assert "Choose a file first" in said(client.post(proof))


# --- Time travel ----------------------------------------------------------------------------------------------------
def test_a_member_is_shown_as_of_an_instant_with_what_changed_until_another(lived, ani):
    client, address = staff_client(roles.SUPPORT_AGENT), reverse("admin:members_member_past", args=[ani.pk])
    page = client.get(address, {"at": "2026-01-01T12:00", "other": "2026-01-05T12:00", "mode": "known"})
    figures = {str(stat.title): stat.value for stat in page.context["stats"]}
    assert (figures["Available"], str(figures["Tier"])) == ("100", "Bronze")
    assert "Available went from 100 to 70" in said(page)
    before = client.get(address, {"at": "2025-06-01T00:00"})
    assert "not enrolled yet" in said(before)
    assert "Give a day and a time" in said(client.get(address, {"at": "31 January"}))


def test_an_account_leads_to_its_member_as_of_an_instant(lived, ani):
    client = staff_client(roles.SUPPORT_AGENT)
    answer = client.get(reverse("admin:members_member_holder", args=[main_account(ani).id]), {"past": "1"})
    assert answer["Location"] == reverse("admin:members_member_past", args=[ani.pk])


def test_the_list_of_entries_says_names_and_no_keys(lived):
    user = hire(roles.FINANCE)
    with triggers.lifted():
        Entry.objects.filter(kind="redemption").update(actor=f"staff:{user.pk}")
    page = said(enter(user).get(reverse("admin:ledger_entry_changelist")))
    assert "Test finance" in page
    assert f"staff:{user.pk}" not in page

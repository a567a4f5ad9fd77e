"""History, profile and language: what a member sees, and what bad addresses get."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from loyalty.ledger import posting
from members import history, wording
from members.enrolment import main_account
from members.models import Member
from members.testing import give_points
from members.tests.portal import signed_in, words


def test_history_shows_each_movement_with_the_balance_after_it(ani):
    give_points(ani, 500, reference="purchase:shop:1042", at=datetime(2026, 1, 2, 3, tzinfo=UTC))
    posting.redeem(
        main_account(ani).id,
        120,
        at=datetime(2026, 1, 3, 3, tzinfo=UTC),
        reference="r",
        source="t",
        actor="t",
        reason="Free coffee",
    )
    page = words(signed_in(ani).get("/history/"))
    assert page.index("Redeemed: Free coffee") < page.index("Purchase 1042")
    assert "−120" in page
    assert "Balance 380" in page
    assert "+500" in page
    assert "Balance 500" in page


def test_history_says_which_points_are_still_on_the_way_and_that_balances_count_them(ani):
    give_points(ani, 500, at=timezone.now() - timedelta(days=3))
    assert "on the way" not in words(signed_in(ani).get("/history/"))
    ani.program.wallets.update(activation_days=10)
    give_points(ani, 70, reference="purchase:shop:8", at=timezone.now() - timedelta(days=2))
    page = words(signed_in(ani).get("/history/"))
    assert "The balances count 70 points that are still on the way." in page
    assert page.count("You can spend them from") == 1
    assert page.index("Purchase 8") < page.index("You can spend them from")


def test_history_is_in_the_program_clock(ani):
    give_points(ani, 5, at=datetime(2026, 1, 2, 18, tzinfo=UTC))  # 01:00 of the 3rd in Jakarta
    assert "3 Jan 2026, 01:00" in words(signed_in(ani).get("/history/"))


def test_history_filters_by_kind_and_keeps_the_true_balance(ani):
    account = main_account(ani)
    at = datetime(2026, 1, 2, 3, tzinfo=UTC)
    for day in range(3):
        give_points(ani, 100, reference=f"purchase:shop:{day}", at=at + timedelta(days=day))
        posting.redeem(account.id, 40, at=at + timedelta(days=day, hours=1), reference=f"r{day}", source="t", actor="t")
    page = history.page(main_account(ani), kind="redeemed")
    assert [(line.entry.amount, line.after) for line in page.lines] == [(-40, 180), (-40, 120), (-40, 60)]
    assert "Purchase" not in words(signed_in(ani).get("/history/?kind=redeemed"))
    assert "Nothing of this kind" in words(signed_in(ani).get("/history/?kind=expired"))


def test_older_pages_follow_without_gap_or_repetition(ani):
    for number in range(60):
        give_points(ani, 1, reference=f"purchase:shop:{number}")
    account, seen, before = main_account(ani), [], None
    while True:
        page = history.page(account, before=before)
        seen += [(line.entry.number, line.after) for line in page.lines]
        before = page.older
        if before is None:
            break
    assert seen == [(number, number) for number in range(60, 0, -1)]
    assert "before=36" in words(signed_in(ani).get("/history/"))


@pytest.mark.parametrize(
    "query",
    [
        "before=x",
        "before=-1",
        "before=1.5",
        "before=" + "9" * 30,
        "before=9223372036854775808",
        "before=9223372036854775807",
        "kind=nope",
        "kind='--",
        "before=%00",
        "before=²",
    ],
)
def test_a_broken_address_is_answered_in_words(ani, query):
    page = signed_in(ani).get(f"/history/?{query}")
    assert page.status_code == 400
    assert "This address is not right" in page.content.decode()


def test_what_was_recorded_late_stands_where_it_belongs(ani):
    at = datetime(2026, 1, 2, 3, tzinfo=UTC)
    give_points(ani, 100, reference="purchase:shop:1", at=at)
    give_points(ani, 7, reference="purchase:shop:3", at=at + timedelta(days=2))
    give_points(ani, 50, reference="purchase:shop:2", at=at + timedelta(days=1))
    lines = history.page(main_account(ani)).lines
    assert [(line.title, line.after) for line in lines] == [
        ("Purchase 3", 157),
        ("Purchase 2", 150),
        ("Purchase 1", 100),
    ]
    rest = history.page(main_account(ani), before=lines[0].entry.number).lines
    assert [line.title for line in rest] == ["Purchase 2", "Purchase 1"]


def test_an_explanation_is_shown_as_a_sentence(ani, monkeypatch):
    give_points(ani, 5, explanation={"kind": "test"})
    monkeypatch.setattr(wording, "_teller", lambda dotted: lambda explanation: "Five points for <b>you</b>.")
    page = words(signed_in(ani).get("/history/"))
    assert "Why this many?" in page
    assert "Five points for &lt;b&gt;you&lt;/b&gt;." in page


def test_an_unreadable_explanation_does_not_close_the_page(ani):
    give_points(ani, 5, explanation={"kind": "from another planet", "steps": 7})
    assert signed_in(ani).get("/history/").status_code == 200


def test_the_download_is_a_spreadsheet_without_formulas(ani):
    give_points(ani, 500, reference="gift", reason="=HYPERLINK(1)")
    posting.redeem(
        main_account(ani).id, 120, at=timezone.now(), reference="r", source="t", actor="t", reason="Free coffee"
    )
    answer = signed_in(ani).get("/history/download/")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["When", "What happened", "Points", "Balance", "Why"]
    assert rows[1][1:4] == ["'=HYPERLINK(1)", "500", "500"]
    assert rows[2][1:4] == ["Redeemed: Free coffee", "-120", "380"]
    assert ani.number in answer["Content-Disposition"]


def test_script_in_a_name_is_shown_not_run(ani):
    Member.objects.filter(pk=ani.pk).update(name="<script>alert(1)</script>{{ 7 }}")
    for address in ("/", "/profile/"):
        page = signed_in(ani).get(address).content.decode()
        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_the_profile_shows_who_the_member_is(ani):
    page = words(signed_in(ani).get("/profile/"))
    assert ani.shown_number in page
    assert "ani@example.com" in page


def test_the_pages_speak_the_members_language_until_the_browser_is_switched(budi):
    client = signed_in(budi)
    assert '<html lang="id">' in words(client.get("/"))
    client.post("/language/", {"language": "ms", "next": "/rewards/"})
    assert '<html lang="ms">' in words(client.get("/"))


def test_a_chosen_language_is_kept_and_counts_again(budi):
    client = signed_in(budi)
    client.post("/language/", {"language": "ms"})
    assert client.post("/profile/language/", {"language": "en"})["Location"] == "/profile/"
    budi.refresh_from_db()
    assert budi.language == "en"
    assert '<html lang="en">' in words(client.get("/profile/"))


@pytest.mark.parametrize("language", ["", "xx", "en'--", "../en", "e" * 500])
def test_a_language_nobody_speaks_changes_nothing(budi, language):
    page = signed_in(budi).post("/profile/language/", {"language": language}, follow=True)
    assert page.status_code == 200
    budi.refresh_from_db()
    assert budi.language == "id"


@pytest.mark.parametrize("place", ["https://evil.example/", "//evil.example", "", "javascript:alert(1)"])
def test_switching_the_language_never_leaves_the_site(client, db, place):
    answer = client.post("/language/", {"language": "id", "next": place})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_numbers_and_days_follow_the_language(budi):
    give_points(budi, 12500, at=timezone.now())
    page = words(signed_in(budi).get("/"))
    assert "12.500" in page
    assert "Rp1.250.000" in page


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/history/",
        "/history/download/",
        "/profile/",
        "/rewards/",
        "/vouchers/",
        "/vouchers/1/",
        "/vouchers/1/cancel/",
        "/rewards/x/redeem/",
    ],
)
def test_nobody_sees_a_page_without_signing_in(client, db, address):
    assert client.get(address)["Location"].startswith("/sign-in/?next=")


@pytest.mark.parametrize(
    ("address", "method"), [("/", "post"), ("/history/", "post"), ("/language/", "get"), ("/profile/language/", "get")]
)
def test_each_address_answers_only_what_it_is_for(ani, address, method):
    assert getattr(signed_in(ani), method)(address).status_code == 405


def test_history_costs_the_same_however_long_it_is(ani, django_assert_max_num_queries):
    client = signed_in(ani)
    give_points(ani, 1)
    with django_assert_max_num_queries(10) as few:
        client.get("/history/")
    for number in range(60):
        give_points(ani, 1, reference=f"purchase:shop:{number}")
    with django_assert_max_num_queries(len(few)):
        client.get("/history/")


@pytest.mark.parametrize(
    ("status", "address"), [(404, "/nowhere/"), (404, "/vouchers/99999999999999999999/"), (400, "/history/?before=x")]
)
def test_error_pages_speak_in_words_and_in_the_same_look(ani, status, address):
    page = signed_in(ani).get(address)
    assert page.status_code == status
    assert "portal/portal.css" in page.content.decode()


def test_error_pages_need_no_database():
    """No database mark: pytest-django would refuse any query."""
    from django.template.loader import render_to_string

    for name in ("400", "403", "403_csrf", "404", "500", "429"):
        assert "<h1>" in render_to_string(f"{name}.html")


def test_a_form_from_another_site_is_refused_in_words(ani):
    client = Client(enforce_csrf_checks=True)
    page = client.post("/language/", {"language": "id"})
    assert page.status_code == 403
    assert "Please send that again" in page.content.decode()


def test_pages_carry_the_strict_content_policy(ani):
    policy = signed_in(ani).get("/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy

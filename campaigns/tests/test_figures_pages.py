"""The figures at the desk and over the API: the same numbers, for those who may see them, and as files."""

import csv
import io
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from campaigns.figures import FIGURES
from campaigns.tests.shop import add_campaign, add_rule, buy, open_shop
from loyalty.desk import roles
from loyalty.ledger.models import Wallet
from loyalty.pos.testing import Shop, code_of
from loyalty.tests.desk import staff_client

pytestmark = pytest.mark.django_db
ALL = "admin:campaigns_figures"


@pytest.fixture
def lived(program, ani, budi):
    """A shop with purchases of today, and a campaign that gave something for them."""
    cache.clear()
    open_shop(program)
    at = timezone.now()
    campaign = add_campaign(program, "double", at - timedelta(days=1), at + timedelta(days=1))
    add_rule(program, "double", {"award": {"kind": "multiplier", "factor": "2"}}, campaign=campaign)
    for member, amount in ((ani, "100"), (ani, "50"), (budi, "30.50")):
        buy(member, amount, at)
    return program


def rows_of(answer):
    """The lines of a file."""
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def test_the_page_of_all_figures_shows_numbers_with_definitions_and_charts_with_tables(lived):
    shown = staff_client(roles.MARKETING_ASSISTANT).get(reverse(ALL)).content.decode()
    for name in ("sales", "lifetime_value", "breakage_rate", "campaign_cost"):
        assert escape(str(FIGURES[name].definition)) in shown
        assert reverse("admin:campaigns_figure", args=[name]) in shown
    assert "180" in shown
    assert (
        shown.count('<canvas class="chart"') == shown.count('<details class="desk-details"') == 3
    )  # nothing was redeemed: no empty chart


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_every_figure_has_a_page_with_its_definition_a_chart_and_a_file(lived, name):
    client = staff_client(roles.FINANCE)
    shown = client.get(reverse("admin:campaigns_figure", args=[name]), {"period": "year"}).content.decode()
    assert escape(str(FIGURES[name].definition)) in shown
    lines = rows_of(client.get(reverse("admin:campaigns_figure_csv", args=[name]), {"period": "year"}))
    told = Shop(lived).get(f"/figures/{name}", period="year").json()
    assert lines[0] == [column["name"] for column in told["columns"]]
    assert lines[1:] == [["" if cell is None else str(cell) for cell in row] for row in told["rows"]]


def test_the_same_numbers_are_on_the_page_in_the_file_and_over_the_api(lived):
    told = {one["name"]: one for one in Shop(lived).get("/figures").json()["figures"]}
    assert (told["sales"]["value"], told["purchases"]["value"]) == ("180.50", 3)
    assert (told["points_issued"]["value"], told["campaign_cost"]["value"]) == (361, "18000.00")
    assert told["repeat_purchase_rate"]["value"] == "0.5000"
    lines = rows_of(staff_client(roles.PROGRAM_MANAGER).get(reverse("admin:campaigns_figures_csv")))
    header, *lines = lines
    assert header == ["name", "title", "unit", "value", "low", "high", "before", "definition"]
    assert {line[0]: line[3] for line in lines} == {
        name: "" if one["value"] is None else str(one["value"]) for name, one in told.items()
    }
    assert {line[0]: line[7] for line in lines} == {name: one["definition"] for name, one in told.items()}


def test_only_who_may_see_figures_sees_them_and_only_who_may_export_takes_them_out(lived):
    pages = [reverse(ALL), reverse("admin:campaigns_figure", args=["sales"])]
    files = [reverse("admin:campaigns_figures_csv"), reverse("admin:campaigns_figure_csv", args=["sales"])]
    assert [staff_client(roles.SUPPORT_AGENT).get(page).status_code for page in [*pages, *files]] == [403] * 4
    assert [staff_client(roles.OPS).get(page).status_code for page in [*pages, *files]] == [403] * 4
    marketing = staff_client(roles.MARKETING_ASSISTANT)
    assert [marketing.get(page).status_code for page in pages] == [200, 200]
    assert [marketing.get(file).status_code for file in files] == [403, 403]
    assert "Export as CSV" not in marketing.get(pages[0]).content.decode()


def test_days_are_chosen_on_the_page_and_wrong_ones_are_told(lived):
    client = staff_client(roles.FINANCE)
    today = timezone.localdate()
    chosen = {"since": today.isoformat(), "until": today.isoformat()}
    assert client.get(reverse(ALL), chosen).context["asked"].period.name == "days"
    shown = client.get(reverse(ALL), {"since": today.isoformat(), "until": "yesterday"})
    assert "Choose the first and the last day." in shown.content.decode()
    assert shown.context["asked"].period.name == "month"
    assert client.get(reverse("admin:campaigns_figure", args=["nonsense"])).status_code == 404


def test_another_wallet_has_points_of_its_own(lived):
    Wallet.objects.create(program=lived, slug="cashback", money_per_unit=1)
    shop = Shop(lived)
    told = {one["name"]: one["value"] for one in shop.get("/figures", wallet="cashback").json()["figures"]}
    assert (told["points_issued"], told["purchases"]) == (0, 3)
    answer = shop.get("/figures", wallet="nothing")
    assert (answer.status_code, code_of(answer)) == (404, "wallet_unknown")


def test_the_api_takes_days_with_both_ends_and_refuses_others(lived):
    shop = Shop(lived)
    told = shop.get("/figures/sales", since="2026-01-01", until="2026-01-31").json()
    assert told["period"] == {
        "since": "2026-01-01", "until": "2026-01-31", "before_since": "2025-12-01", "before_until": "2025-12-31",
    }  # fmt: skip
    assert (told["figure"]["value"], told["figure"]["change"], len(told["rows"])) == ("0.00", None, 12)
    for query in ({"since": "2026-01-01"}, {"since": "2026-02-02", "until": "2026-02-01"}):
        answer = shop.get("/figures", **query)
        assert (answer.status_code, code_of(answer)) == (422, "period_refused")
    assert shop.get("/figures", period="ever").status_code == 422
    answer = shop.get("/figures/nonsense")
    assert (answer.status_code, code_of(answer)) == (404, "figure_unknown")


def test_a_key_without_the_scope_learns_nothing(lived):
    shop = Shop(lived, scopes=["members:read"])
    assert shop.get("/figures").status_code == 403
    assert shop.get("/figures/sales").status_code == 403


def test_an_installation_without_a_wallet_has_a_page_that_says_so(db):
    assert "once there is a program" in staff_client(roles.ADMINISTRATOR).get(reverse(ALL)).content.decode()


def test_the_first_page_shows_what_runs_and_links_to_all_figures(lived):
    shown = staff_client(roles.MARKETING_ASSISTANT).get(reverse("admin:index")).content.decode()
    assert "Running and coming campaigns" in shown
    assert "Double" in shown
    assert f"{reverse(ALL)}?period=month" in shown
    hidden = staff_client(roles.OPS).get(reverse("admin:index")).content.decode()
    assert "Running and coming campaigns" not in hidden
    assert reverse(ALL) not in hidden

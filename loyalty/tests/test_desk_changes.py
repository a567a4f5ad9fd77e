"""Changes at the desk and over the API: from the form to the preview, the second person, the file and the undo."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.jobs.changes import nightly
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger.models import Entry
from loyalty.pos.testing import Shop
from loyalty.tests.desk import enter, hire, staff_client
from members.testing import give_points, points_of
from members.tests.changes import adjust, hired, limited

pytestmark = pytest.mark.django_db
NOW = timezone.now
Status = ChangeRequest.Status


@pytest.fixture
def small(program):
    """Limits of 100 points for one member and 200 in bulk."""
    return limited(program)


@pytest.fixture
def manager(small):
    """A program manager at the desk."""
    return staff_client(roles.PROGRAM_MANAGER)


@pytest.fixture
def boss(small):
    """Somebody else who may approve."""
    return staff_client(roles.ADMINISTRATOR)


def form(kind):
    return reverse("admin:jobs_change_new", args=[kind])


def page(change):
    return reverse("admin:jobs_changerequest_change", args=[change.pk])


def deed(change, name):
    return reverse(f"admin:jobs_changerequest_{name}", args=[change.pk])


def fill(client, kind, **values):
    """Fill a form in; the page that follows."""
    return client.post(form(kind), {"reason": "late parcel", "lives": "policy", "who": "list", **values}, follow=True)


# --- One member -----------------------------------------------------------------------------------------------------
def test_an_agent_adjusts_from_the_members_page_with_a_preview_first(ani, small):
    client = staff_client(roles.SUPPORT_AGENT)
    there = client.get(reverse("admin:members_member_adjust_points", args=[ani.pk]), follow=True)
    assert ani.shown_number in there.content.decode()
    preview = fill(client, "adjust", number=ani.shown_number, amount="50")
    change = ChangeRequest.objects.get()
    assert (change.status, Entry.objects.count()) == (Status.DRAFT, 0)
    assert "nothing has moved" in preview.content.decode()
    told = client.post(deed(change, "submit"), follow=True)
    assert "posted as shown" in told.content.decode()
    assert points_of(ani, at=NOW()) == 50


def test_above_the_limit_the_agent_waits_and_the_manager_decides(ani, manager):
    agent = staff_client(roles.SUPPORT_AGENT)
    fill(agent, "adjust", number=ani.number, amount="500")
    change = ChangeRequest.objects.get()
    assert "waits for a second person" in agent.post(deed(change, "submit"), follow=True).content.decode()
    assert agent.post(deed(change, "approve")).status_code == 403
    assert "waits for your decision" in manager.get(reverse("admin:index")).content.decode()
    listed = manager.get(reverse("admin:jobs_changerequest_changelist")).content.decode()
    assert "waits for you" in listed
    manager.post(deed(change, "approve"))
    assert points_of(ani, at=NOW()) == 500


def test_nobody_sees_a_button_to_decide_about_their_own(ani, manager, boss):
    fill(manager, "adjust", number=ani.number, amount="500")
    change = ChangeRequest.objects.get()
    manager.post(deed(change, "submit"))
    mine, theirs = manager.get(page(change)).content.decode(), boss.get(page(change)).content.decode()
    assert deed(change, "approve") not in mine
    assert deed(change, "withdraw") in mine
    assert deed(change, "approve") in theirs
    refused = manager.post(deed(change, "approve"), follow=True)
    assert "somebody else must decide" in refused.content.decode()
    assert points_of(ani, at=NOW()) == 0


def test_a_refusal_is_read_by_who_asked(ani, manager, boss):
    fill(manager, "adjust", number=ani.number, amount="500")
    change = ChangeRequest.objects.get()
    manager.post(deed(change, "submit"))
    boss.post(deed(change, "refuse"), {"words": "too much"})
    assert "too much" in manager.get(page(change)).content.decode()


def test_what_was_overtaken_says_what_changed_and_can_be_looked_up_again(ani, manager, boss):
    give_points(ani, 300, at=NOW())
    fill(manager, "adjust", number=ani.number, amount="-200")
    change = ChangeRequest.objects.get()
    manager.post(deed(change, "submit"))
    adjust(ani, -100, by=hired("third"), at=NOW())
    adjust(ani, -50, by=hired("fourth"), at=NOW())
    told = boss.post(deed(change, "approve"), follow=True).content.decode()
    assert "Something changed since it was looked up" in told
    assert f"{ani.shown_number}: this line cannot be posted any more." in told


def test_the_undo_is_a_preview_too(ani, manager):
    fill(manager, "adjust", number=ani.number, amount="50")
    change = ChangeRequest.objects.get()
    manager.post(deed(change, "submit"))
    shown = manager.post(deed(change, "undo"), {"words": "wrong member"}, follow=True).content.decode()
    assert "Undo: Adjust points" in shown
    assert points_of(ani, at=NOW()) == 50
    manager.post(deed(ChangeRequest.objects.first(), "submit"))
    assert points_of(ani, at=NOW()) == 0
    assert "posted and taken back" in manager.get(page(change)).content.decode()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"amount": "0"}, "at least one"),
        ({"amount": "1.5"}, "decimals"),
        ({"amount": "x"}, "Enter a number"),
        ({"number": "123456789012", "amount": "5"}, "no such member"),
        ({"amount": "5", "lives": "day"}, "Say which day"),
        ({"amount": "5", "lives": "day", "last_day": "2020-01-01"}, "from today on"),
        ({"amount": "5", "reason": ""}, "required"),
        ({"amount": "-5"}, "only 0 points"),
    ],
)
def test_a_wrong_form_says_what_is_wrong_and_keeps_nothing(ani, manager, values, said):
    shown = fill(manager, "adjust", **({"number": ani.number} | values))
    assert said in shown.content.decode()
    assert not ChangeRequest.objects.exists()


def test_forgiving_is_offered_only_to_who_owes(ani, manager):
    address = reverse("admin:members_member_forgive_debt", args=[ani.pk])
    assert address not in manager.get(reverse("admin:members_member_change", args=[ani.pk])).content.decode()


# --- Lists ------------------------------------------------------------------------------------------------------------
def test_a_pasted_list_becomes_lines_with_what_cannot_be_posted(ani, budi, manager):
    give_points(budi, 10, at=NOW())
    shown = fill(manager, "adjust_many", numbers=f"{ani.shown_number}; 20\n{budi.number};-500\n{ani.number};1")
    change = ChangeRequest.objects.get()
    assert [(line.account.member_account.member, line.amount) for line in change.lines.all()] == [(ani, 20)]
    text = shown.content.decode()
    assert "The member has only 10 points that can be taken." in text
    assert "in the list twice" in text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_file_is_read_in_every_usual_encoding(ani, manager, encoding):
    content = f"Nummer\tPunkte für\n{ani.number}\t7\n".encode(encoding)
    fill(manager, "adjust_many", file=SimpleUploadedFile("list.csv", content))
    assert ChangeRequest.objects.get().points_given == 7


def test_every_line_at_fault_is_named(ani, manager):
    text = f"{ani.number},5\n123,4\n{ani.number},1.000\n{ani.number},=1+1"
    shown = fill(manager, "adjust_many", numbers=text).content.decode()
    assert "Line 2: “123” is no member number" in shown
    assert "Line 3" in shown
    assert "Line 4: “=1+1” is no number of points" in shown
    assert not ChangeRequest.objects.exists()


def test_a_filter_of_the_members_chooses_them(ani, budi, siti, manager):
    fill(manager, "adjust_many", who="filter", language="id", amount="5")
    change = ChangeRequest.objects.get()
    assert [line.account.member_account.member for line in change.lines.all()] == [budi]
    assert change.summary["said"] == "5 points each: members: language “id”"


def test_the_lines_can_be_taken_out_and_that_is_logged(ani, manager):
    fill(manager, "adjust_many", numbers=f"{ani.number};20")
    change = ChangeRequest.objects.get()
    sent = b"".join(manager.get(reverse("admin:jobs_changerequest_lines", args=[change.pk])).streaming_content).decode()
    assert f"{ani.shown_number},adjusted,20,0," in sent
    finance = staff_client(roles.SUPPORT_AGENT).get(reverse("admin:jobs_changerequest_lines", args=[change.pk]))
    assert finance.status_code == 404  # a draft is its maker's alone


def test_the_page_of_a_change_costs_the_same_for_many_lines(program, ani, budi, siti, manager):
    fill(manager, "adjust_many", numbers=f"{ani.number};20")
    fill(manager, "adjust_many", numbers=f"{ani.number};20\n{budi.number};20\n{siti.number};20")
    counts = []
    for change in ChangeRequest.objects.order_by("pk"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            manager.get(page(change))
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 1


# --- Roles ------------------------------------------------------------------------------------------------------------
ASKS = {
    roles.PROGRAM_MANAGER: {"adjust", "adjust_many", "forgive_debt", "extend", "reinstate", "expiry_run"},
    roles.ADMINISTRATOR: {"adjust", "adjust_many", "forgive_debt", "extend", "reinstate", "expiry_run"},
    roles.SUPPORT_AGENT: {"adjust", "forgive_debt"},
    roles.OPS: {"expiry_run"},
    roles.MARKETING_ASSISTANT: set(),
    roles.FINANCE: set(),
    roles.AUDITOR: set(),
}


@pytest.mark.parametrize("role", list(ASKS))
def test_a_role_opens_the_forms_it_may_ask_with_and_no_other(program, role):
    client = staff_client(role)
    kinds = ASKS[roles.PROGRAM_MANAGER]
    assert {kind for kind in kinds if client.get(form(kind)).status_code == 200} == ASKS[role]
    assert {client.get(form(kind)).status_code for kind in kinds - ASKS[role]} <= {403}


def test_only_the_administrator_changes_the_limits(small):
    address = reverse("admin:jobs_approvallimits_change", args=[small.pk])
    for role in roles.TITLES:
        user = hire(role)
        assert user.has_perm("jobs.change_approvallimits") == (role == roles.ADMINISTRATOR)
        assert enter(user).get(address).status_code == (403 if role == roles.MARKETING_ASSISTANT else 200)


# --- The API ----------------------------------------------------------------------------------------------------------
def test_a_shop_adjusts_below_the_limit_at_once_and_above_it_waits(ani, small):
    shop = Shop(ani.program, scopes=["adjustments:write"])
    wish = {"points": 40, "reason": "Late parcel", "reference": "a1"}
    done = shop.post(f"/members/{ani.number}/adjustments", wish)
    assert (done.status_code, done.json()["status"]) == (201, "done")
    waits = shop.post(f"/members/{ani.number}/adjustments", wish | {"points": 400, "reference": "a2"})
    assert (waits.status_code, waits.json()["status"], points_of(ani, at=NOW())) == (202, "waiting", 40)
    boss = staff_client(roles.ADMINISTRATOR)
    boss.post(deed(ChangeRequest.objects.get(status=Status.WAITING), "approve"))
    told = shop.get(f"/changes/{waits.json()['id']}").json()
    assert (told["status"], told["points"], points_of(ani, at=NOW())) == ("done", 400, 440)


def test_an_adjustment_of_no_points_is_refused_in_words(ani, small):
    shop = Shop(ani.program, scopes=["adjustments:write"])
    answer = shop.post(f"/members/{ani.number}/adjustments", {"points": 0, "reason": "Late parcel", "reference": "a1"})
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_to_adjust")
    assert not ChangeRequest.objects.exists()


def test_the_same_reference_never_adjusts_twice(ani, small):
    shop = Shop(ani.program, scopes=["adjustments:write"])
    wish = {"points": 40, "reason": "Late parcel", "reference": "a1"}
    first, second = (shop.post(f"/members/{ani.number}/adjustments", wish) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert points_of(ani, at=NOW()) == 40
    other = shop.post(f"/members/{ani.number}/adjustments", wish | {"points": 41})
    assert (other.status_code, other.json()["code"]) == (409, "reference_conflict")


def test_more_than_there_is_is_refused_with_the_number(ani, small):
    shop = Shop(ani.program, scopes=["adjustments:write"])
    refused = shop.post(f"/members/{ani.number}/adjustments", {"points": -5, "reason": "x", "reference": "a1"})
    assert (refused.status_code, refused.json()["code"], refused.json()["numbers"]["missing"]) == (409, "insufficient_points", 5)  # fmt: skip


def test_a_key_sees_only_the_changes_it_asked_for(ani, small):
    shop = Shop(ani.program, scopes=["adjustments:write"])
    change = adjust(ani, 5, by=hired("dewi"), at=NOW())
    assert shop.get(f"/changes/{change.pk}").status_code == 404
    assert shop.get("/changes/99999999999999999999").status_code == 404


def test_a_key_without_the_scope_adjusts_nothing(ani, small):
    shop = Shop(ani.program, scopes=["members:read"])
    refused = shop.post(f"/members/{ani.number}/adjustments", {"points": 5, "reason": "x", "reference": "a"})
    assert (refused.status_code, refused.json()["code"], Entry.objects.count()) == (403, "scope_missing", 0)


def test_the_dashboard_tells_ops_that_the_nightly_expiry_waits(ani, small):
    small.expired_points = 10
    small.save()
    give_points(ani, 50, at=NOW() - timezone.timedelta(days=800))
    nightly.expire(ani.program, at=NOW())
    told = staff_client(roles.OPS).get(reverse("admin:index")).content.decode()
    assert "would expire more than the limit" in told

"""Segments at the desk and over the API: rows of words, counts, deeds, permissions."""

import pytest
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.pos.testing import Shop
from loyalty.tests.desk import staff_client
from members.segments import membership, saving, snapshots
from members.segments.models import Segment, Snapshot
from members.segments.scoring import score_members
from members.segments.testing import all_of, make_segment
from members.segments.tests.world import NOW, bought
from members.testing import make_member, make_program

pytestmark = pytest.mark.django_db
ADD, LIST = "admin:segments_segment_add", "admin:segments_segment_changelist"
TOLD = {
    "name": "Good and quiet", "slug": "quiet", "note": "For a letter", "definition-match": "any", "definition-match-1": "all",
    "definition-match-2": "any", "definition-0-about": "tier", "definition-0-group": "1", "definition-0-tier-is": ["silver", "gold"],
    "definition-3-about": "bought", "definition-3-group": "1", "definition-3-not": "not", "definition-3-bought-most": "30",
    "definition-3-bought-brands": "kopi-tua",
    "definition-4-about": "purchases", "definition-4-group": "2", "definition-4-purchases-spent_least": "1,000.50",
    "definition-4-purchases-categories": "jazz, blues", "definition-4-purchases-brands": "kopi-tua", "definition-4-tier-is": ["bronze"], "definition-5-about": "",
}  # fmt: skip
WRITTEN = {
    "match": "any",
    "groups": [
        {"match": "all", "conditions": [{"about": "tier", "is": ["silver", "gold"]}, {"about": "bought", "not": True, "most": 30, "brands": ["kopi-tua"]}]},
        {"match": "any", "conditions": [{"about": "purchases", "spent_least": "1000.50", "categories": ["jazz", "blues"], "brands": ["kopi-tua"]}]},
    ],
}  # fmt: skip
BUYERS = all_of({"about": "purchases", "least": 1})


@pytest.fixture
def marketer(program):
    return staff_client(roles.MARKETING_ASSISTANT)


@pytest.fixture
def buyers(program, ani, budi):
    bought(ani, 1, "10.00")
    return make_segment(program, "buyers", BUYERS, at=timezone.now())


def page_of(segment, deed="change"):
    return reverse(f"admin:segments_segment_{deed}", args=[segment.pk])


def test_rows_of_words_are_written_as_a_definition_and_shown_again(marketer):
    answer = marketer.post(reverse(ADD), TOLD)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    segment = Segment.objects.get()
    assert (segment.definition, segment.slug, segment.members_count) == (WRITTEN, "quiet", 0)
    html = marketer.get(page_of(segment)).content.decode()
    assert '<option value="bought" selected>' in html
    assert 'value="jazz, blues"' in html and 'value="1000.50"' in html
    assert "tier Silver or Gold, and not: last bought at most 30 days ago (on kopi-tua)" in html


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"definition-0-tier-is": []}, "Tier: fill in at least one of these: one of."),
        ({"definition-3-bought-most": "soon"}, "Write a whole number from 0 to 36500."),
        ({"definition-4-purchases-spent_least": "much"}, "Write a plain number in quotes"),
        ({"definition-0-about": "", "definition-3-about": "", "definition-4-about": ""}, "Say at least one condition"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(marketer, wrong, sentence):
    answer = marketer.post(reverse(ADD), TOLD | wrong)
    assert sentence in str(answer.context["adminform"].form.errors["definition"])
    assert not Segment.objects.exists()


def test_a_short_name_is_taken_once(marketer, buyers):
    answer = marketer.post(reverse(ADD), TOLD | {"slug": "buyers"})
    assert "short name already" in str(answer.context["adminform"].form.errors["slug"])


def test_the_form_counts_while_one_writes(marketer, buyers):
    rows = {"definition-match": "all", "definition-0-about": "purchases", "definition-0-purchases-least": "1"}
    told = marketer.post(reverse("admin:segments_segment_count"), rows).json()
    assert told == {"words": "at least 1 purchase", "count": "1 member now", "sample": "Ani", "problems": []}
    wrong = marketer.post(reverse("admin:segments_segment_count"), rows | {"definition-0-purchases-least": ""}).json()
    assert wrong["problems"]
    assert marketer.get(reverse("admin:segments_segment_count")).status_code == 405


def test_an_empty_form_says_where_to_begin_and_goods_stand_open_once_they_are_named(marketer, buyers):
    rows = {"definition-match": "all", "definition-0-about": "", "definition-0-group": "1"}
    told = marketer.post(reverse("admin:segments_segment_count"), rows).json()
    assert (told["words"], told["problems"]) == ("", [])
    assert told["count"].startswith("Choose what the first condition is about")
    folded = '<details class="desk-rule-narrow"'
    assert f"{folded} open" not in marketer.get(page_of(buyers)).content.decode()
    buyers.definition = all_of({"about": "bought", "most": 9, "brands": ["kopi-tua"]})
    saving.save(buyers, at=timezone.now(), actor="test")
    assert f"{folded} open" in marketer.get(page_of(buyers)).content.decode()


def test_editing_a_segment_asks_again_who_is_in_it(marketer, buyers):
    page = marketer.get(page_of(buyers))
    rows = {
        "definition-match": "all",
        "definition-0-about": "purchases",
        "definition-0-purchases-most": "0",
        "definition-0-group": "1",
    }
    seen = page.context["adminform"].form.seen
    answer = marketer.post(page_of(buyers), rows | {"name": "Sleepers", "note": "", "_seen": seen})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    buyers.refresh_from_db()
    assert (buyers.name, buyers.slug, buyers.members_count) == ("Sleepers", "buyers", 1)
    assert [m.name for m in membership.members_in(buyers, timezone.now())] == ["Budi"]


def test_deeds_of_a_segment(marketer, buyers):
    marketer.post(page_of(buyers, "take_snapshot"), {"name": "December"})
    assert Snapshot.objects.get().members_count == 1
    marketer.post(page_of(buyers, "duplicate"))
    copy = Segment.objects.get(slug="buyers-2")
    marketer.post(page_of(copy, "archive"))
    assert Segment.objects.get(pk=copy.pk).archived_at
    assert "Copy of Buyers" not in marketer.get(reverse(LIST)).content.decode()
    assert "Copy of Buyers" in marketer.get(reverse(LIST), {"archived": "yes"}).content.decode()
    marketer.post(page_of(copy, "bring_back"))
    assert Segment.objects.get(pk=copy.pk).archived_at is None
    marketer.post(page_of(copy, "refresh_now"))
    answer = marketer.post(page_of(buyers, "explain"), {"number": "1234"})
    assert answer["Location"].endswith(f"/{buyers.pk}/why/1234/")


def test_why_a_member_is_in_it_is_told_condition_by_condition(marketer, buyers, ani, budi):
    html = marketer.get(reverse("admin:segments_segment_why", args=[buyers.pk, ani.number])).content.decode()
    assert "Ani is in “Buyers” now." in html and "at least 1 purchase" in html
    html = marketer.get(reverse("admin:segments_segment_why", args=[buyers.pk, budi.number])).content.decode()
    assert "Budi is not in “Buyers” now." in html
    assert marketer.get(reverse("admin:segments_segment_why", args=[buyers.pk, "0"])).status_code == 404


def test_members_are_exported_by_who_may_export(program, marketer, buyers):
    manager = staff_client(roles.PROGRAM_MANAGER)
    rows = b"".join(manager.get(page_of(buyers, "export_members")).streaming_content).decode().splitlines()
    assert len(rows) == 2 and "Ani" in rows[1]
    assert marketer.get(page_of(buyers, "export_members")).status_code == 403
    taken = snapshots.take(buyers, name="December", at=timezone.now(), actor="test")
    address = reverse("admin:segments_snapshot_export_members", args=[taken.pk])
    assert b"Ani" in b"".join(manager.get(address).streaming_content)
    assert marketer.get(address).status_code == 403


def test_a_segment_in_use_says_by_what_and_is_not_deleted(program, buyers):
    manager = staff_client(roles.PROGRAM_MANAGER)
    snapshots.take(buyers, name="December", at=timezone.now(), actor="test")
    manager.post(page_of(buyers, "delete"), {"post": "yes"})
    assert Segment.objects.filter(pk=buyers.pk).exists()
    spare = saving.duplicate(buyers, at=timezone.now(), actor="test")
    manager.post(page_of(spare, "delete"), {"post": "yes"})
    assert not Segment.objects.filter(pk=spare.pk).exists()


def test_support_looks_at_segments_and_changes_none(program, buyers):
    support = staff_client(roles.SUPPORT_AGENT)
    assert support.get(page_of(buyers)).status_code == 200
    assert support.get(reverse(ADD)).status_code == 403
    for deed in ("archive", "duplicate", "refresh_now", "take_snapshot"):
        assert support.post(page_of(buyers, deed), {"name": "x"}).status_code == 403
    assert staff_client(roles.OPS).get(reverse(LIST)).status_code == 403


def test_the_list_of_segments_takes_the_same_number_of_queries_for_one_and_for_ten(
    program, marketer, buyers, django_assert_max_num_queries
):
    for _number in range(9):
        saving.duplicate(buyers, at=timezone.now(), actor="test")
    marketer.get(reverse(LIST))
    with django_assert_max_num_queries(16):
        assert "at least 1 purchase" in marketer.get(reverse(LIST)).content.decode()


def test_the_list_of_members_is_filtered_by_segment(program, marketer, buyers):
    members = reverse("admin:members_member_changelist")
    html = marketer.get(members, {"segment": buyers.pk}).content.decode()
    assert "ani@example.com" in html and "budi@example.com" not in html
    assert marketer.get(members, {"segment": "nothing"}).status_code == 200


def test_the_page_of_a_member_shows_segments_and_how_the_member_buys(program, marketer, buyers, ani, budi):
    score_members(program, at=timezone.now())
    html = marketer.get(reverse("admin:members_member_change", args=[ani.pk])).content.decode()
    assert "Buyers" in html and "How the member buys" in html and "1 of 5" in html
    html = marketer.get(reverse("admin:members_member_change", args=[budi.pk])).content.decode()
    assert "In no segment." in html and "How the member buys" not in html


def test_snapshots_and_the_scoring_policy_have_their_pages(program, buyers):
    manager = staff_client(roles.PROGRAM_MANAGER)
    score_members(program, at=NOW)
    taken = snapshots.take(buyers, name="December", at=timezone.now(), actor="test")
    assert "December" in manager.get(reverse("admin:segments_snapshot_changelist")).content.decode()
    assert (
        "at least 1 purchase"
        in manager.get(reverse("admin:segments_snapshot_change", args=[taken.pk])).content.decode()
    )
    policy = program.scoring_policy
    page = manager.get(reverse("admin:segments_scoringpolicy_change", args=[policy.pk]))
    assert "Members by class" in page.content.decode()


def test_the_api_lists_segments_and_those_of_a_member(program, buyers, ani, budi):
    score_members(program, at=timezone.now())
    shop = Shop(program)
    told = next(one for one in shop.get("/segments").json()["segments"] if one["segment"] == "buyers")
    assert (told["segment"], told["members"], told["described"]) == ("buyers", 1, "at least 1 purchase")
    answer = shop.get(f"/members/{ani.number}/segments").json()
    assert [one["segment"] for one in answer["segments"]] == ["buyers"]
    assert answer["score"]["frequency"] == 1
    assert shop.get(f"/members/{budi.number}/segments").json() == {"segments": [], "score": None}
    assert shop.get("/members/000000000000/segments").status_code == 404


def test_a_key_of_another_program_sees_none_of_our_segments(program, buyers, ani):
    other = make_program("teh")
    make_member(other, "Zed")
    foreign = Shop(other)
    assert foreign.get("/segments").json() == {"segments": []}
    assert foreign.get(f"/members/{ani.number}/segments").status_code == 404

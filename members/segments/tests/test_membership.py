"""Who is in a segment since when; snapshots; and what saving, archiving and deleting do."""

import pytest
from django.db import DatabaseError, transaction

from loyalty.ledger.models import Program
from members.segments import membership, saving, snapshots
from members.segments.models import Segment, SegmentStay, Snapshot, SnapshotMember
from members.segments.scoring import score_members
from members.segments.testing import all_of, make_segment
from members.segments.tests.world import DAY, NOW, bought
from members.testing import give_points, make_member

pytestmark = pytest.mark.django_db
BUYERS = all_of({"about": "purchases", "least": 1, "days": 30})


@pytest.fixture
def buyers(program, ani, budi) -> Segment:
    """Ani bought a day ago, budi did not."""
    bought(ani, 1, "10.00")
    return make_segment(program, "buyers", BUYERS, at=NOW)


def names_in(segment, at) -> set[str]:
    return set(membership.members_in(segment, at).values_list("name", flat=True))


def test_saving_asks_at_once_who_is_in_it(buyers):
    assert (buyers.members_count, buyers.refreshed_at) == (1, NOW)
    assert names_in(buyers, NOW) == {"Ani"}
    assert names_in(buyers, NOW - DAY) == set()


def test_a_refresh_keeps_who_stayed_lets_in_who_came_and_ends_who_left(buyers, budi):
    bought(budi, -20, "10.00")
    membership.refresh(buyers, at=NOW + 20 * DAY)
    assert names_in(buyers, NOW + 20 * DAY) == {"Ani", "Budi"}
    membership.refresh(buyers, at=NOW + 35 * DAY)
    assert names_in(buyers, NOW + 35 * DAY) == {"Budi"}
    assert names_in(buyers, NOW + 25 * DAY) == {"Ani", "Budi"}  # the past stays
    stays = SegmentStay.objects.order_by("since").values_list("member__name", "since", "until")
    assert list(stays) == [("Ani", NOW, NOW + 35 * DAY), ("Budi", NOW + 20 * DAY, None)]


def test_a_refresh_of_an_earlier_instant_changes_nothing(buyers):
    membership.refresh(buyers, at=NOW + 40 * DAY)
    before = list(SegmentStay.objects.values())
    membership.refresh(buyers, at=NOW + 20 * DAY)
    assert list(SegmentStay.objects.values()) == before


def test_a_refresh_takes_the_same_number_of_statements_for_any_number_of_members(
    program, buyers, django_assert_max_num_queries
):
    for number in range(30):
        bought(make_member(program, f"M{number}"), 1, "5.00")
    with django_assert_max_num_queries(8):
        assert membership.refresh(buyers, at=NOW + DAY).members_count == 31


def test_the_segments_of_members_come_in_one_query(program, buyers, ani, budi, django_assert_num_queries):
    make_segment(program, "all", all_of({"about": "enrolled", "least": 1}), at=NOW)
    with django_assert_num_queries(1):
        found = membership.of_members([ani.pk, budi.pk], NOW)
        assert {pk: [s.slug for s in segments] for pk, segments in found.items()} == {
            ani.pk: ["all", "buyers"], budi.pk: ["all"],
        }  # fmt: skip


def test_rules_count_a_stay_from_a_quarter_of_an_hour_later(program, buyers, ani):
    membership.refresh(buyers, at=NOW + 40 * DAY)
    late = membership.SETTLED_AFTER
    assert membership.stays_of(program, {"buyers"}, [ani.pk]) == {
        ani.pk: [("buyers", NOW + late, NOW + 40 * DAY + late)]
    }


def test_the_job_makes_the_standard_segments_and_refreshes_each_once_a_day(program, ani):
    give_points(ani, 50, at=NOW)
    assert membership.refresh_due(at=NOW).is_empty  # the night has not scored yet
    score_members(program, at=NOW)
    tally = membership.refresh_due(at=NOW)
    assert (tally.found, tally.done) == (8, 8)
    assert tally.report == {
        "new": 0, "champions": 0, "loyal": 0, "at-risk": 0, "lapsed": 0, "birthday": 0, "points-expiring": 0, "business": 0,
    }  # fmt: skip
    assert membership.refresh_due(at=NOW + DAY / 4).is_empty
    score_members(program, at=NOW + DAY)
    assert membership.refresh_due(at=NOW + DAY).done == 8


def test_a_preview_of_the_job_writes_nothing(program, buyers):
    score_members(program, at=NOW + DAY)
    assert membership.refresh_due(at=NOW + DAY, dry_run=True).found == 9
    assert set(Segment.objects.exclude(pk=buyers.pk).values_list("refreshed_at", flat=True)) == {None}
    buyers.refresh_from_db()
    assert buyers.refreshed_at == NOW


def test_a_standard_segment_that_was_deleted_does_not_come_back(program):
    score_members(program, at=NOW)
    membership.refresh_due(at=NOW)
    saving.delete(Segment.objects.get(slug="lapsed"), at=NOW, actor="test")
    score_members(program, at=NOW + DAY)
    membership.refresh_due(at=NOW + DAY)
    assert not Segment.objects.filter(slug="lapsed").exists()


def test_a_program_that_is_closed_is_left_alone(program):
    score_members(program, at=NOW)
    Program.objects.update(is_active=False)
    assert membership.refresh_due(at=NOW).is_empty


def test_a_snapshot_keeps_its_members_whatever_happens_later(buyers, ani):
    taken = snapshots.take(buyers, name="December", at=NOW, actor="test")
    membership.refresh(buyers, at=NOW + 40 * DAY)
    assert taken.members_count == 1
    assert list(SnapshotMember.objects.values_list("member__name", flat=True)) == ["Ani"]
    with pytest.raises(DatabaseError), transaction.atomic():
        Snapshot.objects.update(name="January")
    with pytest.raises(DatabaseError), transaction.atomic():
        SnapshotMember.objects.all().delete()


def test_a_snapshot_name_is_taken_once(buyers):
    snapshots.take(buyers, name="December", at=NOW, actor="test")
    with pytest.raises(snapshots.SnapshotNameTaken):
        snapshots.take(buyers, name="December", at=NOW, actor="test")
    assert Snapshot.objects.count() == 1


def test_an_unsound_question_is_not_saved(program):
    with pytest.raises(saving.SegmentRefused) as refusal:
        make_segment(program, "x", all_of({"about": "tier", "is": ["diamond"]}), at=NOW)
    assert "diamond" in str(refusal.value)
    assert not Segment.objects.exists()


def test_an_archived_segment_has_nobody_and_comes_back_with_who_is_in_it(buyers, ani):
    saving.archive(buyers, at=NOW + DAY, actor="test")
    assert names_in(buyers, NOW + DAY) == set()
    assert names_in(buyers, NOW) == {"Ani"}
    score_members(buyers.program, at=NOW + 2 * DAY)
    assert membership.refresh_due(buyers.program, at=NOW + 2 * DAY).report.get("buyers") is None
    with pytest.raises(snapshots.SegmentArchived):
        snapshots.take(buyers, name="x", at=NOW + 2 * DAY, actor="test")
    assert saving.bring_back(buyers, at=NOW + 3 * DAY, actor="test").members_count == 1


def test_a_copy_has_a_name_of_its_own_and_the_same_members(buyers):
    copies = [saving.duplicate(buyers, at=NOW, actor="test") for _time in range(2)]
    assert [(c.slug, c.name, c.members_count) for c in copies] == [
        ("buyers-2", "Copy of Buyers", 1), ("buyers-3", "Copy of Buyers", 1),
    ]  # fmt: skip


def test_a_segment_with_a_snapshot_is_not_deleted_and_one_without_anything_is(program, buyers):
    snapshots.take(buyers, name="December", at=NOW, actor="test")
    with pytest.raises(saving.SegmentInUse):
        saving.delete(buyers, at=NOW, actor="test")
    assert names_in(buyers, NOW) == {"Ani"}
    spare = saving.duplicate(buyers, at=NOW, actor="test")
    saving.delete(spare, at=NOW, actor="test")
    assert list(Segment.objects.values_list("slug", flat=True)) == ["buyers"]

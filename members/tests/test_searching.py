"""Members are found by the beginning of any word of a name, through an index, wherever among all members they are."""

import pytest
from django.db import connection
from django.urls import reverse

from loyalty.common.bulk import is_postgresql
from loyalty.desk import roles
from loyalty.tests.desk import staff_client
from members import searching
from members.enrolment import Applicant, enrol_many
from members.models import Member
from members.testing import OPENING, make_member

LIST = "admin:members_member_changelist"


def found(term, members=None):
    ids, is_cut = searching.among(Member.objects.all() if members is None else members, term)
    assert sorted(ids) == sorted(Member.objects.filter(searching.found_by(term)).values_list("pk", flat=True)) or is_cut
    return {member.name for member in Member.objects.filter(pk__in=ids)}


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("dew", {"Dewi Sri Lestari", "Ani Dewi"}),
        ("SRI l", {"Dewi Sri Lestari"}),
        ("lestari", {"Dewi Sri Lestari"}),
        ("dewi sri", {"Dewi Sri Lestari"}),
        ("i", set()),
        ("50%", {"50% Off"}),
        ("%", set()),
    ],
)
def test_a_name_is_found_by_the_beginning_of_each_of_its_words(program, term, names):
    for name in ("Dewi Sri Lestari", "Ani Dewi", "50% Off"):
        make_member(program, name)
    assert found(term) == names


@pytest.mark.parametrize("way", searching.WAYS)
def test_every_way_of_searching_rests_on_its_index(program, way):
    members = Member.objects.filter(searching._begins(way, "x")).order_by(searching.Beginning(way))[:10]
    with connection.cursor() as cursor:
        if is_postgresql():
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    plan = members.explain()
    assert way in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_very_many_are_cut_in_the_order_of_the_alphabet_and_the_list_says_so(program):
    number = searching.AT_MOST + 1
    people = [
        Applicant(name=f"Citra {n:04}", source="t", source_key=str(n), language="en") for n in range(number, 0, -1)
    ]
    enrol_many(program, people, at=OPENING, actor="test")
    ids, is_cut = searching.among(Member.objects.all(), "citra")
    assert is_cut
    assert set(Member.objects.exclude(pk__in=ids).values_list("name", flat=True)) == {f"Citra {number:04}"}
    assert (
        "Very many members fit" in staff_client(roles.SUPPORT_AGENT).get(reverse(LIST), {"q": "citra"}).content.decode()
    )


def test_a_search_looks_only_among_what_the_list_is_filtered_to(program):
    make_member(program, "Dewi Satu", language="id")
    make_member(program, "Dewi Dua", language="en")
    page = staff_client(roles.SUPPORT_AGENT).get(reverse(LIST), {"q": "dewi", "language__exact": "id"})
    assert [member.name for member in page.context["cl"].result_list] == ["Dewi Satu"]

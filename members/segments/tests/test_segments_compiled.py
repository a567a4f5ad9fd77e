"""Every condition, alone, turned round and together with others, describes the members that plain reading finds."""

from random import Random

import pytest

from members.segments import compiling, counting
from members.segments.definitions import ABOUT, problems
from members.segments.models import Segment
from members.segments.reading import in_words, names_of
from members.segments.scoring import score_members
from members.segments.testing import all_of, any_of
from members.segments.tests.world import NOW, expected, open_world

pytestmark = pytest.mark.django_db
CONDITIONS = [
    {"about": "tier", "is": ["gold"]},
    {"about": "tier", "is": ["bronze", "silver"]},
    {"about": "language", "is": ["id", "ms"]},
    {"about": "birthday", "month": "this"},
    {"about": "birthday", "month": "next"},
    {"about": "birthday", "month": "3"},
    {"about": "enrolled", "most": 30},
    {"about": "enrolled", "least": 60, "most": 120},
    {"about": "points", "least": "300"},
    {"about": "points", "most": "300"},
    {"about": "points", "least": "0", "most": "0"},
    {"about": "expiring", "days": 360},
    {"about": "expiring", "days": 330, "least": "500"},
    {"about": "purchases", "least": 2},
    {"about": "purchases", "most": 0},
    {"about": "purchases", "least": 1, "most": 2, "days": 90},
    {"about": "purchases", "spent_least": "100.00"},
    {"about": "purchases", "spent_most": "99.99"},
    {"about": "purchases", "spent_least": "50", "spent_most": "50"},
    {"about": "purchases", "least": 2, "spent_least": "150"},
    {"about": "purchases", "least": 1, "products": ["mug"]},
    {"about": "purchases", "spent_least": "40.10", "spent_most": "40.10", "products": ["mug"]},
    {"about": "purchases", "spent_least": "59.90", "categories": ["coffee"], "days": 60},
    {"about": "purchases", "least": 2, "products": ["mug"], "categories": ["coffee"]},
    {"about": "purchases", "least": 1, "stores": ["kota"]},
    {"about": "purchases", "most": 1, "stores": ["kota"], "days": 200},
    {"about": "purchases", "least": 1, "channels": ["web"], "days": 30},
    {"about": "bought", "most": 10},
    {"about": "bought", "least": 7},
    {"about": "bought", "least": 5, "most": 9},
    {"about": "purchases", "least": 1, "brands": ["java"]},
    {"about": "purchases", "spent_least": "59.90", "brands": ["kopi-tua"], "days": 60},
    {"about": "purchases", "least": 1, "suppliers": ["toba"]},
    {"about": "purchases", "least": 1, "collections": ["raya"], "stores": ["kota"]},
    {"about": "purchases", "least": 2, "brands": ["clay"], "products": ["mug"]},
    {"about": "bought", "most": 45, "brands": ["clay"]},
    {"about": "bought", "most": 45, "categories": ["gift", "tea"]},
    {"about": "bought", "least": 4, "products": ["beans"], "channels": ["web"]},
    {"about": "bought", "least": 1, "stores": ["kota"]},
    {"about": "events", "least": 1},
    {"about": "events", "least": 1, "kinds": ["review"]},
    {"about": "events", "most": 0, "kinds": ["visit"], "days": 30},
    {"about": "class", "is": ["champions", "loyal", "lapsed"]},
    {"about": "score", "part": "recency", "least": 3},
    {"about": "score", "part": "money", "least": 2, "most": 4},
    {"about": "score", "part": "frequency", "most": 2},
    {"about": "consent", "purpose": "marketing", "channel": "email"},
    {"about": "business", "is": "yes"},
    {"about": "business", "is": "no"},
]


@pytest.fixture
def members(program):
    made = open_world(program)
    score_members(program, at=NOW)
    return made


def found(definition, program) -> set[str]:
    return set(compiling.members(definition, program, at=NOW).values_list("name", flat=True))


def test_the_table_has_every_condition_and_all_are_sound():
    assert {told["about"] for told in CONDITIONS} == set(ABOUT)
    assert [told for told in CONDITIONS if problems(all_of(told))] == []


def test_every_condition_and_its_contrary_find_the_members_that_plain_reading_finds(program, members):
    wrong = {}
    for told in CONDITIONS:
        for definition in (all_of(told), all_of(told | {"not": True})):
            if found(definition, program) != expected(definition, members):
                wrong[str(definition["groups"][0]["conditions"])] = (
                    found(definition, program),
                    expected(definition, members),
                )
    assert wrong == {}


def test_no_condition_is_trivial_in_this_world(program, members):
    """A condition that finds everybody or nobody here would prove nothing."""
    everybody = {m.name for m in members if m.status == "active"}
    trivial = [told for told in CONDITIONS if found(all_of(told), program) in (set(), everybody)]
    assert trivial == []


def test_any_mixture_of_groups_finds_what_plain_reading_finds(program, members):
    chance = Random("mixed segments")
    wrong = []
    for _time in range(60):
        groups = [
            {
                "match": chance.choice(["all", "any"]),
                "conditions": [
                    told | ({"not": True} if chance.random() < 0.3 else {})
                    for told in chance.sample(CONDITIONS, chance.randint(1, 3))
                ],
            }
            for _group in range(chance.randint(1, 3))
        ]
        definition = {"match": chance.choice(["all", "any"]), "groups": groups}
        if found(definition, program) != expected(definition, members):
            wrong.append(definition)
    assert wrong == []


def test_a_question_is_one_statement_whatever_it_asks(program, members, django_assert_num_queries):
    definition = {
        "match": "any",
        "groups": [all_of(*CONDITIONS[:6])["groups"][0], any_of(*CONDITIONS[13:])["groups"][0]],
    }
    with django_assert_num_queries(1):
        counted = compiling.members(definition, program, at=NOW).count()
    assert counted == len(expected(definition, members))


def test_points_ask_the_wallet_for_its_decimals_and_nothing_else_is_asked_besides(
    program, members, django_assert_num_queries
):
    with django_assert_num_queries(2):
        compiling.members(all_of({"about": "points", "least": "1"}), program, at=NOW).count()


def test_counting_gives_the_number_and_some_of_them(program, members):
    counted = counting.count(all_of({"about": "tier", "is": ["gold"]}), program, at=NOW)
    assert (counted.members, {m.name for m in counted.sample}) == (3, {"M2", "M5", "M8"})


def test_counting_gives_up_after_so_long_and_everything_else_goes_on(program, members, monkeypatch):
    monkeypatch.setattr(counting, "LONGEST", "1ms")
    monkeypatch.setattr(counting, "MOST_STEPS", 0)
    monkeypatch.setattr(counting, "THOUSAND", 1)
    slow = any_of(*[told for told in CONDITIONS if told["about"] != "points"][:24])
    assert counting.count(slow, program, at=NOW).members is None
    monkeypatch.undo()
    assert counting.count(all_of({"about": "tier", "is": ["gold"]}), program, at=NOW).members == 3


def test_why_tells_each_condition_of_one_member(program, members):
    definition = all_of({"about": "tier", "is": ["gold"]}, {"about": "purchases", "least": 4})
    segment = Segment(program=program, slug="x", name="X", definition=definition)
    is_in, answers = counting.why(segment, members[2], at=NOW)
    assert is_in is False
    assert [(one.condition, one.holds) for one in answers] == [("tier Gold", True), ("at least 4 purchases", False)]
    for member in members[:11]:
        is_in, answers = counting.why(segment, member, at=NOW)
        assert is_in == (member.name in expected(definition, members)) == all(one.holds for one in answers)


def test_every_condition_reads_as_words(program, members):
    names = names_of(program)
    said = [in_words(all_of(told), currency="IDR", names=names) for told in CONDITIONS]
    assert len(set(said)) == len(CONDITIONS)
    assert said[7] == "a member for 60 to 120 days"
    assert said[15] == "1 to 2 purchases in the last 90 days"
    assert in_words(
        all_of({"about": "bought", "most": 1, "brands": ["a", "b"], "stores": ["kota"]}), currency="IDR", names=names
    ) == ("last bought at most 1 day ago (on a or b at Kota)")
    assert in_words(any_of(CONDITIONS[0], CONDITIONS[3] | {"not": True}), currency="IDR", names=names) == (
        "tier Gold or not: birthday this month"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        None, {}, {"match": "all", "groups": []}, {"match": "some", "groups": []}, all_of(), all_of({"about": "age"}),
        all_of({"about": "tier"}), all_of({"about": "tier", "is": []}), all_of({"about": "tier", "is": "gold"}),
        all_of({"about": "tier", "is": ["diamond"]}), all_of({"about": "purchases", "least": -1}), all_of({"about": "purchases", "least": "2"}),
        all_of({"about": "purchases", "days": 30}), all_of({"about": "purchases", "least": 3, "most": 2}),
        all_of({"about": "purchases", "least": 1, "stores": ["nowhere"]}), all_of({"about": "points", "least": 5}),
        all_of({"about": "bought", "brands": ["java"]}), all_of({"about": "bought", "most": 3, "stores": ["nowhere"]}),
        all_of({"about": "purchases", "least": 1, "brands": []}), all_of({"about": "purchases", "least": 1, "brands": "java"}),
        all_of({"about": "points", "least": "NaN"}), all_of({"about": "points", "least": "0.001"}), all_of({"about": "birthday", "month": "13"}),
        all_of({"about": "score", "least": 3}), all_of({"about": "score", "part": "age", "least": 3}), all_of({"about": "score", "part": "money", "least": 6}),
        all_of({"about": "language", "is": ["fr"]}), all_of({"about": "tier", "is": ["gold"], "not": "yes"}),
        all_of({"about": "tier", "is": ["gold"], "extra": 1}), all_of(*[CONDITIONS[0]] * 25),
    ],
)  # fmt: skip
def test_what_says_nothing_sound_is_refused_with_a_sentence(wrong):
    found = problems(wrong, tiers={"gold"}, stores={"kota"})
    assert found
    assert all(str(sentence).endswith(".") for sentence in found.values())

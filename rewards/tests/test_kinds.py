"""What is asked of every kind of reward."""

import ast
from pathlib import Path

import pytest

from rewards import kinds
from rewards.forms import RewardForm
from rewards.models import RewardKind


def test_every_kind_has_a_class_and_every_class_a_kind():
    assert set(kinds.KINDS) == set(RewardKind.values)


@pytest.mark.parametrize("kind", kinds.KINDS.values(), ids=lambda kind: kind.code)
def test_a_kind_says_what_staff_and_members_do(kind):
    assert str(kind.label) == str(RewardKind(kind.code).label)
    assert str(kind.staff_words).endswith(".")
    assert str(kind.member_words).endswith(".")


@pytest.mark.parametrize("kind", kinds.KINDS, ids=str)
def test_a_kind_has_a_picture_and_a_colour_in_the_portal(kind):
    top = Path(__file__).parents[2]
    assert f'name == "{kind}"' in (top / "templates/members/icon.html").read_text()
    assert f".kind-{kind} " in (top / "static/portal/portal.css").read_text()


def test_the_nouns_know_no_kinds():
    for path in Path(__file__).parents[1].joinpath("models").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and str(node.module).startswith("rewards.kinds")), path


def test_every_field_of_some_kinds_only_stands_in_the_form_and_is_told_with_the_kind():
    fields = kinds.fields_by_kind()
    named = {name for own in fields.values() for name in own}
    assert fields["product"] == ["is_sent"] and fields["download"] == ["private_file"] and fields["discount"] == []
    assert named <= RewardForm.base_fields.keys()

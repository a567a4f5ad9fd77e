"""Keys from the command line."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from loyalty.pos import keys
from loyalty.pos.models import ApiKey, Store

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command("create_api_key", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_makes_a_key_with_the_scopes_named_and_prints_its_secret_once(program):
    Store.objects.create(program=program, code="a", name="A")
    said = json.loads(run("--program", "kopi", "--name", "Till", "--scope", "rewards:read", "--store", "a", "--json"))
    key = keys.recognise(said["secret"], at=timezone.now())
    assert (key.pk, key.scopes, key.store.code, key.created_by) == (
        said["id"],
        ["rewards:read"],
        "a",
        "command:create_api_key",
    )
    assert said["secret"] not in str(list(ApiKey.objects.values()))


def test_without_scopes_the_key_may_do_everything(program):
    secret = run("--program", "kopi", "--name", "Web shop").splitlines()[-1]
    assert keys.recognise(secret, at=timezone.now()).scopes == sorted(keys.SCOPES)


@pytest.mark.parametrize("arguments", [("--program", "nowhere"), ("--program", "kopi", "--store", "nowhere")])
def test_an_unknown_program_or_store_makes_nothing(program, arguments):
    with pytest.raises(CommandError):
        run("--name", "x", *arguments)
    assert not ApiKey.objects.exists()

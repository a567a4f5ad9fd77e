"""The OpenAPI description is true: whatever a caller sends, the answers are those it announces."""

import re
import uuid

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from campaigns.tests.shop import open_shop
from loyalty.api import api
from loyalty.pos.testing import Shop
from members.testing import give_points
from rewards import redemption
from rewards.testing import make_reward

schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
# Rules of the program refuse what is well formed: a sale of next year, a member nobody knows.
NOT_MEANT = [positive_data_acceptance]


@pytest.fixture
def one_connection():
    """Keeps a finished request from closing the connection that holds the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def real_things(program, ani):
    """A program with something behind the sample addresses: a member, points, a reward, a voucher."""
    open_shop(program)
    give_points(ani, 1_000_000, at=timezone.now())
    reward = make_reward(program, cost=1)
    made = redemption.redeem(ani, reward, at=timezone.now(), reference="o-1", source="t", actor="t")
    return {"number": ani.number, "reference": "o-1", "code": made.voucher.code}


def _aim(case, real_things):
    """Point every second well-formed call at something real, so that more than refusals is seen."""
    for name, value in (case.path_parameters or {}).items():
        if name in real_things and len(str(value)) % 2:
            case.path_parameters[name] = real_things[name]
    member = case.body.get("member") if isinstance(case.body, dict) else None
    if isinstance(member, str) and 0 < len(member) <= 20:
        case.body["member"] = real_things["number"]


def _is_wrong_only_unsent(case):
    """Whether a parameter nobody knows has no value that an address could carry: what arrives is a call in order."""
    known = {parameter.name for parameter in case.operation.query}
    return any(name not in known and value in ([], {}, None, [None]) for name, value in (case.query or {}).items())


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.timeout(1800)
@schema.parametrize()
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_answer_is_one_that_the_description_announces(case, program, real_things, one_connection):
    _aim(case, real_things)
    shop = Shop(program)
    headers = {"Authorization": f"Bearer {shop.secret}"}
    if re.fullmatch(r"[!-~]{1,255}", str((case.headers or {}).get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = uuid.uuid4().hex
    never_sent = [negative_data_rejection] if _is_wrong_only_unsent(case) else []
    case.call_and_validate(headers=headers, excluded_checks=NOT_MEANT + never_sent)


# They ask a question too long for an address, and write nothing: no key is needed.
ASKS_BY_POST = {"preview_purchase", "preview_transfer"}


def test_every_door_is_described_with_its_errors():
    described = api.get_openapi_schema()
    assert described["openapi"].startswith("3.1")
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert {"401", "403", "404", "422", "500", "503"} <= {str(status) for status in operation["responses"]}, (
                path
            )
            keys = [p["name"] for p in operation.get("parameters", [])].count("Idempotency-Key")
            assert keys == (1 if method == "post" and operation["operationId"] not in ASKS_BY_POST else 0), (
                path,
                method,
            )


def test_the_description_needs_no_key(client):
    answer = client.get("/api/v1/openapi.json")
    assert (answer.status_code, answer.json()["info"]["title"]) == (200, "Setia")


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "id", "ms"])
def test_the_reference_page_shows_every_door_and_asks_nobody_else(client, language):
    answer = client.get("/api/v1/docs", headers={"Accept-Language": language})
    page = answer.content.decode()
    for path, methods in api.get_openapi_schema()["paths"].items():
        assert path in page
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
    assert "//" not in re.sub(r"https?://www\.w3\.org", "", " ".join(re.findall(r'(?:src|href)="([^"]*)"', page)))
    assert " style=" not in page
    assert "<script" not in page
    assert "default-src 'none'" in answer["Content-Security-Policy"]

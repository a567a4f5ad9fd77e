"""What every API door does: keys and scopes, once-only calls, strict bodies, problems instead of pages."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loyalty.api import api
from loyalty.common import guessing
from loyalty.ledger.models import Entry
from loyalty.pos import idempotency, keys
from loyalty.pos.models import IdempotencyRecord
from loyalty.pos.testing import Shop, code_of
from members import enrolment
from members.models import Member
from members.testing import give_points, make_member, make_program, points_of
from rewards import redemption
from rewards.models import Redemption
from rewards.stocks import OutOfStock
from rewards.testing import make_reward

assert connection
WRITES = {"partner", "members:write", "purchases:write", "events:write", "redemptions:write", "vouchers:use"}
WRITES |= {"holds:write", "transfers:write", "points:confirm", "refunds:write", "adjustments:write"}


@pytest.fixture
def shop(program):
    return Shop(program)


def every_door():
    """(method, path with sample values, scope) of every door of the description."""
    samples = {
        "{number}": "123456789012",
        "{reference}": "r-1",
        "{code}": "0000-0000-0000-0000",
        "{lot}": "1",
        "{entry}": "1",
    }
    found = []
    for bound in api._get_bound_routers():
        for path, view in bound.path_operations.items():
            for operation in view.operations:
                filled = path
                for name, sample in samples.items():
                    filled = filled.replace(name, sample)
                found.append((operation.methods[0], filled, operation.openapi_extra["x-scope"]))
    return found


# --- Keys and scopes ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("method", "path", "scope"), every_door())
def test_every_door_wants_a_key_with_its_scope(program, method, path, scope):
    client = Client()
    send = client.get if method == "GET" else client.post
    assert code_of(send(f"/api/v1{path}")) == "not_authenticated"
    for header in ("Basic x", "Bearer", "Bearer ", "Bearer setia_000000_wrong", "Bearer \u00e9"):
        answer = send(f"/api/v1{path}", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
    lacking = Shop(program, scopes=set(keys.SCOPES) - {scope})
    answer = lacking.get(path) if method == "GET" else lacking.post(path, {})
    assert (answer.status_code, code_of(answer), answer.json()["numbers"]) == (403, "scope_missing", {"scope": scope})


def test_every_scope_opens_a_door_and_every_writing_door_has_a_writing_scope():
    assert {scope for _, _, scope in every_door()} == set(keys.SCOPES)
    assert {scope for method, _, scope in every_door() if method == "POST"} == WRITES


@pytest.mark.django_db
def test_a_session_opens_no_door(program, admin_client):
    assert code_of(admin_client.get("/api/v1/rewards")) == "not_authenticated"


@pytest.mark.django_db
def test_members_rewards_and_vouchers_of_another_program_do_not_exist(program, ani):
    give_points(ani, 500, at=timezone.now())
    reward = make_reward(program)
    made = redemption.redeem(ani, reward, at=timezone.now(), reference="o-1", source="t", actor="t")
    stranger = Shop(make_program("other"))
    body = {"member": ani.number, "source": "s", "receipt": "1", "occurred_at": "2026-01-05T00:00:00Z"}
    event = {"member": ani.number, "source": "s", "key": "1", "kind": "visit", "occurred_at": "2026-01-05T00:00:00Z"}
    answers = [
        stranger.get(f"/members/{ani.number}"),
        stranger.get("/members", email=ani.email),
        stranger.get(f"/members/{ani.number}/entries"),
        stranger.get(f"/members/{ani.number}/rewards"),
        stranger.post(f"/members/{ani.number}/redemptions", {"reward": "latte", "reference": "x"}),
        stranger.post("/purchases", body | {"total": "1.00", "currency": "IDR"}),
        stranger.post("/events", event),
        stranger.get("/redemptions/o-1"),
        stranger.post("/redemptions/o-1/cancel", {}),
        stranger.get(f"/vouchers/{made.voucher.code}"),
        stranger.post(f"/vouchers/{made.voucher.code}/use", {"till": "1", "receipt": "1"}),
    ]
    nobody = [stranger.get("/members/123456789012"), stranger.get("/redemptions/none"), stranger.get("/vouchers/none")]
    assert {answer.status_code for answer in answers} == {404}
    said = {answer.json()["code"]: answer.json()["detail"] for answer in answers}
    assert said == {answer.json()["code"]: answer.json()["detail"] for answer in nobody}
    assert stranger.get("/rewards").json() == {"rewards": []}
    assert points_of(ani, at=timezone.now()) == 400


@pytest.mark.django_db
def test_an_expired_and_a_revoked_key_open_nothing_and_a_rotated_one_overlaps(program, shop):
    now = timezone.now()
    old = shop.secret
    shop.key, shop.secret = keys.rotate(shop.key, at=now, actor="staff:1")
    assert shop.get("/rewards").status_code == 200
    assert keys.recognise(old, at=now + timedelta(hours=23)) == shop.key
    with pytest.raises(keys.KeyInvalid):
        keys.recognise(old, at=now + timedelta(hours=25))
    revoked = keys.revoke(shop.key, at=now, actor="staff:1")
    assert keys.revoke(shop.key, at=now + timedelta(days=1), actor="staff:2").revoked_at == revoked.revoked_at
    assert code_of(shop.get("/rewards")) == "key_expired"
    with pytest.raises(keys.KeyRevoked):
        keys.rotate(shop.key, at=now, actor="staff:1")
    key, secret = keys.create(
        program, name="short", scopes=["rewards:read"], at=now, actor="t", expires_at=now + timedelta(days=1)
    )
    assert keys.recognise(secret, at=now) == key
    with pytest.raises(keys.KeyExpired):
        keys.recognise(secret, at=now + timedelta(days=1))
    with pytest.raises(keys.ScopeUnknown):
        keys.create(program, name="x", scopes=["everything"], at=now, actor="t")


@pytest.mark.django_db
def test_only_a_digest_of_the_secret_is_kept(shop):
    kept = " ".join(str(value) for value in shop.key.__dict__.values())
    assert shop.secret not in kept
    assert shop.secret.removeprefix(shop.key.prefix + "_") not in kept
    assert len(shop.secret.removeprefix(shop.key.prefix + "_")) == 43  # 256 bits in base64


# --- Once only ------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_replay_gets_the_first_status_and_body(shop, program):
    first = shop.post("/members", {"name": "Ani", "email": "a@example.com"}, key="k1")
    Member.objects.update(name="Changed since")
    again = shop.post("/members", '{ "email":"a@example.com",\n "name":"\\u0041ni"}', key="k1")
    assert "Idempotency-Replayed" not in first.headers
    assert again["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert Member.objects.count() == 1


@pytest.mark.django_db
def test_a_refusal_is_replayed_even_when_it_would_be_granted_now(shop, program, ani):
    make_reward(program)
    path, body = f"/members/{ani.number}/redemptions", {"reward": "latte", "reference": "o"}
    first = shop.post(path, body, key="k")
    give_points(ani, 500, at=timezone.now())
    again = shop.post(path, body, key="k")
    assert (first.status_code, again.status_code, again["Idempotency-Replayed"]) == (409, 409, "true")
    assert again["Content-Type"] == "application/problem+json"
    assert shop.post(path, body, key="k2").status_code == 201


@pytest.mark.django_db
def test_a_key_used_for_another_body_or_path_is_refused(shop, ani):
    shop.post("/members", {"name": "A"}, key="k")
    body = shop.post("/members", {"name": "B"}, key="k")
    path = shop.post(f"/members/{ani.number}/redemptions", {"name": "A"}, key="k")
    assert [(answer.status_code, code_of(answer)) for answer in (body, path)] == [(422, "idempotency_key_reused")] * 2
    assert Member.objects.filter(name="B").count() == 0


@pytest.mark.django_db
def test_two_shops_may_choose_the_same_key(program, shop):
    other = Shop(program)
    assert shop.post("/members", {"name": "A"}, key="k").status_code == 201
    assert other.post("/members", {"name": "B"}, key="k").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "\t"])
def test_a_call_without_a_sound_key_is_not_made(shop, key):
    answer = shop.client.post(
        "/api/v1/members", "{}", content_type="application/json", headers=shop._headers() | {"Idempotency-Key": key}
    )
    assert answer.status_code == 400
    assert code_of(answer) in ("idempotency_key_missing", "idempotency_key_malformed")
    assert Member.objects.count() == 0


@pytest.mark.django_db
def test_a_crash_keeps_nothing_and_the_retry_is_carried_out(shop, program, ani, monkeypatch):
    give_points(ani, 500, at=timezone.now())
    make_reward(program)
    path, body = f"/members/{ani.number}/redemptions", {"reward": "latte", "reference": "o"}
    with monkeypatch.context() as broken:
        broken.setattr("rewards.api.redemption_out", lambda *a, **k: 1 / 0)
        crashed = shop.post(path, body, key="k")
    assert (crashed.status_code, code_of(crashed)) == (500, "internal_error")
    assert "ZeroDivision" not in crashed.content.decode()
    assert (Redemption.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)
    assert points_of(ani, at=timezone.now()) == 500
    assert shop.post(path, body, key="k").status_code == 201


@pytest.mark.django_db
def test_what_a_refused_call_had_begun_is_undone_and_its_refusal_is_kept(shop, program, ani, monkeypatch):
    give_points(ani, 500, at=timezone.now())
    make_reward(program)
    path, body = f"/members/{ani.number}/redemptions", {"reward": "latte", "reference": "o"}

    def gone(made, *, at):
        assert Redemption.objects.count() == 1  # points are drawn and the voucher is issued by now
        raise OutOfStock("Nothing is left.")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("rewards.redemption.tell", gone)
        first = shop.post(path, body, key="k")
    again = shop.post(path, body, key="k")
    assert [(code_of(answer), answer.status_code) for answer in (first, again)] == [("out_of_stock", 409)] * 2
    assert (again["Idempotency-Replayed"], again.content) == ("true", first.content)
    assert (Redemption.objects.count(), Entry.objects.filter(amount__lt=0).count()) == (0, 0)
    assert (points_of(ani, at=timezone.now()), IdempotencyRecord.objects.count()) == (500, 1)
    assert shop.post(path, body, key="k2").status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/members/{}/redemptions", {"reward": "latte", "reference": "o"}),
        ("/purchases", {"source": "t", "receipt": "1", "total": "90000.00", "currency": "IDR"}),
    ],
)
def test_a_call_is_one_transaction_without_savepoints(shop, program, ani, path, body):
    give_points(ani, 500, at=timezone.now())
    make_reward(program)
    if path == "/purchases":
        body = body | {"member": ani.number, "occurred_at": timezone.now().isoformat()}
    with CaptureQueriesContext(connection) as ran:
        assert shop.post(path.format(ani.number), body).status_code == 201
    assert sum(query["sql"].startswith("SAVEPOINT") for query in ran) == 1  # the call's own, in the test's transaction


@pytest.mark.django_db
def test_a_busy_database_is_tried_again_and_then_told(shop, monkeypatch):
    tries = []

    def busy(*args, **kwargs):
        tries.append(1)
        raise OperationalError("database is locked")

    monkeypatch.setattr("members.api.enrol", busy)
    answer = shop.post("/members", {"name": "A"}, key="k")
    assert (answer.status_code, code_of(answer), answer["Retry-After"], len(tries)) == (503, "busy", "1", 4)
    assert IdempotencyRecord.objects.count() == 0
    monkeypatch.setattr("members.api.enrol", enrolment.enrol)
    assert shop.post("/members", {"name": "A"}, key="k").status_code == 201


@pytest.mark.django_db
def test_answers_are_kept_for_ninety_days(shop, program):
    shop.post("/members", {"name": "A"}, key="k")
    kept_at = IdempotencyRecord.objects.get().created_at
    assert idempotency.forget_old(program, at=kept_at + timedelta(days=89)).done == 0
    assert idempotency.forget_old(program, at=kept_at + timedelta(days=90), dry_run=True).found == 1
    assert idempotency.forget_old(program, at=kept_at + timedelta(days=90)).done == 1
    shop.post("/members", {"name": "A"}, key="k2")
    IdempotencyRecord.objects.update(created_at=kept_at - timedelta(days=91))
    assert "Idempotency-Replayed" not in shop.post("/members", {"name": "B"}, key="k2").headers


@pytest.mark.postgresql
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="row locks need PostgreSQL")
def test_one_key_from_twenty_threads_is_carried_out_once(program, shop, ani):
    give_points(ani, 5000, at=timezone.now())
    make_reward(program)
    gate, answers = threading.Barrier(20), []

    def call():
        gate.wait()
        answers.append(shop.post(f"/members/{ani.number}/redemptions", {"reward": "latte", "reference": "o"}, key="k"))
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    firsts = [a for a in answers if a.status_code == 201 and "Idempotency-Replayed" not in a.headers]
    replays = [a for a in answers if a.headers.get("Idempotency-Replayed") == "true"]
    waiting = [a for a in answers if a.status_code == 409]
    assert len(firsts) == 1
    assert {a.content for a in replays} <= {firsts[0].content}
    assert {code_of(a) for a in waiting} <= {"in_progress"}
    assert len(firsts) + len(replays) + len(waiting) == 20
    assert Redemption.objects.count() == 1
    assert points_of(ani, at=timezone.now()) == 4900


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs two connections")
def test_a_call_still_running_is_told_so(program, shop, monkeypatch):
    started, finish, answers = threading.Event(), threading.Event(), []

    def slow(*args, **kwargs):
        started.set()
        finish.wait(90)
        return enrolment.enrol(*args, **kwargs)

    monkeypatch.setattr("members.api.enrol", slow)

    def call():
        answers.append(shop.post("/members", {"name": "A"}, key="k"))
        connections.close_all()

    first = threading.Thread(target=call)
    first.start()
    assert started.wait(90)
    meanwhile = shop.post("/members", {"name": "A"}, key="k")
    finish.set()
    first.join()
    assert (meanwhile.status_code, code_of(meanwhile)) == (409, "in_progress")
    assert answers[0].status_code == 201
    assert shop.post("/members", {"name": "A"}, key="k")["Idempotency-Replayed"] == "true"


# --- Strict bodies --------------------------------------------------------------------------------------------------
SALE = {
    "member": "",
    "source": "pos",
    "receipt": "R1",
    "occurred_at": "2026-01-05T10:00:00Z",
    "total": "5.00",
    "currency": "IDR",
}
BAD_FIELDS = [
    ("total", 10, "money_invalid"),
    ("total", "10,00", "money_invalid"),
    ("total", "1e5", "money_invalid"),
    ("total", "-1.00", "money_invalid"),
    ("total", "1.234", "money_invalid"),
    ("total", "9" * 30, "money_invalid"),
    ("total", "NaN", "money_invalid"),
    ("total", None, "money_invalid"),
    ("total", "١٢", "money_invalid"),
    ("items", "3", "int_type"),
    ("items", True, "int_type"),
    ("items", 2**63, "less_than_equal"),
    ("items", -1, "greater_than_equal"),
    ("occurred_at", "2026-01-05T10:00:00", "instant_invalid"),
    ("occurred_at", "2026-02-30T10:00:00Z", "instant_invalid"),
    ("occurred_at", "2026-01-05", "instant_invalid"),
    ("occurred_at", "0001-01-01T00:00:00+14:00", "instant_out_of_range"),
    ("occurred_at", "9999-12-31T23:59:59-14:00", "instant_out_of_range"),
    ("occurred_at", 1767607200, "instant_invalid"),
    ("currency", "idr", "string_pattern_mismatch"),
    ("receipt", "", "string_too_short"),
    ("receipt", "x" * 81, "string_too_long"),
    ("receipt", "a\nb", "not_printable"),
    ("receipt", "a\u0000b", "not_printable"),
    ("receipt", "\u202egnp.exe", "not_printable"),
    ("receipt", "   ", "blank"),
    ("receipt", ["R1"], "string_type"),
    ("lines", {"amount": "1.00"}, "list_type"),
    ("lines", [{"amount": "1.00", "quantity": 1}], "quantity_invalid"),
    ("lines", [{"amount": "5.00"}] * 1001, "too_long"),
    ("points", 5000, "extra_forbidden"),
    ("program", "other", "extra_forbidden"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("field", "value", "code"), BAD_FIELDS)
def test_a_bad_field_is_named_with_a_code_and_a_sentence(shop, ani, field, value, code):
    answer = shop.post("/purchases", SALE | {"member": ani.number} | {field: value})
    assert (answer.status_code, code_of(answer)) == (422, "validation_failed")
    (error,) = answer.json()["errors"]
    assert error["field"].split(".")[0] == field
    assert error["code"] == code
    assert error["message"]
    assert not ani.purchases.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"occurred_at": "2100-01-01T00:00:00Z"}, 422, "purchase_in_future"),
        ({"currency": "USD"}, 422, "wrong_currency"),
        ({"member": "123456789012"}, 404, "member_unknown"),
        ({"member": "'; DROP TABLE--"}, 404, "member_unknown"),
        ({"paid_with_points": "6.00"}, 422, "negative_amount"),
        ({"lines": [{"amount": "1.00"}]}, 422, "lines_do_not_add_up"),
        ({"lines": [{"amount": "5.00", "quantity": "0"}]}, 422, "negative_amount"),
        ({"total": "9999999999999.99"}, 422, "amount_not_exact"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_own_code(shop, ani, change, status, code):
    answer = shop.post("/purchases", SALE | {"member": ani.number} | change)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert not ani.purchases.exists()


BAD_BODIES = [
    (" ", 400, "body_malformed"),
    ("{", 400, "body_malformed"),
    ("null", 422, "validation_failed"),
    ("[]", 422, "validation_failed"),
    ('"x"', 422, "validation_failed"),
    ('{"name": "A", "name": "B"}', 400, "body_malformed"),
    ('{"name": NaN}', 400, "body_malformed"),
    ('{"name": -Infinity}', 400, "body_malformed"),
    ('{"name": 1e999}', 400, "body_malformed"),
    ('{"name": "\\ud800"}', 400, "body_malformed"),
    ('{"name": ' + "9" * 5000 + "}", 400, "body_malformed"),
    ("[" * 100_000, 400, "body_malformed"),
    (b"\xff\xfe{\x00}\x00", 400, "body_malformed"),
    (b'{"name": "\xe9"}', 400, "body_malformed"),
    ('{"name": "' + "x" * 3_000_000 + '"}', 413, "too_large"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_body_that_is_not_plain_json_is_refused(shop, body, status, code):
    answer = shop.post("/members", body)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert Member.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=latin-1"]
)
def test_a_body_of_another_kind_is_refused(shop, kind):
    answer = shop.post("/members", "{}", **{"Content-Type": kind})
    assert (answer.status_code, code_of(answer)) == (415, "wrong_content_type")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"email": "no address"}, "email", "email_malformed"),
        ({"email": "a@example.com\r\nBcc: b@example.com"}, "email", "not_printable"),
        ({"birthday": "2090-01-01"}, "birthday", "birthday_in_future"),
        ({"birthday": "1990-02-30"}, "birthday", "date_invalid"),
        ({"birthday": "1066-10-14"}, "birthday", "date_out_of_range"),
        ({"language": "fr"}, "language", "literal_error"),
        ({"phone": "call me"}, "phone", "string_pattern_mismatch"),
        ({"number": "123456789012"}, "number", "extra_forbidden"),
        ({"tier": "gold"}, "tier", "extra_forbidden"),
    ],
)
def test_a_person_that_cannot_be_is_refused(shop, change, field, code):
    answer = shop.post("/members", {"name": "A"} | change)
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


@pytest.mark.django_db
def test_script_in_a_name_is_only_text(shop):
    name = "<script>alert(1)</script>{{ 7*7 }}"
    assert shop.post("/members", {"name": name}).json()["name"] == name


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "validation_failed"),
        ("limit=x", "validation_failed"),
        ("limit=201", "validation_failed"),
        ("limit=5&limit=6", "query_malformed"),
        ("page=2", "query_malformed"),
        ("cursor=%00", "query_malformed"),
        ("cursor=abc", "cursor_malformed"),
        ("cursor=ZTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MA", "cursor_malformed"),
    ],
)
def test_a_broken_query_is_refused(shop, ani, query, code):
    answer = shop.client.get(f"/api/v1/members/{ani.number}/entries?{query}", headers=shop._headers())
    assert (answer.status_code, code_of(answer)) == (422, code)


# --- Problems instead of pages --------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_everything_that_goes_wrong_under_api_is_a_problem(shop, settings):
    settings.DEBUG = False
    assert code_of(shop.get("/nowhere")) == "not_found"
    assert code_of(shop.client.get("/api/v2/members")) == "not_found"
    assert code_of(shop.client.get("/api/v1/members/%00")) == "not_authenticated"
    assert code_of(shop.get("/members/%00")) == "member_unknown"
    wrong = shop.client.delete("/api/v1/purchases", headers=shop._headers())
    assert (wrong.status_code, code_of(wrong), wrong["Allow"]) == (405, "method_not_allowed", "POST")
    assert code_of(shop.client.get("/api/v1/rewards", HTTP_HOST="evil.example")) == "bad_request"


@pytest.mark.django_db
def test_the_request_id_of_a_problem_is_the_one_in_the_header(shop):
    answer = shop.client.get("/api/v1/nowhere", headers={"X-Request-ID": "till-3-0042"})
    assert answer.json()["request_id"] == answer["X-Request-ID"] == "till-3-0042"


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["id", "ms"])
def test_problems_speak_the_callers_language_and_keep_their_codes(shop, language):
    english = shop.post("/members", {"x": 1}).json()
    other = shop.post("/members", {"x": 1}, **{"Accept-Language": language}).json()
    assert (english["code"], english["errors"][0]["code"]) == (other["code"], other["errors"][0]["code"])


@pytest.mark.django_db
def test_guessing_voucher_codes_is_slowed_down(program, shop):
    for number in range(guessing.MOST_WRONG):
        assert code_of(shop.get(f"/vouchers/{number:016d}")) == "voucher_unknown"
    answer = shop.get("/vouchers/0000-0000-0000-9999")
    assert (answer.status_code, code_of(answer), answer["Retry-After"]) == (429, "too_many_guesses", "600")
    use = shop.post("/vouchers/0000-0000-0000-9999/use", {"till": "1", "receipt": "1"}, key="k")
    assert use.status_code == 429
    assert not IdempotencyRecord.objects.filter(key="k").exists()
    assert Shop(program).get("/vouchers/0000-0000-0000-9999").status_code == 404


@pytest.mark.django_db
def test_a_closed_member_can_be_read_but_redeems_nothing(program, shop):
    ani = make_member(program, "Ani")
    Member.objects.update(status="closed")
    make_reward(program)
    assert shop.get(f"/members/{ani.number}").json()["status"] == "closed"
    refused = shop.post(f"/members/{ani.number}/redemptions", {"reward": "latte", "reference": "o"})
    assert (refused.status_code, code_of(refused)) == (409, "member_closed")


@pytest.mark.django_db
def test_no_voucher_code_and_no_secret_reaches_the_logs(shop, caplog, capsys):
    assert shop.get("/vouchers/ABCD-EFGH-JKMN-PQRS").status_code == 404
    assert shop.client.get("/api/v1/vouchers/ABCD-EFGH-JKMN-PQRS").status_code == 401
    said = caplog.text + "".join(capsys.readouterr())
    assert "ABCD-EFGH" not in said
    assert shop.secret not in said

"""Two server processes over one database, called at the same moment over HTTP: one key gives one effect and one answer, a cut
connection loses and doubles nothing, and what cannot both happen does not."""

import http.client
import json
import socket
import threading
import urllib.request
import uuid
from contextlib import suppress

import pytest

from loyalty.tests.installation import until
from loyalty.tests.ports import free_port

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(1800)]
SHOP = """
from datetime import timedelta
from django.utils import timezone
from campaigns.tests.shop import open_shop
from loyalty.pos import keys
from members.testing import give_points, make_member, make_program
from rewards.testing import make_reward
now = timezone.now()
program = open_shop(make_program(at=now - timedelta(days=60)))
members = [make_member(program, name, at=now - timedelta(days=50)) for name in ("Ani", "Budi")]
give_points(members[1], 100, at=now - timedelta(days=9))
make_reward(program, slug="tote", cost=60)
make_reward(program, slug="all", cost=100)
scopes = ["purchases:write", "refunds:write", "redemptions:write"]
_key, secret = keys.create(program, name="till", scopes=scopes, at=now, actor="t")
answer = {"secret": secret, "ani": members[0].number, "budi": members[1].number, "at": (now - timedelta(days=1)).isoformat()}
"""
POINTS = "SELECT coalesce(sum(amount), 0) FROM ledger_entry e JOIN members_memberaccount a ON a.account_id = e.account_id JOIN members_member m ON m.id = a.member_id WHERE m.number = '{}'"


class Servers:
    """Two web processes of one installation, and how they are called."""

    def __init__(self, house):
        self.house = house
        self.told = house.tell(SHOP)
        self.ports = [free_port(), free_port()]
        for port in self.ports:
            web = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "8", "--log-level", "warning"]
            house.start("-m", "gunicorn", "loyalty.wsgi", *web)
        for port in self.ports:
            until(lambda port=port: answers(port))

    def headers(self, key):
        return {
            "Authorization": f"Bearer {self.told['secret']}", "Idempotency-Key": key, "Content-Type": "application/json",
            "Host": "localhost",
        }  # fmt: skip

    def post(self, at, path, body, key=""):
        """One call to one of the two: status, answer, whether it was given again."""
        line = http.client.HTTPConnection("127.0.0.1", self.ports[at % 2], timeout=120)
        try:
            line.request("POST", f"/api/v1{path}", json.dumps(body), self.headers(key or uuid.uuid4().hex))
            answer = line.getresponse()
            return answer.status, answer.read().decode(), bool(answer.headers["Idempotency-Replayed"])
        finally:
            line.close()

    def race(self, *calls):
        """All calls at one moment, by turns to the one and the other server; their answers."""
        ready, answered = threading.Barrier(len(calls)), [None] * len(calls)

        def one(number, call):
            ready.wait()
            answered[number] = self.post(number, *call)

        threads = [threading.Thread(target=one, args=(number, call)) for number, call in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answered

    def cut(self, at, path, body, key, *, sent=1.0):
        """A call whose connection is cut: after all of it was sent, or in the middle of the body."""
        payload = json.dumps(body).encode()
        head = f"POST /api/v1{path} HTTP/1.1\r\nContent-Length: {len(payload)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.headers(key).items()) + "\r\n"
        with socket.create_connection(("127.0.0.1", self.ports[at % 2]), timeout=60) as line:
            line.sendall(head.encode() + payload[: int(len(payload) * sent)])

    def sale(self, receipt, amount="100.00"):
        sold = {"member": self.told["ani"], "source": "pos", "receipt": receipt, "occurred_at": self.told["at"]}
        return sold | {"total": amount, "currency": "IDR"}

    def points(self, name):
        return int(self.house.ask(POINTS.format(self.told[name]))[0][0])


def answers(port) -> bool:
    with suppress(OSError):
        return urllib.request.urlopen(f"http://localhost:{port}/healthz", timeout=60).status == 200
    return False


@pytest.fixture
def servers(house):
    made = Servers(house)
    yield made
    house.manage("verify_ledger")
    assert "Traceback" not in house.log()


def test_one_key_at_both_servers_at_once_has_one_effect_and_one_answer(servers):
    for turn in range(6):
        key, call = uuid.uuid4().hex, ("/purchases", servers.sale(f"R{turn}"))
        answered = servers.race(*[(*call, key)] * 8)
        in_progress = [one for one in answered if one[0] == 409]
        assert {json.loads(text)["code"] for _status, text, _again in in_progress} <= {"in_progress"}
        given = [one for one in answered if one[0] != 409]
        given += [servers.post(number, *call, key) for number in range(2)]
        assert {(status, text) for status, text, _again in given} == {(201, given[0][1])}
        assert sum(not again for _status, _text, again in given) == 1
        assert servers.points("ani") == 100 * (turn + 1)


def test_a_connection_cut_in_the_middle_of_a_call_leaves_nothing_and_one_cut_after_it_is_answered_when_sent_again(
    servers,
):
    for turn in range(4):
        key, call = uuid.uuid4().hex, ("/purchases", servers.sale(f"R{turn}"))
        servers.cut(turn, *call, key, sent=0.5 if turn % 2 else 1.0)
        if turn % 2:
            assert servers.points("ani") == 100 * turn
        answer = until(lambda call=call, key=key, turn=turn: done(servers.post(turn + 1, *call, key)))
        assert answer[0] == 201
        assert servers.points("ani") == 100 * (turn + 1)
        again = servers.post(turn, *call, key)
        assert (again[:2], again[2]) == (answer[:2], True)


def done(answered):
    """The answer, unless the cut call is still being carried out."""
    return None if answered[0] == 409 else answered


def test_of_goods_given_back_and_points_spent_at_once_both_count_and_the_difference_is_owed(servers):
    outcomes = set()
    for turn in range(6):
        assert servers.post(turn, "/purchases", servers.sale(f"R{turn}"))[0] == 201
        back = {
            "source": "pos",
            "receipt": f"R{turn}",
            "number": "B1",
            "occurred_at": servers.told["at"],
            "amount": "100.00",
        }
        wish = {"reward": "all", "reference": f"wish{turn}"}
        calls = [("/refunds", back), (f"/members/{servers.told['ani']}/redemptions", wish)]
        if turn % 2:
            calls.reverse()
        answered = servers.race(*calls)
        refunded, redeemed = answered if not turn % 2 else answered[::-1]
        assert refunded[0] == 201, refunded
        assert redeemed[0] in (201, 409), redeemed
        outcomes.add(redeemed[0])
        assert servers.points("ani") == (-100 if redeemed[0] == 201 else 0)
        if redeemed[0] == 201:  # what is owed is repaid by the cancellation, so the next turn begins with nothing
            path = f"/redemptions/wish{turn}/cancel"
            assert servers.post(turn, path, {"by": "merchant"})[0] == 200
        else:
            assert json.loads(redeemed[1])["numbers"]["missing"] == 100
        assert servers.points("ani") == 0
    assert outcomes


def test_of_many_redemptions_of_the_last_points_exactly_one_is_granted(servers):
    path = f"/members/{servers.told['budi']}/redemptions"
    answered = servers.race(*[(path, {"reward": "tote", "reference": f"wish{number}"}) for number in range(8)])
    assert sorted(status for status, _text, _again in answered) == [201] + [409] * 7
    refused = [json.loads(text) for status, text, _again in answered if status == 409]
    assert {(one["code"], one["numbers"]["missing"]) for one in refused} == {("insufficient_points", 20)}
    assert servers.points("budi") == 40

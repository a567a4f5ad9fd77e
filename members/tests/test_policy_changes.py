"""When points expire is changed through a preview, exactly as shown or not at all (DOMAIN 8.4, 9.4)."""

from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

from campaigns.tests.shop import buy, open_shop
from loyalty.common.errors import Refusal
from loyalty.desk import roles
from loyalty.jobs.changes import deciding, drafting
from loyalty.jobs.models import ChangeRequest
from loyalty.ledger import policies
from loyalty.ledger.models import ExpiryPolicy, Lot
from loyalty.ledger.policy_change import NoNewTerms, NoTermsBefore, terms_of
from loyalty.tests.desk import staff_client
from members.testing import OPENING
from members.tests.changes import NOW, ask, hired, limited, undo

Status = ChangeRequest.Status
DAY = timedelta(days=1)


@pytest.fixture
def shop(program, proven_books):
    return open_shop(program)


@pytest.fixture
def rina():
    return hired("Rina")


def wanted(program, name="", **more):
    wallet = program.wallets.get(is_main=True)
    terms = terms_of(ExpiryPolicy(wallet=wallet, name=name)) | more
    return {"wallet": wallet.slug, "name": name, "terms": terms}


def said_of(program, policy="", *, by, **more):
    told = {"parameters": wanted(program, policy, **more), "reason": "New year", "at": NOW, "actor": by}
    return drafting.draft(program, "expiry_terms", **told).summary["warnings"]


def in_force(program):
    policy = policies.current(program.wallets.get(is_main=True))
    return policy.kind, policy.count, policy.version


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"kind": "months", "count": 6}, "Would have ended sooner: 2,400 points (Rp240,000)."),
        ({"kind": "years", "count": 2}, "Would have ended later: 2,400 points (Rp240,000)."),
        ({"kind": "never"}, "Would never have ended: 2,400 points (Rp240,000)."),
        ({"kind": "years", "count": 1}, "Would have ended on the same day: 2,400 points (Rp240,000)."),
    ],
)
def test_the_preview_tells_what_the_terms_would_have_meant_for_the_last_year(shop, ani, budi, rina, terms, told):
    buy(ani, "1500", OPENING + DAY)
    buy(budi, "900", OPENING + 2 * DAY)
    said = said_of(shop, by=rina, **terms)
    assert said[0].startswith("Now: Points earned today would last through ")
    assert said[1].startswith("Then: Points earned today would ")
    assert said[2:] == [
        "Granted under it in the last 12 months: 2,400 points (Rp240,000).",
        told,
        "Points that were granted keep the day they were promised.",
    ]
    assert in_force(shop) == ("months", 12, 1)


def test_it_is_applied_as_previewed_to_new_points_only_and_its_undo_puts_the_terms_before_back(shop, ani, rina):
    buy(ani, "300", OPENING + DAY)
    before = Lot.objects.get().expires_at
    first = ask(shop, "expiry_terms", by=rina, **wanted(shop, kind="never"))
    assert (first.status, in_force(shop)) == (Status.DONE, ("never", 0, 2))
    buy(ani, "100", NOW + DAY)
    assert list(Lot.objects.order_by("pk").values_list("expires_at", flat=True)) == [before, None]
    second = ask(shop, "expiry_terms", by=rina, at=NOW + DAY, **wanted(shop, kind="days", count=9))
    with pytest.raises(NoTermsBefore, match="Another version was set since"):
        undo(first, by=rina, at=NOW + DAY)
    assert undo(second, by=rina, at=NOW + DAY).status == Status.DONE
    assert in_force(shop) == ("never", 0, 4)
    assert undo(first, by=rina, at=NOW + DAY).status == Status.DONE
    assert in_force(shop) == ("months", 12, 5)
    with pytest.raises(NoNewTerms):
        ask(shop, "expiry_terms", by=rina, at=NOW + 2 * DAY, **wanted(shop, kind="months", count=12))


def test_another_version_in_between_makes_the_preview_void(shop, ani, rina):
    buy(ani, "300", OPENING + DAY)
    limited(shop, bulk_points=100)
    waiting = ask(shop, "expiry_terms", by=rina, **wanted(shop, kind="never"))
    assert waiting.status == Status.WAITING
    policies.set_expiry(shop.wallets.get(is_main=True), kind="days", count=5, at=NOW, actor="test")
    assert deciding.approve(waiting, at=NOW + DAY, actor=hired("Dewi")).status == Status.STALE
    assert in_force(shop) == ("days", 5, 2)


def test_the_first_version_of_a_name_has_nothing_before_it(shop, ani, rina):
    first = ask(shop, "expiry_terms", by=rina, **wanted(shop, "Gifts", kind="days", count=30))
    assert first.summary["warnings"][2] == "No points were granted under this policy in the last 12 months."
    with pytest.raises(NoTermsBefore, match="the first version"):
        undo(first, by=rina)
    with pytest.raises(Refusal):
        ask(shop, "expiry_terms", by=rina, **(wanted(shop, kind="never") | {"wallet": "gone"}))


def test_the_page_of_policies_leads_to_the_preview_once_there_are_points(shop, ani):
    buy(ani, "300", OPENING + DAY)
    client = staff_client(roles.PROGRAM_MANAGER)
    typed = {"wallet": shop.wallets.get(is_main=True).pk, "kind": "dates", "days": "30/9, 31/3", "at_least": "30"}
    page = client.post(reverse("admin:ledger_expirypolicy_add"), typed, follow=True)
    assert in_force(shop) == ("months", 12, 1)
    form = page.context["form"]
    told = dict(form.told())
    assert told["Policy"].startswith("all points")
    assert "12 months" in told["Now"]
    assert "every year on 31 March, 30 September, at least 30 days away" in told["Then"]
    assert told["Then"] in unescape(page.content.decode())
    values = {name: form[name].value() for name in ("wallet", "name", "terms")}
    shown = client.post(reverse("admin:jobs_change_new", args=["expiry_terms"]), values | {"reason": "New year"}, follow=True)  # fmt: skip
    assert "every year on 31 March, 30 September, at least 30 days away" in shown.content.decode()
    change = ChangeRequest.objects.get()
    assert (change.status, change.parameters["terms"]["days"]) == (Status.DRAFT, "03-31,09-30")
    for wrong, words in (({"terms": "{"}, "Say first on the page"), ({"terms": '{"kind": "days"}'}, "Say how many")):
        answer = client.post(reverse("admin:jobs_change_new", args=["expiry_terms"]), values | {"reason": "x"} | wrong)
        assert words in answer.content.decode()
        assert answer.context["form"].told() == []
    assert ChangeRequest.objects.count() == 1
    assert client.post(reverse("admin:ledger_expirypolicy_add"), typed | {"name": "Gifts"}).status_code == 302
    assert ExpiryPolicy.objects.filter(name="Gifts").count() == 1

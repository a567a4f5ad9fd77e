"""Ways to earn at the doors: the portal, the API, the desk and the letters."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.purchases import SaleLine
from campaigns.tests.shop import buy
from campaigns.ways import built_in, deeds, referral, rewarding, surveys
from campaigns.ways.models import EventKind, Question, Referral, Review, Survey
from campaigns.ways.tests.ways import reward, set_terms
from loyalty.desk import roles
from loyalty.mail.models import Message
from loyalty.mail.rendering import render
from loyalty.pos.models import Store
from loyalty.pos.testing import Shop, code_of
from loyalty.tests.desk import staff_client
from members.models import Event, Member
from members.testing import points_of
from members.tests.portal import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven_books")]


@pytest.fixture
def program(program):
    set_terms(program)
    return reward(program, referral=100, referred=50, visit=5, share=5, review=30, registration=40, survey=20)


def later():
    return timezone.now() + timedelta(days=1)


def words(page) -> str:
    return " ".join(page.content.decode().split())


def code(member) -> str:
    return referral.code_of(member, at=timezone.now(), actor="test").code


def test_the_page_for_friends_shows_the_code_the_link_and_what_both_get(ani):
    page = words(signed_in(ani).get(reverse("portal_friends")))
    assert code(ani) in page
    assert f"/join/{code(ani)}/" in page
    assert "<dd>100 points</dd>" in page
    assert "<dd>50 points</dd>" in page
    assert "Nobody yet" in page


def test_a_friend_joins_by_the_link_and_is_bound(ani):
    reward(ani.program, signup=10)
    address = reverse("portal_join", args=[code(ani)])
    assert "50 points for you to begin with" in words(Client().get(address))
    told = {"name": "Dewi", "email": "dewi@example.com", "birthday": "1990-02-03", "agrees": "on"}
    assert "dewi@example.com" in words(Client().post(address, told))
    friend = Member.objects.get(email="dewi@example.com")
    assert Referral.objects.get().friend == friend
    assert points_of(friend, at=later()) == 10


def test_joining_tells_nobody_whether_an_address_is_known(ani, budi):
    address = reverse("portal_join", args=[code(ani)])
    known = Client().post(address, {"name": "X", "email": budi.email, "agrees": "on"})
    new = Client().post(address, {"name": "X", "email": "new@example.com", "agrees": "on"})
    assert words(known).replace(budi.email, "").count("Welcome") == words(new).count("Welcome")
    assert (known.status_code, new.status_code, Referral.objects.count()) == (200, 200, 1)


def test_joining_needs_the_terms_and_a_date_that_can_be(ani):
    address = reverse("portal_join", args=[code(ani)])
    Client().post(address, {"name": "X", "email": "x@example.com"})
    Client().post(address, {"name": "X", "email": "x@example.com", "birthday": "2999-01-01", "agrees": "on"})
    assert not Referral.objects.exists()
    assert Client().get(reverse("portal_join", args=["NOBODYS"])).status_code == 404


def test_one_address_cannot_enrol_a_crowd(ani):
    address = reverse("portal_join", args=[code(ani)])
    cache.set("setia:joins:127.0.0.1", 20, 3600)
    answer = Client().post(address, {"name": "X", "email": "x@example.com", "agrees": "on"})
    assert (answer.status_code, Referral.objects.count()) == (429, 0)


def test_both_get_a_letter_in_their_language(budi):
    friend = Shop(budi.program).post(
        "/members", {"name": "Dewi", "email": "dewi@example.com", "referral_code": code(budi)}
    )
    assert friend.status_code == 201
    buy(Member.objects.get(name="Dewi"), "20", timezone.now())
    rewarding.reward_due(budi.program, at=timezone.now())
    letters = ["".join(map(str, render(one))) for one in Message.objects.filter(kind="referral").order_by("pk")]
    assert [(one.recipient == budi.number) for one in Message.objects.filter(kind="referral").order_by("pk")] == [
        True,
        False,
    ]
    assert "100 poin" in letters[0]
    assert "Dewi" in letters[0]
    assert "50 points" in letters[1]


def test_the_api_looks_codes_up_enrols_with_them_and_refuses_unknown_ones(program, ani):
    shop = Shop(program)
    told = shop.get(f"/referral-codes/{code(ani).lower()}").json()
    assert told == {"code": code(ani), "first_name": "Ani", "is_open": True, "points": 100, "friend_points": 50}
    assert code_of(shop.get("/referral-codes/NOBODYS")) == "referral_code_unknown"
    refused = shop.post("/members", {"name": "Dewi", "referral_code": "NOBODYS"})
    assert (code_of(refused), Member.objects.filter(name="Dewi").count()) == ("referral_code_unknown", 0)
    made = shop.post("/members", {"name": "Dewi", "source": "shop", "source_key": "1"}).json()
    bound = shop.post(f"/members/{made['number']}/referral", {"code": code(ani)}).json()
    assert (bound["status"], bound["reasons"]) == ("bound", [])
    read = shop.get(f"/members/{ani.number}/friends").json()
    assert (read["code"], read["friends"], read["waiting"], read["rewarded"]) == (code(ani), 1, 1, 0)


def test_the_api_registers_and_reviews_once(program, ani):
    shop = Shop(program)
    piece = {"member": ani.number, "product": "Kettle", "serial": "AB 1234"}
    assert [shop.post("/registrations", piece).status_code for _ in range(2)] == [201, 200]
    buy(ani, "20", timezone.now(), lines=[SaleLine(amount=Decimal(20), product="Kettle")])
    review = {"member": ani.number, "product": "Kettle", "rating": 4}
    assert [shop.post("/reviews", review).json()["status"] for _ in range(2)] == ["waiting"] * 2
    assert code_of(shop.post("/reviews", review | {"product": "Pot"})) == "product_not_bought"
    assert points_of(ani, at=later()) == 40


def test_the_api_holds_events_to_their_kind(program, ani):
    EventKind.objects.create(
        program=program,
        slug="quiz",
        name="Quiz",
        once="day",
        fields=[{"name": "score", "kind": "number", "needed": True}],
    )
    shop, at = Shop(program), timezone.now().isoformat()
    event = {
        "member": ani.number,
        "kind": "quiz",
        "source": "app",
        "key": "1",
        "occurred_at": at,
        "details": {"score": 3},
    }
    assert code_of(shop.post("/events", event | {"details": {}})) == "event_details_refused"
    assert [shop.post("/events", event).status_code for _ in range(2)] == [201, 200]
    assert code_of(shop.post("/events", event | {"key": "2"})) == "event_too_often"


def test_a_survey_is_answered_on_a_phone_and_shows_what_is_missing(program, ani):
    at = timezone.now()
    survey = Survey.objects.create(program=program, slug="spring", name="Spring", since=at, until=later())
    Question.objects.create(survey=survey, position=1, kind="nps", text="How likely?")
    Question.objects.create(survey=survey, position=2, kind="choice", text="Which?", choices="Tea\nCoffee")
    client, address = signed_in(ani), reverse("portal_survey", args=["spring"])
    assert "Spring" in words(client.get(reverse("portal_ways")))
    missing = client.post(address, {"q1": "9"})
    assert missing.status_code == 422
    assert "Please answer this question." in words(missing)
    assert 'value="9" checked' in words(missing)
    client.post(address, {"q1": "9", "q2": "1"})
    assert "we have your answers" in words(client.get(address))
    assert points_of(ani, at=later()) == 20
    assert [one.counts for one in surveys.results(survey)][1] == [("Tea", 0), ("Coffee", 1)]


def test_a_shops_app_reads_surveys_and_answers_them_once(program, ani):
    shop, at = Shop(program), timezone.now()
    survey = built_in.ask_for_recommendation(program, at=at - timedelta(seconds=5))
    Question.objects.create(survey=survey, position=3, kind="choice", text="Which?", choices="Tea\nCoffee")
    (told,) = shop.get(f"/members/{ani.number}/surveys").json()["surveys"]
    assert (told["survey"], told["points"]) == (survey.slug, 20)
    assert [(one["kind"], one["lowest"], one["highest"], one["choices"]) for one in told["questions"]] == [
        ("nps", 0, 10, []), ("text", None, None, []), ("choice", 0, 1, ["Tea", "Coffee"]),
    ]  # fmt: skip
    replies = [{"position": 1, "number": 9}, {"position": 3, "number": 1}, {"position": 2, "text": "Nice"}]
    refused = shop.post(f"/surveys/{survey.slug}/answers", {"member": ani.number, "replies": replies[:1]})
    assert code_of(refused) == "answers_refused"
    assert points_of(ani, at=later()) == 0
    answered = {"member": ani.number, "replies": replies}
    first, second = (shop.post(f"/surveys/{survey.slug}/answers", answered) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert (first.json()["points"], second.json()["is_repeat"]) == (20, True)
    assert points_of(ani, at=later()) == 20
    assert shop.get(f"/members/{ani.number}/surveys").json()["surveys"] == []
    assert code_of(shop.post("/surveys/nothing/answers", answered)) == "survey_unknown"
    assert surveys.program_nps(program, since=at, until=later()).score == 100


def test_the_built_in_survey_is_opened_at_the_desk_once_a_month_in_three_languages(program, ani):
    manager = staff_client(roles.PROGRAM_MANAGER)
    address = reverse("admin:ways_survey_ask_for_recommendation")
    assert [manager.get(address).status_code for _ in range(2)] == [302, 302]
    survey = Survey.objects.get()
    assert [(one.kind, one.is_needed, bool(one.text_id and one.text_ms)) for one in survey.questions.all()] == [
        ("nps", True, True), ("text", False, True),
    ]  # fmt: skip
    assert "Would you recommend us?" in words(signed_in(ani).get(reverse("portal_ways")))
    Question.objects.all().delete()
    Survey.objects.all().delete()
    staff_client(roles.AUDITOR).get(address)
    assert not Survey.objects.exists()


def test_what_the_program_finds_out_itself_nobody_reports(program, ani):
    event = {"member": ani.number, "source": "shop", "key": "1", "occurred_at": timezone.now().isoformat()}
    refused = Shop(program).post("/events", event | {"kind": "birthday"})
    assert code_of(refused) == "event_kind_reserved"
    assert Event.objects.count() == 0


def test_visits_shares_registrations_and_reviews_in_the_portal(program, ani):
    Store.objects.create(program=program, code="kota", name="Kota")
    buy(ani, "20", timezone.now(), lines=[SaleLine(amount=Decimal(20), product="Kettle")])
    client = signed_in(ani)
    for _ in range(2):
        client.post(reverse("portal_visit", args=["kota"]))
        client.post(reverse("portal_shared"), {"channel": "whatsapp"})
        client.post(reverse("portal_registrations"), {"product": "Kettle", "serial": "AB1234"})
        client.post(reverse("portal_reviews"), {"product": "Kettle", "rating": "5", "text": "Boils"})
    assert points_of(ani, at=later()) == 5 + 5 + 40
    assert "waits for approval" in words(client.get(reverse("portal_reviews")))
    assert "AB1234" in words(client.get(reverse("portal_registrations")))


def test_pages_say_so_when_there_is_nothing(ani):
    client = signed_in(ani)
    assert "Nothing to review yet" in words(client.get(reverse("portal_reviews")))
    set_terms(ani.program, referral_is_open=False)
    assert "earns nothing at the moment" in words(client.get(reverse("portal_friends")))


def test_staff_decide_what_is_held_and_see_why(program, ani, budi):
    for member, name in ((ani, "Dewi"), (budi, "Eka")):
        friend = {"name": name, "phone": "+62 811 1000 2000", "referral_code": code(member)}
        Shop(program).post("/members", friend)
    held = Referral.objects.get(status="held")
    desk = staff_client(roles.SUPPORT_AGENT)
    listed = words(desk.get(reverse("admin:ways_referral_changelist"), {"status__exact": "held"}))
    assert "Another friend was brought with this phone number before." in listed
    desk.post(reverse("admin:ways_referral_refuse", args=[held.pk]), {"note": "Same household"})
    held.refresh_from_db()
    assert (held.status, held.note) == ("refused", "Same household")
    page = reverse("admin:ways_referral_change", args=[held.pk])
    assert "Side by side" in words(desk.get(page))
    desk.post(reverse("admin:ways_referral_hold", args=[held.pk]), {"note": "They called us"})
    held.refresh_from_db()
    assert (held.status, held.note, held.decided_at) == ("held", "They called us", None)
    desk.post(reverse("admin:ways_referral_approve", args=[held.pk]))
    buy(held.friend, "20", timezone.now())
    rewarding.reward_due(program, at=timezone.now())
    marketer = staff_client(roles.MARKETING_ASSISTANT)
    revoke = reverse("admin:ways_referral_revoke", args=[held.pk])
    assert marketer.post(revoke, {"note": "x"}).status_code == 403
    assert points_of(budi, at=later()) == 100
    desk.post(revoke, {"note": "One and the same"})
    held.refresh_from_db()
    assert (held.status, held.note, points_of(budi, at=later())) == ("refused", "One and the same", 0)


def test_marketing_may_look_but_not_decide(program, ani):
    buy(ani, "20", timezone.now(), lines=[SaleLine(amount=Decimal(20), product="Kettle")])
    made = deeds.write_review(ani, "Kettle", 5, "", at=timezone.now(), actor="test")
    client = staff_client(roles.MARKETING_ASSISTANT)
    assert client.get(reverse("admin:ways_review_change", args=[made.pk])).status_code == 200
    assert client.post(reverse("admin:ways_review_approve", args=[made.pk])).status_code == 403
    staff_client(roles.PROGRAM_MANAGER).post(reverse("admin:ways_review_approve", args=[made.pk]))
    assert Review.objects.get().status == "approved"


@pytest.mark.parametrize("page", ["wayterms", "referral", "review", "registration", "eventkind", "survey"])
def test_every_list_opens_for_a_manager(program, ani, page):
    desk = staff_client(roles.PROGRAM_MANAGER)
    assert desk.get(reverse(f"admin:ways_{page}_changelist")).status_code == 200


def test_the_list_of_friends_takes_as_many_statements_for_one_as_for_many(program, ani, django_assert_max_num_queries):
    desk = staff_client(roles.PROGRAM_MANAGER)
    for number in range(4):
        Shop(program).post("/members", {"name": f"Friend{number}", "referral_code": code(ani)})
    desk.get(reverse("admin:ways_referral_changelist"))
    with django_assert_max_num_queries(14):
        desk.get(reverse("admin:ways_referral_changelist"))


def test_a_survey_is_built_and_its_results_read_at_the_desk(program, ani):
    desk = staff_client(roles.PROGRAM_MANAGER)
    at = timezone.localtime()
    told = {
        "program": program.pk, "name": "Spring", "slug": "spring", "intro": "", "name_id": "", "intro_id": "", "name_ms": "", "intro_ms": "",
        "since_0": f"{at:%Y-%m-%d}", "since_1": "00:00:00", "until_0": f"{at + timedelta(days=9):%Y-%m-%d}", "until_1": "00:00:00",
        "questions-TOTAL_FORMS": "1", "questions-INITIAL_FORMS": "0", "questions-0-position": "1", "questions-0-kind": "nps",
        "questions-0-text": "How likely?", "questions-0-is_needed": "on",
    }  # fmt: skip
    answer = desk.post(reverse("admin:ways_survey_add"), told)
    assert answer.status_code == 302, words(answer)[-2000:]
    survey = Survey.objects.get()
    surveys.answer(survey, ani, {1: 10}, at=timezone.now(), actor="test")
    page = words(desk.get(reverse("admin:ways_survey_change", args=[survey.pk])))
    assert "95 % interval" in page
    assert "+100" in page


def test_details_of_a_kind_are_written_in_lines(program):
    desk = staff_client(roles.PROGRAM_MANAGER)
    told = {
        "program": program.pk,
        "name": "Quiz",
        "slug": "quiz",
        "most": "1",
        "once": "day",
        "lines": "score* number\nlevel choice: a, b",
    }
    desk.post(reverse("admin:ways_eventkind_add"), told)
    assert EventKind.objects.get().fields == [
        {"name": "score", "kind": "number", "needed": True},
        {"name": "level", "kind": "choice", "needed": False, "choices": ["a", "b"]},
    ]
    answer = desk.post(reverse("admin:ways_eventkind_add"), told | {"slug": "other", "lines": "what is this"})
    assert "This line cannot be read: what is this" in words(answer)


def test_a_store_has_a_sheet_with_its_code_for_the_door(program, ani):
    Store.objects.create(program=program, code="kota", name="Kota")
    desk = staff_client(roles.PROGRAM_MANAGER)
    page = words(desk.get(reverse("admin:ways_store_code", args=["kota"])))
    assert "/visit/kota/" in page
    assert "<svg" in page
    assert desk.get(reverse("admin:ways_store_code", args=["none"])).status_code == 404

"""Consent: rows that are only added, the latest counts, and nobody agreed who did not say so."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from loyalty.desk import roles
from loyalty.pos.testing import Shop, code_of
from loyalty.tests.desk import staff_client
from loyalty.tests.racing import on_postgresql, race
from members import consents
from members.models import Consent, ConsentTerms, Member
from members.segments import compiling
from members.segments.testing import all_of
from members.testing import OPENING, make_program
from members.tests.portal import signed_in, words

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
NEWS = ("email", "marketing")


def say(member, is_given=True, *, at=OPENING, pair=NEWS, **more):
    verb = consents.give if is_given else consents.withdraw
    return verb(member, *pair, at=at, source="portal", actor="test", **more)


def agreeing(program, at=None):
    return set(consents.members_with(program, *NEWS, at=at).values_list("member__name", flat=True))


def test_nobody_has_agreed_who_did_not_say_so(program, ani):
    assert not consents.has(ani, *NEWS)
    assert agreeing(program) == set()
    assert {choice.is_given for choice in consents.choices(ani)} == {False}


def test_the_latest_answer_counts_and_all_of_them_stay(program, ani, budi):
    say(ani)
    say(budi)
    say(ani, False, at=OPENING + HOUR)
    assert (consents.has(ani, *NEWS), consents.has(budi, *NEWS)) == (False, True)
    assert agreeing(program) == {"Budi"}
    assert agreeing(program, at=OPENING) == {"Ani", "Budi"}
    assert Consent.objects.filter(member=ani).count() == 2


def test_a_yes_told_late_does_not_undo_a_later_no(program, ani):
    say(ani, False, at=OPENING + HOUR)
    say(ani, at=OPENING + 2 * HOUR)
    say(ani, False, at=OPENING + 4 * HOUR, happened_at=OPENING + 3 * HOUR)
    say(ani, at=OPENING + 5 * HOUR, happened_at=OPENING + 2 * HOUR + HOUR / 2)
    assert not consents.has(ani, *NEWS)


def test_the_same_answer_again_is_no_new_row_but_another_wording_is(program, ani):
    first = say(ani)
    assert say(ani, at=OPENING + HOUR) == first
    terms = consents.publish_terms(
        program, "We write monthly.", text_id="", text_ms="", at=OPENING + HOUR, actor="test"
    )
    assert consents.has(ani, *NEWS)
    assert say(ani, at=OPENING + 2 * HOUR).terms == terms
    assert [row.terms_id for row in Consent.objects.order_by("pk")] == [None, terms.pk]


@pytest.mark.parametrize("pair", [("pigeon", "marketing"), ("email", "everything")])
def test_an_unknown_channel_or_purpose_is_refused(ani, pair):
    with pytest.raises(consents.ConsentRefused):
        say(ani, pair=pair)
    assert not Consent.objects.exists()


def test_nothing_is_agreed_to_in_the_future_or_by_who_left_but_taking_back_always_goes(ani):
    with pytest.raises(consents.ConsentRefused):
        say(ani, happened_at=OPENING + HOUR)
    say(ani)
    Member.objects.filter(pk=ani.pk).update(status="closed")
    ani.refresh_from_db()
    with pytest.raises(consents.ConsentRefused):
        say(ani, pair=("sms", "marketing"))
    assert not say(ani, False, at=OPENING + HOUR).is_given
    assert Consent.objects.count() == 2


def test_the_database_refuses_to_change_what_was_said(program, ani):
    say(ani)
    consents.publish_terms(program, "We write monthly.", text_id="", text_ms="", at=OPENING, actor="test")
    for rows, change in ((Consent.objects, {"is_given": False}), (ConsentTerms.objects, {"text": "We write daily."})):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.all().delete()
    assert Consent.objects.get().is_given


@pytest.mark.parametrize("case", [pytest.param(0, marks=on_postgresql)])
def test_the_same_yes_from_two_tabs_is_one_row(case, program, ani):
    race(*[lambda: say(ani)] * 4)
    assert Consent.objects.count() == 1


def test_a_member_chooses_in_the_portal_and_sees_the_words(program, ani, budi):
    consents.publish_terms(program, "We write monthly.", text_id="Kami menulis tiap bulan.", text_ms="", at=OPENING, actor="test")  # fmt: skip
    client, page = signed_in(ani), reverse("portal_consents")
    assert "We write monthly." in words(client.get(page))
    client.post(page, {"agreed": ["marketing-email", "surveys-sms"]})
    assert [(row.purpose, row.channel, row.source, row.terms.number) for row in Consent.objects.order_by("pk")] == [
        ("marketing", "email", "portal", 1), ("surveys", "sms", "portal", 1),
    ]  # fmt: skip
    shown = words(client.get(page))
    assert shown.count(" checked>") == 2
    client.post(page, {"agreed": ["surveys-sms"]})
    assert not consents.has(ani, *NEWS) and consents.has(ani, "sms", "surveys")
    client.post(page, {"agreed": ["surveys-sms", "surveys-pigeon"]})
    assert Consent.objects.count() == 3
    assert not Consent.objects.filter(member=budi).exists()


def test_staff_record_what_a_member_said_and_see_it(program, ani):
    desk = staff_client(roles.SUPPORT_AGENT)
    page = reverse("admin:members_member_record_consent", args=[ani.pk])
    assert desk.get(page).status_code == 200
    said = {"answer": "yes", "purpose": "marketing", "channel": "email", "note": "Said on the phone"}
    assert desk.post(page, said).status_code == 302
    row = Consent.objects.get()
    assert (row.source, row.note, row.recorded_by.partition(":")[0]) == ("desk", "Said on the phone", "staff")
    shown = words(desk.get(reverse("admin:members_member_change", args=[ani.pk])))
    assert "News and offers" in shown.replace("news and offers", "News and offers") and "agrees" in shown
    assert desk.get(reverse("admin:members_consent_changelist")).status_code == 200
    assert staff_client(roles.FINANCE).post(page, said).status_code == 403


def test_a_manager_writes_the_words_and_never_changes_a_version(program):
    desk = staff_client(roles.PROGRAM_MANAGER)
    desk.post(reverse("admin:members_consentterms_add"), {"text": "We write monthly.", "text_id": "", "text_ms": ""})
    desk.post(reverse("admin:members_consentterms_add"), {"text": "We write weekly.", "text_id": "", "text_ms": ""})
    assert [(terms.number, terms.text) for terms in ConsentTerms.objects.order_by("number")] == [
        (1, "We write monthly."), (2, "We write weekly."),
    ]  # fmt: skip
    page = reverse("admin:members_consentterms_change", args=[ConsentTerms.objects.get(number=1).pk])
    assert desk.post(page, {"text": "Another"}).status_code == 403


def test_the_api_records_and_tells(program, ani):
    shop, path = Shop(program), f"/members/{ani.number}/consents"
    told = shop.get(path).json()["consents"]
    assert len(told) == 12 and not any(one["given"] for one in told)
    body = {
        "channel": "email",
        "purpose": "marketing",
        "given": True,
        "at": "2026-01-02T10:00:00+07:00",
        "note": "Till",
    }
    answer = shop.post(path, body)
    assert (answer.status_code, answer.json()) == (
        201,
        {"channel": "email", "purpose": "marketing", "given": True, "at": "2026-01-02T03:00:00Z", "source": "api", "terms_version": None},
    )  # fmt: skip
    assert shop.post(path, body | {"given": False, "at": None}).json()["given"] is False
    assert not consents.has(ani, *NEWS)
    assert code_of(shop.post(path, body | {"at": (timezone.now() + 2 * HOUR).isoformat()})) == "consent_refused"
    assert shop.post(path, body | {"channel": "pigeon"}).status_code == 422
    assert code_of(Shop(make_program("teh")).post(path, body)) == "member_unknown"
    assert Consent.objects.count() == 2


def test_a_segment_asks_for_consent(program, ani, budi):
    say(ani)
    asked = {"about": "consent", "purpose": "marketing", "channel": "email"}
    for turned, names in ((False, {"Ani"}), (True, {"Budi"})):
        definition = all_of(asked | ({"not": True} if turned else {}))
        found = compiling.members(definition, program, at=OPENING + HOUR)
        assert set(found.values_list("name", flat=True)) == names
    assert compiling.members(all_of(asked), program, at=OPENING + HOUR, only=budi.pk).count() == 0

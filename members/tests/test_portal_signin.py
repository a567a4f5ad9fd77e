"""Signing in: an emailed code for members, a password and a second factor for staff."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from members.enrolment import enrol
from members.models import Member
from members.signin import SecondFactorAdapter, user_for
from members.testing import OPENING, make_program
from members.tests.portal import signed_in

ASK, CONFIRM, HOME = "/sign-in/", "/accounts/login/code/confirm/", "/"
SWITCH = "/profile/program/"


def ask(client: Client, email: str):
    return client.post(ASK, {"email": email})


def code_in(letter) -> str:
    return re.search(r"\b\d{6}\b", letter.body).group()


def test_a_member_signs_in_with_the_emailed_code(client, ani):
    assert client.get(HOME)["Location"] == "/sign-in/?next=%2F"
    assert ask(client, "ani@example.com")["Location"] == CONFIRM
    assert not EmailAddress.objects.get().verified
    (letter,) = mail.outbox
    assert letter.to == ["ani@example.com"]
    code = code_in(letter)
    assert letter.subject == f"{code} is your code for Kopi Nusantara"
    assert code in letter.alternatives[0].content
    assert client.post(CONFIRM, {"code": code})["Location"] == HOME
    assert "Hello, Ani" in client.get(HOME).content.decode()
    assert EmailAddress.objects.get().verified


def test_the_user_is_made_when_a_code_is_asked_for_and_has_no_password(client, ani):
    assert not get_user_model().objects.exists()
    ask(client, "ANI@Example.com")
    ani.refresh_from_db()
    assert ani.user.email == "ani@example.com"
    assert not ani.user.has_usable_password()
    address = EmailAddress.objects.get()
    assert (address.user, address.email, address.verified, address.primary) == (
        ani.user,
        "ani@example.com",
        False,
        True,
    )
    ask(client, "ani@example.com")
    assert get_user_model().objects.count() == 1


def test_an_address_kept_in_capitals_is_found(ani):
    Member.objects.filter(pk=ani.pk).update(email="ANI@Example.com")
    assert user_for("ani@EXAMPLE.com").member == ani


def test_asking_twice_at_once_makes_one_user(ani, monkeypatch):
    """The second request finds no user yet, and loses the race to make one."""
    first = user_for("ani@example.com")
    stale = Member.objects.get(pk=ani.pk)
    stale.user = None
    monkeypatch.setattr("members.signin._member_with", lambda address: stale)
    assert user_for("ani@example.com") == first
    assert get_user_model().objects.count() == 1


def test_an_unknown_address_gets_the_same_answer_and_no_code(client, ani):
    known, unknown = Client(), Client()
    answers = [(ask(known, "ani@example.com")), (ask(unknown, "nobody@example.com"))]
    assert [(a.status_code, a["Location"]) for a in answers] == [(302, CONFIRM)] * 2
    pages = [c.get(CONFIRM).content.decode() for c in (known, unknown)]
    blank = [re.sub(r'(ani|nobody)@example|name="csrfmiddlewaretoken" value="\w+"', "", page) for page in pages]
    assert blank[0] == blank[1]
    assert not re.search(r"\d{6}", mail.outbox[1].body)
    wrong = [c.post(CONFIRM, {"code": "000000"}).status_code for c in (known, unknown)]
    assert wrong == [200, 200]


def test_a_code_works_in_the_browser_that_asked_for_it_only(client, ani):
    ask(client, "ani@example.com")
    other = Client()
    assert other.post(CONFIRM, {"code": code_in(mail.outbox[0])})["Location"] != HOME
    assert other.get(HOME).status_code == 302


def test_a_code_ends_after_ten_minutes(client, ani):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        ask(client, "ani@example.com")
    with time_machine.travel(now + timedelta(minutes=10, seconds=1), tick=False):
        client.post(CONFIRM, {"code": code_in(mail.outbox[0])})
        assert client.get(HOME).status_code == 302


def test_five_wrong_codes_end_the_attempt(client, ani):
    ask(client, "ani@example.com")
    wrong = "000000" if code_in(mail.outbox[0]) != "000000" else "111111"
    for _try in range(4):
        assert client.post(CONFIRM, {"code": wrong}).status_code == 200
    assert client.post(CONFIRM, {"code": wrong}).status_code == 302
    client.post(CONFIRM, {"code": code_in(mail.outbox[0])})
    assert client.get(HOME).status_code == 302


def test_codes_are_not_sent_without_end(client, ani):
    answers = [ask(client, "ani@example.com").status_code for _try in range(6)]
    assert answers == [302] * 3 + [200] * 3
    assert len(mail.outbox) == 3
    assert "Too many tries" in ask(client, "ani@example.com").content.decode()


def test_another_address_can_be_used_after_a_mistyped_one(client, ani):
    ask(client, "any@example.com")
    assert client.get(ASK)["Location"] == CONFIRM
    assert client.post(reverse("account_logout"), {"next": ASK})["Location"] == ASK
    assert client.get(ASK).status_code == 200


def test_a_closed_member_gets_no_code_and_no_pages(client, ani):
    client.force_login(user_for(ani.email), backend="django.contrib.auth.backends.ModelBackend")
    Member.objects.filter(pk=ani.pk).update(status=Member.Status.CLOSED)
    assert user_for(ani.email) is None
    page = client.get(HOME)
    assert page.status_code == 403
    assert "We find no open membership" in page.content.decode()


def test_a_changed_address_moves_the_door(ani):
    first = user_for("ani@example.com")
    Member.objects.filter(pk=ani.pk).update(email="new@example.com")
    assert user_for("ani@example.com") is None
    assert user_for("new@example.com") == first
    assert EmailAddress.objects.get().email == "new@example.com"


def test_a_members_address_never_opens_a_staff_members_door(ani):
    staff = get_user_model().objects.create_user("boss", "boss@example.com", "long-Password-1", is_staff=True)
    Member.objects.filter(pk=ani.pk).update(user=staff)
    assert user_for("ani@example.com") is None


def test_a_member_who_works_here_keeps_one_user(ani):
    staff = get_user_model().objects.create_user("ani", "Ani@example.com", "long-Password-1", is_staff=True)
    assert user_for("ani@example.com") == staff
    ani.refresh_from_db()
    assert ani.user == staff


def test_the_letter_is_in_the_members_language_unless_the_browser_was_switched(client, budi, settings):
    ask(client, "budi@example.com")
    assert 'lang="id"' in mail.outbox[0].alternatives[0].content
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    ask(client, "budi@example.com")
    assert 'lang="en"' in mail.outbox[1].alternatives[0].content


def test_a_silent_mail_server_is_told_in_words(client, ani, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    page = ask(client, "ani@example.com")
    assert page.status_code == 503
    assert "The letter could not be sent" in page.content.decode()


@pytest.mark.parametrize(
    "typed",
    ["", "ani", "ani@", "a\nb@example.com", "ani@example.com\r\nBcc: x@example.com", "x" * 300 + "@example.com"],
)
def test_what_is_no_address_is_refused_in_words(client, ani, typed):
    page = ask(client, typed)
    assert page.status_code == 200
    assert "errors" in page.content.decode()
    assert mail.outbox == []


@pytest.mark.parametrize("place", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_way_back_never_leaves_the_site(client, ani, place):
    client.post(ASK, {"email": "ani@example.com", "next": place})
    answer = client.post(CONFIRM, {"code": code_in(mail.outbox[0]), "next": place})
    assert "evil" not in answer["Location"]
    assert "javascript" not in answer["Location"]


def test_after_signing_in_the_member_is_where_they_wanted_to_be(client, ani):
    to = client.get("/rewards/?x=1")["Location"]
    assert to == "/sign-in/?next=%2Frewards%2F%3Fx%3D1"
    assert 'name="next" value="/rewards/?x=1"' in client.get(to).content.decode()


def test_staff_sign_in_with_a_password_and_then_the_second_factor(client, program):
    staff = get_user_model().objects.create_user("boss", "boss@example.com", "long-Password-1", is_staff=True)
    TOTP.activate(staff, "JBSWY3DPEHPK3PXP")
    answer = client.post(reverse("account_login"), {"login": "boss@example.com", "password": "long-Password-1"})
    assert answer["Location"] == reverse("mfa_authenticate")
    assert "Your second factor" in client.get(answer["Location"]).content.decode()
    assert client.get(HOME).status_code == 302


def test_the_code_of_a_staff_member_does_not_replace_the_second_factor(client, program):
    staff = get_user_model().objects.create_user("boss", "boss@example.com", "long-Password-1", is_staff=True)
    TOTP.activate(staff, "JBSWY3DPEHPK3PXP")
    ask(client, "boss@example.com")
    assert client.post(CONFIRM, {"code": code_in(mail.outbox[0])})["Location"] == reverse("mfa_authenticate")


def test_a_passkey_does_not_lock_a_member_out_of_the_emailed_code(client, ani):
    user = user_for(ani.email)
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "Phone"})
    ask(client, "ani@example.com")
    assert client.post(CONFIRM, {"code": code_in(mail.outbox[0])})["Location"] == HOME
    assert client.get(HOME).status_code == 200


def test_secrets_of_second_factors_are_unreadable_in_the_database(program):
    staff = get_user_model().objects.create_user("boss", "boss@example.com", "long-Password-1", is_staff=True)
    TOTP.activate(staff, "JBSWY3DPEHPK3PXP")
    stored = Authenticator.objects.get().data["secret"]
    assert "JBSWY3DPEHPK3PXP" not in stored
    assert SecondFactorAdapter().decrypt(stored) == "JBSWY3DPEHPK3PXP"


def test_staff_without_a_membership_are_shown_the_way_to_the_desk(client, program):
    staff = get_user_model().objects.create_user("boss", "boss@example.com", "long-Password-1", is_staff=True)
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(HOME)
    assert page.status_code == 403
    assert reverse("admin:index") in page.content.decode()


@pytest.mark.parametrize("page", ["/accounts/signup/", "/accounts/email/", "/accounts/password/set/"])
def test_pages_that_members_do_not_need_lead_on(client, ani, page):
    assert client.get(page)["Location"] == "/sign-in/"
    client.force_login(user_for(ani.email), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(page)["Location"] == "/profile/"


def test_a_member_cannot_get_a_password_by_resetting_one(client, ani):
    user_for(ani.email)
    client.post(reverse("account_reset_password"), {"email": "ani@example.com"})
    assert all("/password/reset/key/" not in letter.body for letter in mail.outbox)


def test_two_programs_with_one_address_open_the_one_used_before(ani):
    user = user_for("ani@example.com")
    other = make_program("teh")
    Member.objects.create(
        program=other,
        number="100000000009",
        email="ani@example.com",
        enrolled_at=timezone.now(),
        tier=other.tiers.first(),
    )
    assert user_for("ani@example.com") == user


def test_a_member_of_two_programs_switches_between_them_after_a_code(client, ani, siti):
    tea = make_program("teh")
    other = enrol(tea, at=OPENING, actor="test", name="Ani", email="ANI@example.com", language="id", welcome=False)
    ask(client, "ani@example.com")
    client.post(CONFIRM, {"code": code_in(mail.outbox[0])})
    page = client.get(HOME)
    assert page.wsgi_request.member == ani and [one.pk for one in page.context["cards"]] == [other.pk]
    assert client.post(SWITCH, {"member": other.number})["Location"] == HOME
    page = client.get(HOME)
    assert page.wsgi_request.member == other and "Halo, Ani" in page.content.decode()
    assert [one.pk for one in client.get("/profile/").context["cards"]] == [ani.pk]
    assert client.post(SWITCH, {"member": siti.number})["Location"] == "/profile/"  # another person's card
    assert client.get(HOME).wsgi_request.member == other
    Member.objects.filter(pk=other.pk).update(email="new@example.com")  # the address of the card moved on
    assert client.get(HOME).wsgi_request.member == ani
    assert client.post(SWITCH, {"member": other.number})["Location"] == "/profile/"


def test_without_a_code_no_other_card_is_opened(ani):
    other = enrol(make_program("teh"), at=OPENING, actor="test", name="Ani", email="ani@example.com", welcome=False)
    client = signed_in(ani)
    page = client.get(HOME)
    assert page.context["cards"] == []
    assert client.post(SWITCH, {"member": other.number})["Location"] == "/profile/"
    assert client.get(HOME).wsgi_request.member == ani


def test_who_did_not_sign_in_with_a_code_is_told_how_to_see_other_cards_but_not_whether_there_are_any(client, ani):
    said = "If you have more cards under your e-mail address"
    keyed = signed_in(ani)
    assert said not in keyed.get("/profile/").content.decode()  # there is no other program
    make_program("teh")
    page = keyed.get("/profile/").content.decode()
    assert said in page
    assert f'name="next" value="{ASK}"' in page
    assert keyed.post(reverse("account_logout"), {"next": ASK})["Location"] == ASK
    ask(client, "ani@example.com")
    client.post(CONFIRM, {"code": code_in(mail.outbox[0])})
    assert said not in client.get("/profile/").content.decode()

"""Who enters the desk: staff with a proven second factor, superusers too, and nobody who was idle for too long."""

import time

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from loyalty.backoffice import Desk
from loyalty.desk import roles
from loyalty.staff import StaffEmailTaken, UnknownRole, create_staff
from loyalty.tests.desk import PASSWORD, SECRET, enter, hire, staff_client


def test_the_site_is_the_desk_and_not_the_themes_own():
    assert type(admin.site._wrapped if hasattr(admin.site, "_wrapped") else admin.site) is Desk


def test_nobody_signed_in_is_sent_to_the_one_sign_in_page(db):
    first = Client().get("/admin/members/member/")
    assert first.status_code == 302
    assert Client().get(first["Location"])["Location"].startswith(reverse("account_login") + "?next=")


def test_staff_without_a_factor_are_led_to_set_one_up_and_see_nothing_else(db):
    client = enter(hire(roles.SUPPORT_AGENT, factor=False), proven=False)
    page = client.get("/admin/members/member/", follow=True)
    assert page.redirect_chain[-1][0].startswith(reverse("admin:second_factor"))
    assert page.status_code == 200
    assert reverse("mfa_activate_totp") in page.content.decode()
    assert "Members" not in page.content.decode()


def test_a_factor_that_this_session_did_not_show_is_asked_for(db):
    page = enter(hire(roles.SUPPORT_AGENT), proven=False).get("/admin/", follow=True)
    assert reverse("mfa_reauthenticate") in page.content.decode()


def test_a_superuser_needs_the_second_factor_too(db):
    user = get_user_model().objects.create_superuser("root", "root@example.com", PASSWORD)
    assert enter(user, proven=False).get("/admin/").status_code == 302
    assert enter(user).get("/admin/").status_code == 200


def test_another_users_proof_in_the_session_counts_for_nothing(db):
    client = enter(hire(roles.SUPPORT_AGENT))
    session = client.session
    session["account_authentication_methods_user"] = "999999"
    session.save()
    assert client.get("/admin/").status_code == 302


def test_a_member_at_the_desk_reads_why_not_and_is_not_sent_in_circles(db, ani):
    user = get_user_model().objects.create_user("ani", "ani@example.com")
    page = enter(user).get("/admin/", follow=True)
    assert page.status_code == 403
    assert "not one of the staff" in page.content.decode()


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/", "//evil.example", "/admin/login/", "/admin/second-factor/", "javascript:alert(1)"],
)
def test_signing_in_leads_nowhere_else(db, address):
    assert staff_client(roles.AUDITOR).get("/admin/login/", {"next": address})["Location"] == "/admin/"


@pytest.mark.django_db(transaction=True)
def test_setting_up_a_factor_opens_the_desk_in_the_same_session():
    from allauth.mfa.totp.internal import auth

    user = hire(roles.SUPPORT_AGENT, factor=False)
    client = enter(user, proven=False)
    again = client.get(reverse("mfa_activate_totp"))["Location"]  # the password once more: somebody may have walked by
    client.post(again, {"password": PASSWORD})
    assert client.get(reverse("mfa_activate_totp")).status_code == 200
    secret = client.session[auth.SECRET_SESSION_KEY]
    code = auth.format_hotp_value(auth.hotp_value(secret, next(auth.yield_hotp_counters_from_time())))
    answer = client.post(reverse("mfa_activate_totp"), {"code": code})
    assert answer.status_code == 302, answer.content.decode()
    assert client.get("/admin/").status_code == 200


def test_a_code_from_the_app_opens_the_desk_after_the_password(db):
    from allauth.mfa.totp.internal import auth

    hire(roles.SUPPORT_AGENT)
    client = Client()
    first = client.post(
        reverse("account_login") + "?next=/admin/", {"login": "support.agent@example.com", "password": PASSWORD}
    )
    assert first.status_code == 302, first.content.decode()[:2000]
    assert client.get("/admin/").status_code == 302
    code = auth.format_hotp_value(auth.hotp_value(SECRET, next(auth.yield_hotp_counters_from_time())))
    second = client.post(first["Location"], {"code": code})
    assert second.status_code == 302
    assert client.get("/admin/").status_code == 200


def test_the_secret_of_a_second_factor_is_not_stored_in_clear(db):
    hire(roles.SUPPORT_AGENT)
    assert SECRET not in str(Authenticator.objects.get(type="totp").data)


# --- Idle sessions --------------------------------------------------------------------------------------------------
def idle(client: Client, minutes: int) -> None:
    """Let minutes pass since the last request."""
    session = client.session
    session["desk_seen"] = int(time.time()) - minutes * 60
    session.save()


def test_an_idle_staff_session_ends_and_comes_back_to_the_same_page(db):
    client = staff_client(roles.SUPPORT_AGENT)
    assert client.get("/admin/").status_code == 200
    idle(client, settings.SETIA_STAFF_IDLE_MINUTES + 1)
    answer = client.get("/admin/members/member/")
    assert answer["Location"] == reverse("account_login") + "?next=/admin/members/member/"
    assert "_auth_user_id" not in client.session


def test_a_busy_staff_session_goes_on(db):
    client = staff_client(roles.SUPPORT_AGENT)
    client.get("/admin/")
    idle(client, settings.SETIA_STAFF_IDLE_MINUTES - 1)
    assert client.get("/admin/").status_code == 200
    assert time.time() - client.session["desk_seen"] < 60


def test_a_session_that_signed_in_long_ago_and_never_came_is_idle_too(db):
    client = enter(hire(roles.SUPPORT_AGENT), at=time.time() - settings.SETIA_STAFF_IDLE_MINUTES * 60 - 5)
    assert client.get("/admin/")["Location"].startswith(reverse("account_login"))


def test_an_idle_session_posts_nothing(db, ani):
    client = staff_client(roles.PROGRAM_MANAGER)
    client.get("/admin/")
    idle(client, settings.SETIA_STAFF_IDLE_MINUTES + 1)
    answer = client.post(reverse("admin:members_member_change", args=[ani.pk]), {"name": "Eve"})
    assert answer["Location"].startswith(reverse("account_login"))
    ani.refresh_from_db()
    assert ani.name == "Ani"


# --- Roles ----------------------------------------------------------------------------------------------------------
def test_every_role_has_a_group_and_every_right_it_names_exists(db):
    known = {f"{p.content_type.app_label}.{p.codename}" for p in Permission.objects.select_related("content_type")}
    for role, names in roles.rights().items():
        assert names <= known, names - known
        assert Group.objects.get(name=role).permissions.count() == len(names)


def test_what_an_operator_took_from_a_role_stays_taken_after_the_next_migrate(db):
    group = Group.objects.get(name=roles.SUPPORT_AGENT)
    taken = group.permissions.get(codename="change_redemption")
    group.permissions.remove(taken)
    roles.note_known()
    roles.make()
    assert not group.permissions.filter(pk=taken.pk).exists()


def test_a_permission_that_a_migrate_brings_reaches_its_roles(db):
    permission = Permission.objects.get(codename="view_redemption")
    Group.objects.get(name=roles.SUPPORT_AGENT).permissions.remove(permission)
    roles.note_known()
    roles._known["default"].discard(permission.pk)  # as if it did not exist before
    roles.make()
    assert Group.objects.get(name=roles.SUPPORT_AGENT).permissions.filter(pk=permission.pk).exists()


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        (roles.AUDITOR, "admin:admin_logentry_changelist", "admin:members_member_add"),
        (roles.FINANCE, "admin:ledger_entry_export_list", "admin:campaigns_campaign_add"),
        (roles.MARKETING_ASSISTANT, "admin:campaigns_campaign_add", "admin:ledger_entry_changelist"),
        (roles.SUPPORT_AGENT, "admin:members_member_add", "admin:ledger_entry_export_list"),
        (roles.OPS, "admin:jobs_overview", "admin:members_member_changelist"),
        (roles.PROGRAM_MANAGER, "admin:ledger_program_add", "admin:admin_logentry_changelist"),
        (roles.ADMINISTRATOR, "admin:auth_user_add", None),
    ],
)
def test_a_role_may_its_own_work_and_no_more(program, role, allowed, refused):
    client = staff_client(role)
    assert client.get(reverse(allowed)).status_code == 200
    if refused:
        assert client.get(reverse(refused)).status_code in (302, 403)


def test_the_books_and_the_audit_log_can_only_be_read(program):
    client = staff_client(roles.ADMINISTRATOR)
    for model in ("ledger_entry", "ledger_lot", "ledger_account", "admin_logentry", "members_purchase"):
        assert client.get(reverse(f"admin:{model}_add")).status_code == 403


def test_an_administrator_who_is_no_superuser_cannot_become_one(db):
    user = hire(roles.ADMINISTRATOR)
    client = enter(user)
    page = client.get(reverse("admin:auth_user_change", args=[user.pk]))
    form = page.context["adminform"].form
    assert not {"is_superuser", "groups", "user_permissions", "is_staff"} & set(form.fields)


def test_superusers_are_out_of_reach_of_administrators(db):
    root = get_user_model().objects.create_superuser("root", "root@example.com", PASSWORD)
    assert staff_client(roles.ADMINISTRATOR).get(
        reverse("admin:auth_user_password_change", args=[root.pk])
    ).status_code in (302, 404)
    root.refresh_from_db()
    assert root.check_password(PASSWORD)


# --- Making staff ---------------------------------------------------------------------------------------------------
def test_a_member_sign_in_never_becomes_a_staff_account(db):
    get_user_model().objects.create_user("ani", "ani@example.com")
    with pytest.raises(StaffEmailTaken):
        create_staff("ANI@example.com", PASSWORD, roles.AUDITOR)


def test_an_unknown_role_is_refused_by_name(db):
    with pytest.raises(UnknownRole, match="boss"):
        create_staff("x@example.com", PASSWORD, "boss")
    assert not get_user_model().objects.exists()


def test_the_command_makes_an_administrator_and_says_so(db, capsys):
    call_command("create_staff", "first@example.com", "--password", PASSWORD)
    assert "first@example.com can sign in" in capsys.readouterr().out
    with pytest.raises(CommandError, match="too short"):
        call_command("create_staff", "second@example.com", "--password", "abc")


def test_forgetting_a_second_factor_leads_back_to_setting_one_up(db):
    lost = hire(roles.SUPPORT_AGENT)
    boss = staff_client(roles.ADMINISTRATOR)
    page = reverse("admin:auth_user_forget_second_factor", args=[lost.pk])
    assert boss.get(page).status_code == 200
    assert Authenticator.objects.filter(user=lost).exists()
    boss.post(page)
    assert not Authenticator.objects.filter(user=lost).exists()
    assert "Set up the second factor" in enter(lost, proven=False).get("/admin/", follow=True).content.decode()

"""Working at the desk: editing together, deeds through the verbs, lists taken out, and what a page costs."""

import re
from datetime import time, timedelta
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign, Rule
from loyalty.desk import exporting, paging, roles
from loyalty.desk.stamps import FIELD
from loyalty.jobs import nudging
from loyalty.jobs.models import JobRun, JobSchedule
from loyalty.ledger.models import Account, Entry, ExpiryPolicy
from loyalty.mail.models import Message
from loyalty.pos.models import ApiKey
from loyalty.tests.desk import staff_client
from members.enrolment import main_account
from members.models import Member, Purchase, TierStay
from members.testing import give_points, make_member, points_of
from rewards import redemption
from rewards.models import Redemption, Reward


@pytest.fixture
def tote(program):
    """A reward for 50 points, ten in stock."""
    return Reward.objects.create(
        program=program, wallet=program.wallets.get(), slug="tote", name="Tote bag", summary="A bag", cost=50, stock=10
    )


@pytest.fixture
def redeemed(ani, tote):
    """Ani has redeemed the tote bag and has 50 points left."""
    give_points(ani, 100, at=timezone.now() - timedelta(days=1))
    return redemption.redeem(ani, tote, at=timezone.now(), reference="r1", source="test", actor="test")


def form_of(client, address):
    """The values a person would send back unchanged."""
    page = client.get(address)
    form = page.context["adminform"].form
    values = {"_seen": form.seen}
    below = [one.formset for one in page.context["inline_admin_formsets"]]
    forms = [form, *(part for formset in below for part in (formset.management_form, *formset.forms))]
    for bound in (bound for part in forms for bound in part):
        value = bound.value()
        if hasattr(bound.field.widget, "decompress"):
            parts = bound.field.widget.decompress(value)
            values |= {f"{bound.html_name}_{i}": "" if part is None else str(part) for i, part in enumerate(parts)}
        elif value is not None and value is not False:
            values[bound.html_name] = value
    return values


# --- Two people, one row --------------------------------------------------------------------------------------------
def test_the_second_of_two_editors_overwrites_nothing(ani):
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:members_member_change", args=[ani.pk])
    first, second = form_of(client, address), form_of(client, address)
    client.post(address, first | {"phone": "0811"})
    refused = client.post(address, second | {"phone": "0822"})
    assert "Somebody else changed this" in refused.content.decode()
    ani.refresh_from_db()
    assert ani.phone == "0811"


def test_a_form_without_its_stamp_changes_nothing(ani):
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:members_member_change", args=[ani.pk])
    client.post(address, form_of(client, address) | {"phone": "0811", "_seen": ""})
    ani.refresh_from_db()
    assert ani.phone == ""


def test_editing_a_reward_leaves_what_was_redeemed_meanwhile(ani, tote):
    client, address = staff_client(roles.PROGRAM_MANAGER), reverse("admin:rewards_reward_change", args=[tote.pk])
    values = form_of(client, address)
    give_points(ani, 100, at=timezone.now() - timedelta(days=1))
    redemption.redeem(ani, tote, at=timezone.now(), reference="r1", source="test", actor="test")
    saved = client.post(address, values | {"name": "Better bag"})
    assert saved.status_code == 302
    tote.refresh_from_db()
    assert (tote.name, tote.taken) == ("Better bag", 1)


def test_a_reward_with_history_is_kept_and_the_page_says_what_to_do(redeemed, tote):
    client = staff_client(roles.PROGRAM_MANAGER)
    answer = client.post(reverse("admin:rewards_reward_delete", args=[tote.pk]), {"post": "yes"}, follow=True)
    assert "has history and cannot be deleted" in answer.content.decode()
    assert Reward.objects.filter(pk=tote.pk).exists()


def test_a_reward_nobody_redeemed_can_be_deleted(tote):
    staff_client(roles.PROGRAM_MANAGER).post(reverse("admin:rewards_reward_delete", args=[tote.pk]), {"post": "yes"})
    assert not Reward.objects.exists()


# --- Members --------------------------------------------------------------------------------------------------------
def test_adding_a_member_enrols_with_number_account_tier_and_letter(program):
    client = staff_client(roles.SUPPORT_AGENT)
    told = {"program": program.pk, "name": "Dewi", "email": "Dewi@Example.com", "phone": "", "language": "id"}
    assert client.post(reverse("admin:members_member_add"), told).status_code == 302
    dewi = Member.objects.get()
    assert (dewi.email, dewi.tier.slug, dewi.member_accounts.count()) == ("dewi@example.com", "bronze", 1)
    assert TierStay.objects.filter(member=dewi).count() == 1
    assert Message.objects.get().kind == "welcome"
    assert LogEntry.objects.filter(object_id=str(dewi.pk)).exists()


def test_an_address_that_another_member_has_is_refused_in_words(program, ani):
    client = staff_client(roles.SUPPORT_AGENT)
    told = {"program": program.pk, "name": "Eve", "email": "ANI@example.com", "language": "en"}
    page = client.post(reverse("admin:members_member_add"), told)
    assert "Another member already uses this e-mail address" in page.content.decode()
    assert Member.objects.count() == 1


@pytest.mark.parametrize("term", ["Ani", "ani@ex", "{number}", "{shown}"])
def test_members_are_found_by_what_they_say_on_the_phone(ani, budi, term):
    wanted = term.format(number=ani.number[:6], shown=ani.shown_number)
    page = staff_client(roles.SUPPORT_AGENT).get(reverse("admin:members_member_changelist"), {"q": wanted})
    assert [member.pk for member in page.context["cl"].result_list] == [ani.pk]


def test_the_command_search_finds_a_member_and_respects_rights(ani):
    term = {"s": "ani", "extended": "1"}
    assert ani.shown_number in staff_client(roles.SUPPORT_AGENT).get(reverse("admin:search"), term).content.decode()
    cache.clear()
    assert ani.shown_number not in staff_client(roles.OPS).get(reverse("admin:search"), term).content.decode()


def test_the_page_of_a_member_says_balance_and_why(redeemed, ani):
    page = staff_client(roles.SUPPORT_AGENT).get(reverse("admin:members_member_change", args=[ani.pk])).content.decode()
    assert "Tote bag" in page
    assert 'class="desk-value">50<' in page


def test_script_in_a_name_stays_text(program):
    member = make_member(program, "x")
    Member.objects.filter(pk=member.pk).update(name="<script>alert(1)</script>{{ 7|add:1 }}")
    client = staff_client(roles.SUPPORT_AGENT)
    for address in (
        reverse("admin:members_member_changelist"),
        reverse("admin:members_member_change", args=[member.pk]),
    ):
        page = client.get(address).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


# --- Deeds ----------------------------------------------------------------------------------------------------------
def test_looking_at_a_deed_does_nothing(redeemed, ani):
    client = staff_client(roles.SUPPORT_AGENT)
    assert client.get(reverse("admin:rewards_redemption_cancel", args=[redeemed.pk])).status_code == 200
    assert Redemption.objects.get().status == "issued"


def test_cancelling_at_the_desk_gives_the_points_back_and_is_logged(redeemed, ani):
    client = staff_client(roles.SUPPORT_AGENT)
    page = client.post(reverse("admin:rewards_redemption_cancel", args=[redeemed.pk]), follow=True)
    assert "the points are back" in page.content.decode()
    assert points_of(ani, at=timezone.now()) == 100
    assert LogEntry.objects.filter(change_message__contains="cancelled").exists()


def test_using_a_used_voucher_elsewhere_is_refused_and_changes_nothing(redeemed):
    client, address = staff_client(roles.SUPPORT_AGENT), reverse("admin:rewards_redemption_use", args=[redeemed.pk])
    client.post(address, {"till": "desk", "receipt": "R1"})
    page = client.post(address, {"till": "desk", "receipt": "R2"}, follow=True)
    assert "cannot be used again" in page.content.decode()
    assert Redemption.objects.get().voucher.receipt == "R1"


def test_a_role_that_may_only_look_does_no_deed(redeemed):
    client = staff_client(roles.AUDITOR)
    assert client.post(reverse("admin:rewards_redemption_cancel", args=[redeemed.pk])).status_code == 403
    assert Redemption.objects.get().status == "issued"


@pytest.mark.parametrize("typed", ["{code}", "{lower}", " {shown} "])
def test_a_typed_code_tells_what_it_is_and_leads_to_its_redemption(redeemed, typed):
    code = redeemed.voucher.code
    page = staff_client(roles.SUPPORT_AGENT).post(
        reverse("admin:rewards_voucher_check"),
        {"code": typed.format(code=code, lower=code.lower(), shown=redeemed.voucher.shown_code)},
    )
    assert f'href="{reverse("admin:rewards_redemption_change", args=[redeemed.pk])}"' in page.content.decode()
    assert "Tote bag" in page.content.decode()


def test_an_unknown_code_is_told_in_words(program):
    page = staff_client(roles.SUPPORT_AGENT).post(reverse("admin:rewards_voucher_check"), {"code": "nonsense"})
    assert "no voucher with this code" in page.content.decode()


def test_the_secret_of_a_key_is_shown_once_and_not_kept(program):
    client = staff_client(roles.PROGRAM_MANAGER)
    told = {
        "program": program.pk,
        "name": "Web shop",
        "scopes": ["members:read"],
        "expires_at_0": "",
        "expires_at_1": "",
    }
    page = client.post(reverse("admin:pos_apikey_add"), told)
    secret = page.context["secret"]
    key = ApiKey.objects.get()
    assert secret.startswith(key.prefix)
    assert secret in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert secret not in client.get(reverse("admin:pos_apikey_change", args=[key.pk])).content.decode()
    client.post(reverse("admin:pos_apikey_revoke", args=[key.pk]))
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_new_expiry_policy_is_a_new_version_and_the_old_one_stays(program):
    wallet = program.wallets.get()
    client = staff_client(roles.PROGRAM_MANAGER)
    told = {"wallet": wallet.pk, "kind": "years", "count": 2, "last_day": "", "round_to": "year"}
    assert client.post(reverse("admin:ledger_expirypolicy_add"), told).status_code == 302
    versions = ExpiryPolicy.objects.filter(wallet=wallet).order_by("version")
    assert [(v.version, v.kind, v.count) for v in versions] == [(1, "months", 12), (2, "years", 2)]


@pytest.mark.parametrize(
    ("told", "kept", "words"),
    [
        ({"kind": "dates", "days": "30/9, 31/3", "at_least": "30"}, {"days": "03-31,09-30", "at_least": 30}, "Points earned today would last through"),
        ({"kind": "idle_months", "count": 6, "resets": ["earn", "event"]}, {"resets": "earn,event"}, "and longer with every activity before then"),
        ({"kind": "never", "name": "Gifts", "days": "31/3"}, {"name": "Gifts", "days": "", "resets": ""}, "would never expire"),
    ],
)  # fmt: skip
def test_the_form_of_a_policy_says_what_it_would_mean_for_points_earned_today(program, told, kept, words):
    client = staff_client(roles.PROGRAM_MANAGER)
    told = {"wallet": program.wallets.get().pk} | told
    assert words in client.post(reverse("admin:ledger_expirypolicy_in_words"), told).json()["words"]
    assert ExpiryPolicy.objects.count() == 1
    assert client.post(reverse("admin:ledger_expirypolicy_add"), told).status_code == 302
    made = ExpiryPolicy.objects.latest("version")
    assert {name: getattr(made, name) for name in kept} == kept
    assert "Gifts" in client.get(reverse("admin:ledger_expirypolicy_changelist")).content.decode() or not made.name


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"kind": "dates", "days": "31/2"}, "“31/2” is no day of the year"),
        ({"kind": "dates"}, "Say on which days of the year"),
        ({"kind": "season"}, "Say which season."),
        ({"kind": "idle_days", "count": 30}, "Say what counts as activity"),
        ({"kind": "idle_days", "resets": ["earn"]}, "Say how many, at least 1."),
    ],
)
def test_a_policy_that_says_too_little_is_not_made(program, told, problem):
    client = staff_client(roles.PROGRAM_MANAGER)
    told = {"wallet": program.wallets.get().pk} | told
    assert problem in " ".join(client.post(reverse("admin:ledger_expirypolicy_in_words"), told).json()["problems"])
    assert client.post(reverse("admin:ledger_expirypolicy_add"), told).status_code == 200
    assert ExpiryPolicy.objects.count() == 1


# --- Campaigns and rules --------------------------------------------------------------------------------------------
CAMPAIGN = {
    "name": "Double days", "summary": "Twice", "slug": "double", "since_0": "2026-12-01", "since_1": "00:00:00",
    "until_0": "2026-12-05", "until_1": "00:00:00", "factor": "2", "tier_gold": "3", "channels": "web", "minimum": "",
}  # fmt: skip


def test_a_campaign_is_written_in_plain_fields_and_begins_in_the_program_clock(program):
    answer = staff_client(roles.MARKETING_ASSISTANT).post(reverse("admin:campaigns_campaign_add"), CAMPAIGN)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    campaign = Campaign.objects.get()
    assert campaign.since.isoformat() == "2026-11-30T17:00:00+00:00"  # midnight in Jakarta
    assert campaign.status == "draft"
    version = campaign.rules.get().versions.get()
    assert version.definition == {
        "award": {"kind": "multiplier", "factor": "2", "by_tier": {"gold": "3"}},
        "conditions": {"activity": "purchase", "channels": ["web"]},
    }
    assert version.created_by.startswith("staff:")


def test_saving_without_a_change_makes_no_version_and_a_change_makes_one(program):
    client = staff_client(roles.MARKETING_ASSISTANT)
    client.post(reverse("admin:campaigns_campaign_add"), CAMPAIGN)
    campaign = Campaign.objects.get()
    address = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    assert client.post(address, form_of(client, address)).status_code == 302
    assert campaign.rules.get().versions.count() == 1
    assert client.post(address, form_of(client, address) | {"factor": "4"}).status_code == 302
    assert [v.definition["award"]["factor"] for v in campaign.rules.get().versions.order_by("number")] == ["2", "4"]


def test_a_saved_draft_says_that_it_earns_nothing_and_leads_to_its_own_page(program):
    page = staff_client(roles.MARKETING_ASSISTANT).post(reverse("admin:campaigns_campaign_add"), CAMPAIGN, follow=True)
    address = reverse("admin:campaigns_campaign_change", args=[Campaign.objects.get().pk])
    assert page.redirect_chain[-1][0] == address
    assert "earns nothing until you set it live" in page.content.decode()


def test_channels_are_taken_as_the_shops_spell_them_and_unknown_ones_are_questioned(program, ani):
    Purchase.objects.create(
        program=program, member=ani, source="web", receipt="1", channel="Web", occurred_at=timezone.now(), recorded_at=timezone.now(), currency="IDR", total=1, eligible=1, tier=ani.tier, digest="",
    )  # fmt: skip
    client = staff_client(roles.MARKETING_ASSISTANT)
    page = client.post(reverse("admin:campaigns_campaign_add"), CAMPAIGN | {"channels": "WEB, kiosk"}, follow=True)
    assert Rule.objects.get().versions.get().definition["conditions"]["channels"] == ["Web", "kiosk"]
    said = page.content.decode()
    assert "No purchase came from “kiosk” lately." in said
    assert "No purchase came from “Web” lately." not in said


def test_a_campaign_day_without_a_time_begins_at_midnight(program):
    told = CAMPAIGN | {"since_1": "", "until_1": ""}
    staff_client(roles.MARKETING_ASSISTANT).post(reverse("admin:campaigns_campaign_add"), told)
    assert Campaign.objects.get().since.isoformat() == "2026-11-30T17:00:00+00:00"


def test_two_marketers_changing_the_terms_overwrite_nothing(program):
    client = staff_client(roles.MARKETING_ASSISTANT)
    client.post(reverse("admin:campaigns_campaign_add"), CAMPAIGN)
    address = reverse("admin:campaigns_campaign_change", args=[Campaign.objects.get().pk])
    first, second = form_of(client, address), form_of(client, address)
    client.post(address, first | {"factor": "4"})
    assert "Somebody else changed this" in client.post(address, second | {"factor": "5"}).content.decode()


def test_a_campaign_goes_live_and_rests_by_deeds(program):
    client = staff_client(roles.MARKETING_ASSISTANT)
    client.post(reverse("admin:campaigns_campaign_add"), CAMPAIGN)
    campaign = Campaign.objects.get()
    for deed, status in (("go_live", "live"), ("pause", "paused")):
        client.post(reverse(f"admin:campaigns_campaign_{deed}", args=[campaign.pk]))
        campaign.refresh_from_db()
        assert campaign.status == status


def test_a_standing_rule_is_written_in_plain_fields(program):
    client = staff_client(roles.PROGRAM_MANAGER)
    told = {"name": "Base", "slug": "base", "is_active": "on", "kind": "rate", "points": "1", "per": "10000", "activity": "purchase", "qualifying": "on", "channels": "", "minimum": "", "since_0": "", "since_1": ""}  # fmt: skip
    answer = client.post(reverse("admin:campaigns_rule_add"), told)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    definition = Rule.objects.get().versions.get().definition
    assert definition == {
        "award": {"kind": "rate", "points": "1", "per": "10000"},
        "conditions": {"activity": "purchase"},
    }
    refused = client.post(reverse("admin:campaigns_rule_add"), told | {"slug": "b2", "per": ""})
    assert "Say for which amount of money" in refused.content.decode()


# --- Jobs -----------------------------------------------------------------------------------------------------------
def test_a_preview_changes_nothing_and_a_run_does_it_once(program, ani):
    at = timezone.now()
    give_points(ani, 40, at=at - timedelta(days=30), expires_at=at - timedelta(days=1))
    client = staff_client(roles.OPS)
    client.post(reverse("admin:jobs_start"), {"job": "expire_points", "deed": "preview"})
    assert not Entry.objects.filter(kind="expiry").exists()
    page = client.post(reverse("admin:jobs_start"), {"job": "expire_points", "deed": "run"}, follow=True)
    assert Entry.objects.get(kind="expiry").amount == -40
    assert "1 done" in page.content.decode()
    client.post(reverse("admin:jobs_start"), {"job": "expire_points", "deed": "run"})
    assert Entry.objects.filter(kind="expiry").count() == 1


def test_a_run_over_broken_books_is_a_failed_run_and_the_desk_says_so_with_the_next_step(program, ani):
    give_points(ani, 40, at=timezone.now())
    account = main_account(ani)
    Account.objects.filter(pk=account.pk).update(available=47)
    client = staff_client(roles.ADMINISTRATOR)
    page = client.post(reverse("admin:jobs_start"), {"job": "verify_books", "deed": "run"}, follow=True)
    assert not JobRun.objects.latest("pk").is_dry
    assert "What to do now" in page.content.decode()
    assert reverse("admin:ledger_account_change", args=[account.pk]) in page.content.decode()
    assert "Verify the books failed." in client.get(reverse("admin:index")).content.decode()
    client.post(reverse("admin:jobs_start"), {"job": "verify_books", "deed": "preview"})
    assert "the books do not add up" in client.get(reverse("admin:index")).content.decode()


def test_only_operations_start_jobs(program):
    assert (
        staff_client(roles.AUDITOR)
        .post(reverse("admin:jobs_start"), {"job": "expire_points", "deed": "run"})
        .status_code
        == 403
    )
    assert not JobRun.objects.exists()


def test_an_unknown_job_is_refused_in_words(program):
    page = staff_client(roles.OPS).post(reverse("admin:jobs_start"), {"job": "rm -rf", "deed": "run"}, follow=True)
    assert "There is no job" in page.content.decode()


def test_a_large_run_is_left_to_the_worker_and_its_page_looks_again_by_itself(program, ani, monkeypatch):
    at = timezone.now()
    give_points(ani, 40, at=at - timedelta(days=30), expires_at=at - timedelta(days=1))
    monkeypatch.setattr("loyalty.jobs.admin.MOST_AT_ONCE", 0)
    client = staff_client(roles.OPS)
    page = client.post(reverse("admin:jobs_start"), {"job": "expire_points", "deed": "run"}, follow=True)
    assert "It waits for the worker" in page.content.decode() and page["Refresh"] == "5"
    assert not Entry.objects.filter(kind="expiry").exists()
    assert len(list(nudging._asked_for(at))) == 1
    run = JobRun.objects.get(job="expire_points", is_dry=False, business_date=None)
    shown = client.get(reverse("admin:jobs_jobrun_change", args=[run.pk]))
    assert (run.status, run.done, "Refresh" in shown) == ("done", 1, False)


def test_a_failed_run_goes_on_with_a_button_and_only_for_operations(program):
    at = timezone.now()
    terms = {"as_of": at, "started_by": "x", "started_at": at, "seen_at": at, "ended_at": at}
    run = JobRun.objects.create(job="expire_points", program=program, status="failed", error="It broke.", **terms)
    page = reverse("admin:jobs_jobrun_change", args=[run.pk])
    client = staff_client(roles.OPS)
    offered = re.search(r'href="([^"]*resume[^"]*)"', client.get(page).content.decode())[1]
    assert staff_client(roles.AUDITOR).post(offered).status_code == 403
    assert "takes the run up at its next look" in client.post(offered, follow=True).content.decode()
    run.refresh_from_db()
    assert (run.status, run.started_by.split(":")[0]) == ("waiting", "staff")


def test_operators_set_when_a_job_is_due_and_switch_it_off_with_a_reason(program):
    client = staff_client(roles.OPS)
    row = JobSchedule.objects.get(job="remind_expiry")
    page = reverse("admin:jobs_jobschedule_change", args=[row.pk])
    seen = client.get(page).context["adminform"].form.seen
    told = {"due_from": "07:30", "reason": "new templates", FIELD: seen}
    assert client.post(page, told).status_code == 302
    row.refresh_from_db()
    assert (row.is_on, row.due_from, row.reason) == (False, time(7, 30), "new templates")
    listed = client.get(reverse("admin:jobs_jobschedule_changelist")).content.decode()
    assert "switched off" in listed and "new templates" in listed
    assert "switched off" in client.get(reverse("admin:jobs_overview")).content.decode()
    assert staff_client(roles.AUDITOR).post(page, told).status_code == 403
    assert client.post(reverse("admin:jobs_jobschedule_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


# --- Letters --------------------------------------------------------------------------------------------------------
def test_a_letter_is_shown_in_a_frame_that_can_run_nothing_and_sent_again_on_demand(redeemed):
    letter = Message.objects.get()
    client, address = staff_client(roles.SUPPORT_AGENT), reverse("admin:mail_message_change", args=[letter.pk])
    page = client.get(address).content.decode()
    assert 'sandbox=""' in page
    assert "send_again" not in page
    Message.objects.filter(pk=letter.pk).update(status="uncertain", claimed_at=timezone.now())
    assert "send_again" in client.get(address).content.decode()
    client.post(reverse("admin:mail_message_send_again", args=[letter.pk]))
    assert Message.objects.get().status == "queued"


def test_an_uncertain_letter_can_be_left_as_it_is_and_warns_only_those_who_may_decide(redeemed):
    letter = Message.objects.get()
    Message.objects.filter(pk=letter.pk).update(status="uncertain", claimed_at=timezone.now(), sent_at=None)
    home = reverse("admin:index")
    assert "may or may not have arrived" not in staff_client(roles.MARKETING_ASSISTANT).get(home).content.decode()
    client = staff_client(roles.SUPPORT_AGENT)
    assert "may or may not have arrived" in client.get(home).content.decode()
    page = client.get(reverse("admin:mail_message_change", args=[letter.pk])).content.decode()
    assert "nobody knows whether it arrived" in page
    for _twice in range(2):
        client.post(reverse("admin:mail_message_take_as_arrived", args=[letter.pk]))
    letter.refresh_from_db()
    assert (letter.status, letter.sent_at) == ("sent", letter.claimed_at)
    assert "may or may not have arrived" not in client.get(home).content.decode()


# --- Lists ----------------------------------------------------------------------------------------------------------
def test_an_exported_cell_is_never_a_formula():
    assert exporting.safe("=1+1") == "'=1+1"
    assert exporting.safe("@SUM") == "'@SUM"
    assert exporting.safe("+62 811") == "'+62 811"
    assert exporting.safe(-5) == -5
    assert exporting.safe(Decimal("-5.20")) == "-5.20"
    assert exporting.safe("Ani") == "Ani"


def test_finance_takes_the_filtered_list_out_and_the_audit_log_knows(program, ani, budi):
    Member.objects.filter(pk=ani.pk).update(name="=cmd|'/C calc'!A0")
    client = staff_client(roles.FINANCE)
    answer = client.get(reverse("admin:members_member_export_list"), {"q": "=cmd"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert text.splitlines()[0].startswith("Number,Name,E-mail")
    assert len(text.splitlines()) == 2
    assert "'=cmd" in text
    assert LogEntry.objects.filter(change_message__contains="Exported").exists()


def test_support_takes_no_list_out(program, ani):
    assert staff_client(roles.SUPPORT_AGENT).get(reverse("admin:members_member_export_list")).status_code == 403


def test_a_list_counts_no_further_than_its_ceiling(program, ani, budi, siti, monkeypatch):
    monkeypatch.setattr(paging, "CEILING", 2)
    shown = paging.CappedPaginator(Member.objects.order_by("-id"), 1)
    assert (shown.count, shown.is_capped, shown.num_pages) == (2, True, 2)
    page = staff_client(roles.SUPPORT_AGENT).get(reverse("admin:members_member_changelist"))
    assert "The newest 2 are listed" in page.content.decode()


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("members_member_changelist", 14),
        ("members_purchase_changelist", 13),
        ("ledger_entry_changelist", 13),
        ("rewards_redemption_changelist", 14),
    ],
)
def test_a_list_costs_the_same_queries_however_many_rows(program, tote, name, most):
    Reward.objects.update(stock=None)
    client = staff_client(roles.ADMINISTRATOR)

    def cost():
        with CaptureQueriesContext(connection) as caught:
            assert client.get(reverse(f"admin:{name}")).status_code == 200
        return len(caught)

    def live(count):
        for number in range(count):
            member = make_member(program, f"M{number}x{count}")
            give_points(member, 100, at=timezone.now() - timedelta(days=1))
            redemption.redeem(
                member, tote, at=timezone.now(), reference=f"{count}-{number}", source="test", actor="test"
            )

    live(2)
    cost()
    few = cost()
    live(15)
    assert cost() == few
    assert few <= most, few


def test_the_page_of_a_member_costs_the_same_however_much_happened(redeemed, ani, tote):
    client, address = staff_client(roles.SUPPORT_AGENT), reverse("admin:members_member_change", args=[ani.pk])

    def cost():
        with CaptureQueriesContext(connection) as caught:
            client.get(address)
        return len(caught)

    cost()
    few = cost()
    give_points(ani, 1000, at=timezone.now() - timedelta(days=2))
    for number in range(8):
        redemption.redeem(ani, tote, at=timezone.now(), reference=f"more-{number}", source="test", actor="test")
    assert cost() == few
    assert few <= 31, few


def test_the_first_page_costs_the_same_however_many_members(redeemed, program):
    client = staff_client(roles.PROGRAM_MANAGER)

    def cost():
        cache.clear()
        with CaptureQueriesContext(connection) as caught:
            client.get(reverse("admin:index"))
        return len(caught)

    cost()
    few = cost()
    for number in range(15):
        give_points(make_member(program, f"M{number}"), 10, at=timezone.now())
    assert cost() == few
    assert few <= 37, few  # one of them: which dates had their run today

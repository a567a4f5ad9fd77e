"""What stands at the side and at the top of the desk: only what the person may see, in the words of the trade."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import SearchResult

from loyalty.desk import programs

# Who may open so many links or fewer sees them all at once; for others the first groups begin open
# where no group is that of the page.
MOST_AT_ONCE, OPEN_AT_FIRST = 25, 3
# Group title, then (title, icon, URL name, permission).
GROUPS = [
    ("", [(_("Figures"), "monitoring", "campaigns_figures", "loyalty.see_figures")]),
    (
        _("Customers"),
        [
            (_("Members"), "group", "members_member_changelist", "members.view_member"),
            (_("Purchases"), "shopping_bag", "members_purchase_changelist", "members.view_purchase"),
            (_("Refunds"), "assignment_return", "members_refund_changelist", "members.view_refund"),
            (_("Confirmations"), "local_shipping", "members_confirmation_changelist", "members.view_confirmation"),
            (_("Consents"), "fact_check", "members_consent_changelist", "members.view_consent"),
            (_("Segments"), "groups", "segments_segment_changelist", "segments.view_segment"),
            (_("Snapshots"), "photo_camera", "segments_snapshot_changelist", "segments.view_snapshot"),
        ],
    ),
    (
        _("Campaigns and earning"),
        [
            (_("Campaigns"), "campaign", "campaigns_campaign_changelist", "campaigns.view_campaign"),
            (_("Challenges"), "trophy", "campaigns_challenge_changelist", "campaigns.view_challenge"),
            (_("Mailings"), "outgoing_mail", "mailings_mailing_changelist", "mailings.view_mailing"),
            (_("Standing rules"), "rule", "campaigns_rule_changelist", "campaigns.view_rule"),
            (_("Back-tests"), "history", "campaigns_backtest_changelist", "campaigns.view_backtest"),
            (_("Friends brought"), "diversity_3", "ways_referral_changelist", "ways.view_referral"),
            (_("Surveys"), "ballot", "ways_survey_changelist", "ways.view_survey"),
            (_("Reviews"), "reviews", "ways_review_changelist", "ways.view_review"),
            (_("Registrations"), "inventory", "ways_registration_changelist", "ways.view_registration"),
        ],
    ),
    (
        _("Rewards"),
        [
            (_("Rewards"), "redeem", "rewards_reward_changelist", "rewards.view_reward"),
            (_("Dates of experiences"), "event", "rewards_eventsession_changelist", "rewards.view_eventsession"),
            (_("Categories"), "shelves", "rewards_category_changelist", "rewards.view_category"),
            (_("Codes of partners"), "handshake", "rewards_codepool_changelist", "rewards.view_codepool"),
            (_("Prize draws"), "casino", "rewards_draw_changelist", "rewards.view_draw"),
            (
                _("Pools of prizes"),
                "featured_seasonal_and_gifts",
                "rewards_prizepool_changelist",
                "rewards.view_prizepool",
            ),
            (_("Causes"), "volunteer_activism", "rewards_cause_changelist", "rewards.view_cause"),
        ],
    ),
    (
        _("Redeeming"),
        [
            (_("Check a voucher"), "qr_code_scanner", "rewards_voucher_check", "rewards.view_voucher"),
            (_("Pay with points"), "point_of_sale", "rewards_pointspayment_till", "rewards.change_pointspayment"),
            (_("Redemptions"), "confirmation_number", "rewards_redemption_changelist", "rewards.view_redemption"),
            (_("Parcels"), "package_2", "rewards_parcel_changelist", "rewards.view_parcel"),
            (_("Payments with points"), "payments", "rewards_pointspayment_changelist", "rewards.view_pointspayment"),
        ],
    ),
    (
        _("Partners"),
        [
            (_("Partners"), "handshake", "partners_partner_changelist", "partners.view_partner"),
            (_("Postings"), "post_add", "partners_partnerposting_changelist", "partners.view_partnerposting"),
            (_("Settlements"), "request_quote", "partners_settlement_changelist", "partners.view_settlement"),
        ],
    ),
    (
        _("Finance"),
        [
            (_("Figures and month end"), "account_balance", "ledger_finance", "ledger.view_periodclose"),
            (_("Day by day"), "calendar_view_day", "ledger_dayfigures_changelist", "ledger.view_dayfigures"),
            (_("Revenue from points"), "payments", "ledger_revenue", "ledger.view_periodclose"),
            (_("Proof of the books"), "verified", "ledger_proof", "ledger.view_verification"),
        ],
    ),
    (
        _("The books"),
        [
            (_("Ledger entries"), "receipt_long", "ledger_entry_changelist", "ledger.view_entry"),
            (_("Lots"), "inventory_2", "ledger_lot_changelist", "ledger.view_lot"),
            (_("Accounts"), "account_balance_wallet", "ledger_account_changelist", "ledger.view_account"),
            (_("Changes"), "how_to_reg", "jobs_changerequest_changelist", "jobs.view_changerequest"),
        ],
    ),
    (
        _("Letters"),
        [
            (_("Letters"), "mail", "mail_message_changelist", "mail.view_message"),
            (_("Wordings of letters"), "edit_note", "mail_wordings", "mail.add_letterwording"),
            (_("Letters of programs"), "outgoing_mail", "letters_letterterms_changelist", "letters.view_letterterms"),
            (_("Terms of consent"), "gavel", "members_consentterms_changelist", "members.view_consentterms"),
            (_("Notices of expiry"), "notification_important", "notices_notice_changelist", "notices.view_notice"),
            (_("Blocked addresses"), "unsubscribe", "mail_blockedaddress_changelist", "mail.view_blockedaddress"),
        ],
    ),
    (
        _("Operations"),
        [
            (_("Health"), "monitor_heart", "jobs_health", "jobs.view_alert"),
            (_("Jobs"), "schedule", "jobs_overview", "jobs.view_jobrun"),
            (_("Job runs"), "history", "jobs_jobrun_changelist", "jobs.view_jobrun"),
            (_("When jobs run"), "calendar_clock", "jobs_jobschedule_changelist", "jobs.view_jobschedule"),
            (
                _("Nudges"),
                "timer",
                "django_celery_beat_periodictask_changelist",
                "django_celery_beat.view_periodictask",
            ),
        ],
    ),
    (
        _("Program"),
        [
            (_("Programs"), "loyalty", "ledger_program_changelist", "ledger.view_program"),
            (_("Wallets"), "wallet", "ledger_wallet_changelist", "ledger.view_wallet"),
            (_("Expiry policies"), "hourglass_bottom", "ledger_expirypolicy_changelist", "ledger.view_expirypolicy"),
            (_("Seasons"), "event_repeat", "ledger_season_changelist", "ledger.view_season"),
            (_("Exchange rates"), "currency_exchange", "ledger_exchangerate_changelist", "ledger.view_exchangerate"),
            (_("Paying with points"), "price_change", "rewards_pointsterms_changelist", "rewards.view_pointsterms"),
            (
                _("Reminders of vouchers"),
                "notifications",
                "rewards_voucherterms_changelist",
                "rewards.view_voucherterms",
            ),
            (_("Approval limits"), "verified_user", "jobs_approvallimits_changelist", "jobs.view_approvallimits"),
        ],
    ),
    (
        _("Tiers"),
        [
            (_("Tiers"), "military_tech", "members_tier_changelist", "members.view_tier"),
            (_("Tier policies"), "stairs", "members_tierpolicy_changelist", "members.view_tierpolicy"),
            (_("Given tiers"), "workspace_premium", "members_tiergrant_changelist", "members.view_tiergrant"),
        ],
    ),
    (
        _("Ways to earn"),
        [
            (_("Ways to earn"), "savings", "ways_wayterms_changelist", "ways.view_wayterms"),
            (_("Birthday gifts"), "cake", "ways_birthdaygift_changelist", "ways.view_birthdaygift"),
            (_("Budgets of surprises"), "celebration", "ways_surprisebudget_changelist", "ways.view_surprisebudget"),
            (_("Kinds of events"), "category", "ways_eventkind_changelist", "ways.view_eventkind"),
            (_("Scoring"), "leaderboard", "segments_scoringpolicy_changelist", "segments.view_scoringpolicy"),
        ],
    ),
    (
        _("Stores and tills"),
        [
            (_("Stores"), "storefront", "pos_store_changelist", "pos.view_store"),
            (_("Tills"), "point_of_sale", "pos_till_changelist", "pos.view_till"),
            (_("API keys"), "key", "pos_apikey_changelist", "pos.view_apikey"),
        ],
    ),
    (
        _("Staff"),
        [
            (_("Staff and sign-ins"), "badge", "auth_user_changelist", "auth.view_user"),
            (_("Roles"), "shield_person", "auth_group_changelist", "auth.view_group"),
            (_("Audit log"), "policy", "admin_logentry_changelist", "admin.view_logentry"),
        ],
    ),
]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups and links this person may open. Many groups begin folded, but for those most come for and the one of this page."""
    home = {"title": _("Dashboard"), "icon": "space_dashboard", "link": reverse("admin:index")}
    shown: list[dict[str, Any]] = [{"title": "", "name": "", "items": [home]}]
    addresses = [reverse(f"admin:{url}") for _title, links in GROUPS for _name, _icon, url, _needs in links]
    here = max((address for address in addresses if request.path.startswith(address)), key=len, default="")
    for title, links in GROUPS:
        items = [
            {"title": name, "icon": icon, "link": reverse(f"admin:{url}"), "active": reverse(f"admin:{url}") == here}
            for name, icon, url, permission in links
            if request.user.has_perm(permission)
        ]
        if items and not title:
            shown[0]["items"] += items
        elif items:
            shown.append({"title": title, "name": items[0]["link"], "items": items})
    is_short = sum(len(group["items"]) for group in shown) <= MOST_AT_ONCE
    for n, group in enumerate(shown):
        group["is_open"] = (
            is_short or (n < OPEN_AT_FIRST and not here) or any(item.get("active") for item in group["items"])
        )
    return shown


def account_links(request: HttpRequest) -> list[dict[str, Any]]:
    """What one may do about one's own sign-in."""
    return [
        {"title": _("Second factor and passkeys"), "link": reverse("mfa_index")},
        {"title": _("Change password"), "link": reverse("admin:password_change")},
    ]


def subheader(request: HttpRequest) -> str:
    """The program being looked at, under the name of the desk."""
    program = programs.chosen(request) if request.user.is_authenticated else None
    return str(program) if program else ""


def stylesheet(request: HttpRequest) -> str:
    """The desk's own few styles."""
    return static("desk/desk.css")


def script(request: HttpRequest) -> str:
    """What remembers which groups of the side are open."""
    return static("desk/side.js")


def favicon(request: HttpRequest) -> str:
    """The project's own sign."""
    return static("favicon.svg")


def found(request: HttpRequest, term: str) -> list[SearchResult]:
    """What the command search finds among members, rewards and campaigns: a handful of each, by indexed prefixes."""
    results = []
    for model, model_admin in admin.site._registry.items():
        if not getattr(model_admin, "in_command_search", False) or not model_admin.has_view_permission(request):
            continue
        rows, _many = model_admin.get_search_results(request, model_admin.get_queryset(request), term)
        for record in rows[:8]:
            results.append(
                SearchResult(
                    title=str(record),
                    description=str(getattr(record, "shown_number", "") or model._meta.verbose_name),
                    link=model_admin.page_of(record),
                    icon=model_admin.command_icon,
                )
            )
    return results

"""The books on the desk: programs and wallets are settings, everything else is only read."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display

from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.common.money import show_money, show_points
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, Stat, link
from loyalty.ledger import (
    days_desk,
    entries_desk,
    finance_desk,
    limiting,
    policy_desk,
    profiles,
    proof_desk,
    showing,
    statements,
)
from loyalty.ledger.forms import ProfileForm, ProgramForm, WalletForm
from loyalty.ledger.limiting import PERIODS
from loyalty.ledger.models import Account, Lot, Program, Wallet
from loyalty.ledger.showing import (
    account_page,
    holder_page,
    last_day_of,
    lot_page,
    points_of,
    words_of,
)

__all__ = ["days_desk", "entries_desk", "finance_desk", "policy_desk", "proof_desk"]

PASSING_ON = ["transfer_limit", "transfer_daily_limit", "transfer_monthly_limit", "transfer_keep"]


@admin.register(Program)
class ProgramAdmin(DeskAdmin):
    """Programs: their clock, money and rounding."""

    form = ProgramForm
    list_display = ["name", "slug", "time_zone", "currency", "is_active"]
    fieldsets = [
        (_("Names"), {"classes": ["tab"], "fields": ["name", "name_id", "name_ms", "slug", "is_active"]}),
        (_("Clock and money"), {"classes": ["tab"], "fields": ["time_zone", "currency"]}),
        (
            _("Letters"),
            {
                "classes": ["tab"],
                "fields": [("quiet_from", "quiet_until"), ("news_most", "news_days"), "letters_kept_days"],
            },
        ),
        (
            _("Earning"),
            {
                "classes": ["tab"],
                "fields": ["base_rules", "rounding", "rounded_per", "earns_on_tax", "earns_on_delivery", "returns"],
            },
        ),
        (_("Terms"), {"classes": ["tab"], "fields": ["terms"]}),
    ]
    empty_words = _("A program is the scheme itself: its clock, its money, its points. Start with one.")

    def get_readonly_fields(self, request: HttpRequest, obj: Program | None = None) -> list[str]:
        """Clock and currency stay once there are wallets: what was earned under them stands."""
        return ["time_zone", "currency", "slug"] if obj and obj.wallets.exists() else []

    def save_model(self, request: HttpRequest, obj: Program, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)


@admin.register(Wallet)
class WalletAdmin(DeskAdmin):
    """Wallets: the kinds of points and what they are worth."""

    form = WalletForm
    list_display = ["units", "program", "is_main", "shown_worth", "shown_expiry", "activation_days", "notice_days"]
    list_select_related = ["program"]
    actions_detail = ["use_profile"]
    fieldsets = [
        (
            _("Names"),
            {
                "classes": ["tab"],
                "fields": ["program", "slug", "unit", "units", "unit_id", "units_id", "unit_ms", "units_ms"],
            },
        ),
        (_("Worth"), {"classes": ["tab"], "fields": ["money_per_unit", "edit_worth", "decimals", "is_main"]}),
        (
            _("Time"),
            {
                "classes": ["tab"],
                "fields": ["activation_days", "counts_at_purchase", "notice_days", "notice_guarantee"],
            },
        ),
        (_("Most to earn"), {"classes": ["tab"], "fields": [f"earn_{period}" for period in PERIODS]}),
        (_("Returned goods"), {"classes": ["tab"], "fields": ["debt_policy", "debt_limit"]}),
        (_("Passing on"), {"classes": ["tab"], "fields": PASSING_ON}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wallet]:
        return super().get_queryset(request).prefetch_related("expiry_policies")

    def get_readonly_fields(self, request: HttpRequest, obj: Wallet | None = None) -> list[str]:
        """What the amounts in the books mean cannot change under them, nor from when counted credits count.

        What they are worth is edited through a preview (DOMAIN 8.4).
        """
        if obj is None or not obj.accounts.exists():
            return ["edit_worth"]
        counted = ["counts_at_purchase"] if obj.tierpolicy_set.exists() else []
        return ["program", "slug", "decimals", "is_main", "money_per_unit", "edit_worth", *counted]

    @display(description=_("edit"))
    def edit_worth(self, wallet: Wallet) -> str:
        if wallet.pk is None or not wallet.accounts.exists():
            return "–"
        page = f"{reverse('admin:jobs_change_new', args=['worth'])}?program={wallet.program_id}"
        return link(page, _("Change what points are worth, with a preview of the liability"))

    def save_model(self, request: HttpRequest, obj: Wallet, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        limiting.limit(obj, form.cleaned_data["limits"], at=timezone.now())

    @deed(
        title=_("Choose a preset"),
        question=_(
            "A preset fills in the days of notice and the promise of it. As in Quebec, points earned from now on end only after 12 months without any activity, with a notice 30 days before. Everything can be changed afterwards."
        ),
        button=_("Fill in"),
        permission="ledger.change_wallet",
        icon="gavel",
        form=ProfileForm,
    )
    def use_profile(self, request: HttpRequest, record: Wallet, values: dict[str, Any]) -> str:
        profiles.apply_profile(record, values["profile"], at=timezone.now(), actor=actor_of(request))
        return _("The settings are filled in.")

    @display(description=_("money value of one"))
    def shown_worth(self, wallet: Wallet) -> str:
        return show_money(wallet.money_per_unit, wallet.program.currency)

    @display(description=_("points expire"))
    def shown_expiry(self, wallet: Wallet) -> str:
        own = (policy for policy in wallet.expiry_policies.all() if not policy.name)
        current = max(own, key=lambda policy: policy.version, default=None)
        return words_of(current) if current else str(_("never"))

    def page_context(self, request: HttpRequest, record: Wallet) -> dict[str, Any]:
        at = timezone.now()
        outstanding = statements.outstanding(record, at=at)
        worth = (outstanding * record.money_per_unit).scaleb(-record.decimals)
        return {
            "stats": [
                Stat(
                    _("Outstanding"),
                    show_points(outstanding, record.decimals),
                    _("Points members could still spend, now or later."),
                ),
                Stat(
                    _("Liability"),
                    show_money(worth, record.program.currency),
                    _("The money value of the outstanding points."),
                ),
                Stat(
                    _("Preset"), profiles.in_words(record), _("What the settings about notices and expiry agree with.")
                ),
            ],
            "panels": [
                Panel(
                    _("Expiry policies"),
                    policy_desk.POLICY_HEADERS,
                    policy_desk.policy_rows(record),
                    _("No policy: points never expire."),
                    more=reverse("admin:ledger_expirypolicy_add") + f"?wallet={record.pk}",
                    more_words=_("Make a new version"),
                    note=_(
                        "A new version counts for points earned from then on. Points that members have keep their date."
                    ),
                )
            ],
        }


@admin.register(Account)
class AccountAdmin(BookAdmin):
    """Accounts: positions in wallets. Who holds one is a question for the floor above."""

    list_display = ["shown_id", "wallet", "shown_available", "pending", "held", "debt", "opened_at", "holder"]
    list_filter = [("wallet", RelatedDropdownFilter)]
    list_select_related = ["wallet__program"]
    search_fields = ["id"]
    search_help_text = _("Number of the account")
    fields = ["wallet", "opened_at", "last_number"]

    def complete(self, rows: list[Account]) -> None:
        """The figures that are true now, not those that a job has recorded."""
        for record, now in showing.with_balances(rows, at=timezone.now()):
            record.available, record.pending, record.held, record.debt = now.available, now.pending, now.held, now.debt

    def found_by(self, term: str) -> Q:
        term = term.removeprefix("#")
        return Q(pk=int(term)) if term.isdecimal() and len(term) < 19 else Q(pk__in=[])

    @display(description=_("account"))
    def shown_id(self, account: Account) -> str:
        return str(account)

    @display(description=_("available"))
    def shown_available(self, account: Account) -> str:
        return show_points(account.available, account.wallet.decimals)

    @display(description=_("held by"))
    def holder(self, account: Account) -> str:
        return link(holder_page(account.pk), _("Open the member"))

    def page_context(self, request: HttpRequest, record: Account) -> dict[str, Any]:
        return account_page(record, at=timezone.now())


@admin.register(Lot)
class LotAdmin(BookAdmin):
    """Lots: the points of each credit and what became of them."""

    ordering = ["-id"]
    list_display = [
        "shown_id",
        "shown_granted",
        "shown_remaining",
        "redeemed",
        "expired",
        "available_at",
        "last_day",
        "shown_account",
    ]
    list_filter = [("expires_at", RangeDateTimeFilter), "is_pending"]
    list_select_related = ["account__wallet"]
    search_fields = ["account"]
    search_help_text = _("Number of the account")
    fieldsets = [
        (None, {"fields": ["shown_id", "shown_account", "entry", "rule_version", "expiry_policy"]}),
        (_("Time"), {"fields": ["granted_at", "available_at", "last_day", "confirm_by", "is_pending"]}),
        (
            _("Points"),
            {"fields": ["granted", "returned", "redeemed", "expired", "clawed_back", "forfeited", "remaining", "held"]},
        ),
    ]
    readonly_fields = ["shown_id", "shown_account", "last_day"]

    def found_by(self, term: str) -> Q:
        term = term.removeprefix("#")
        return Q(account_id=int(term)) if term.isdecimal() and len(term) < 19 else Q(pk__in=[])

    @display(description=_("lot"))
    def shown_id(self, lot: Lot) -> str:
        return str(lot)

    @display(description=_("granted"))
    def shown_granted(self, lot: Lot) -> str:
        return points_of(lot, lot.granted)

    @display(description=_("remaining"))
    def shown_remaining(self, lot: Lot) -> str:
        return points_of(lot, lot.remaining)

    @display(description=_("last valid day"))
    def last_day(self, lot: Lot) -> str:
        return last_day_of(lot)

    @display(description=_("account"))
    def shown_account(self, lot: Lot) -> str:
        return link(holder_page(lot.account_id), f"#{lot.account_id}")

    def page_context(self, request: HttpRequest, record: Lot) -> dict[str, Any]:
        return lot_page(record)

"""The books on the desk: programs and wallets are settings, everything else is only read."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display

from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import Panel, Stat, badge, link, moment, signed
from loyalty.ledger import policies, statements
from loyalty.ledger.forms import ExpiryPolicyForm, ProgramForm
from loyalty.ledger.models import Account, Entry, ExpiryPolicy, Lot, Program, Wallet
from loyalty.ledger.showing import (
    KIND_TONES,
    account_page,
    entry_page,
    holder_page,
    last_day_of,
    lot_page,
    points_of,
    words_of,
)


@admin.register(Program)
class ProgramAdmin(DeskAdmin):
    """Programs: their clock, money and rounding."""

    form = ProgramForm
    list_display = ["name", "slug", "time_zone", "currency", "is_active"]
    fieldsets = [
        (_("Names"), {"classes": ["tab"], "fields": ["name", "name_id", "name_ms", "slug", "is_active"]}),
        (_("Clock and money"), {"classes": ["tab"], "fields": ["time_zone", "currency"]}),
        (_("Earning"), {"classes": ["tab"], "fields": ["base_rules", "rounding", "earns_on_tax", "earns_on_delivery"]}),
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

    list_display = ["units", "program", "is_main", "shown_worth", "shown_expiry", "activation_days", "notice_days"]
    list_select_related = ["program"]
    fieldsets = [
        (
            _("Names"),
            {
                "classes": ["tab"],
                "fields": ["program", "slug", "unit", "units", "unit_id", "units_id", "unit_ms", "units_ms"],
            },
        ),
        (_("Worth"), {"classes": ["tab"], "fields": ["money_per_unit", "decimals", "is_main"]}),
        (_("Time"), {"classes": ["tab"], "fields": ["activation_days", "notice_days"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wallet]:
        return super().get_queryset(request).prefetch_related("expiry_policies")

    def get_readonly_fields(self, request: HttpRequest, obj: Wallet | None = None) -> list[str]:
        """What the amounts in the books mean cannot change under them."""
        return ["program", "slug", "decimals", "is_main"] if obj and obj.accounts.exists() else []

    @display(description=_("money value of one"))
    def shown_worth(self, wallet: Wallet) -> str:
        return show_money(wallet.money_per_unit, wallet.program.currency)

    @display(description=_("points expire"))
    def shown_expiry(self, wallet: Wallet) -> str:
        current = max(wallet.expiry_policies.all(), key=lambda policy: policy.version, default=None)
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
            ],
            "panels": [
                Panel(
                    _("Expiry policies"),
                    [_("Version"), _("Points expire"), _("Since"), _("By")],
                    [
                        (p.version, words_of(p), moment(p.created_at), p.created_by)
                        for p in record.expiry_policies.all()
                    ],
                    _("No policy: points never expire."),
                    more=reverse("admin:ledger_expirypolicy_add") + f"?wallet={record.pk}",
                    more_words=_("Make a new version"),
                    note=_(
                        "A new version counts for points earned from then on. Points that members have keep their date."
                    ),
                )
            ],
        }


@admin.register(ExpiryPolicy)
class ExpiryPolicyAdmin(DeskAdmin):
    """Expiry policies are never edited: a new version is added."""

    form = ExpiryPolicyForm
    list_display = ["wallet", "version", "shown", "created_at", "created_by"]
    list_select_related = ["wallet__program"]
    fields = ["wallet", "kind", "count", "last_day", "round_to"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=_("points expire"))
    def shown(self, policy: ExpiryPolicy) -> str:
        return words_of(policy)

    def save_model(self, request: HttpRequest, obj: ExpiryPolicy, form: Any, change: bool) -> None:
        """A new version, made by the verb."""
        made = policies.set_expiry(
            obj.wallet, kind=obj.kind, count=obj.count, last_valid_day=obj.last_day, round_to=obj.round_to, at=timezone.now(), actor=actor_of(request),
        )  # fmt: skip
        obj.pk, obj.version = made.pk, made.version


@admin.register(Account)
class AccountAdmin(BookAdmin):
    """Accounts: positions in wallets. Who holds one is a question for the floor above."""

    list_display = ["shown_id", "wallet", "shown_available", "pending", "held", "debt", "opened_at", "holder"]
    list_filter = [("wallet", RelatedDropdownFilter)]
    list_select_related = ["wallet__program"]
    search_fields = ["id"]
    search_help_text = _("Number of the account")
    fields = ["wallet", "opened_at", "available", "pending", "held", "debt", "last_number"]

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


@admin.register(Entry)
class EntryAdmin(BookAdmin):
    """Ledger entries: every line there ever was."""

    list_display = ["recorded_at", "shown_kind", "shown_amount", "effective_at", "reference", "actor", "shown_account"]
    list_display_links = ["recorded_at"]
    list_filter = [
        ("kind", ChoicesDropdownFilter),
        ("recorded_at", RangeDateTimeFilter),
        ("account__wallet", RelatedDropdownFilter),
    ]
    list_select_related = ["account__wallet"]
    search_fields = ["reference"]
    search_help_text = _("Exact reference, e.g. purchase:web:R-1001, or # and the number of an account")
    export_columns = (
        (_("Entry"), lambda e: e.pk), (_("Account"), lambda e: e.account_id), (_("Number"), lambda e: e.number),
        (_("Kind"), lambda e: e.kind), (_("Amount"), lambda e: e.amount), (_("True from"), lambda e: e.effective_at),
        (_("Recorded at"), lambda e: e.recorded_at), (_("Source"), lambda e: e.source), (_("Reference"), lambda e: e.reference),
        (_("Actor"), lambda e: e.actor), (_("Reason"), lambda e: e.reason),
    )  # fmt: skip
    actions_list = ["export_list"]
    fieldsets = [
        (None, {"fields": ["shown_kind", "shown_amount", "effective_at", "recorded_at"]}),
        (_("Where it came from"), {"fields": ["shown_account", "source", "reference", "actor", "reason", "corrects"]}),
    ]
    readonly_fields = ["shown_kind", "shown_amount", "shown_account"]

    def found_by(self, term: str) -> Q:
        number = term.removeprefix("#")
        if term.startswith("#") and number.isdecimal() and len(number) < 19:
            return Q(account_id=int(number))
        return Q(reference=term)

    @display(description=_("kind"))
    def shown_kind(self, entry: Entry) -> str:
        return badge(entry.get_kind_display(), KIND_TONES.get(entry.kind, ""))

    @display(description=_("points"))
    def shown_amount(self, entry: Entry) -> str:
        return signed(entry.amount, points_of(entry, entry.amount))

    @display(description=_("account"))
    def shown_account(self, entry: Entry) -> str:
        return link(holder_page(entry.account_id), f"#{entry.account_id}")

    def page_context(self, request: HttpRequest, record: Entry) -> dict[str, Any]:
        return entry_page(record)


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

"""The books on the desk: programs and wallets are settings, everything else is only read."""

from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display

from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of, explain, why
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import Panel, Stat, badge, day, link, moment, signed
from loyalty.ledger import policies, statements
from loyalty.ledger.forms import ExpiryPolicyForm, ProgramForm
from loyalty.ledger.models import Account, Allocation, Entry, ExpiryPolicy, Lot, Program, Wallet

KIND_TONES = {
    "accrual": "good",
    "reversal": "good",
    "reinstatement": "good",
    "redemption": "info",
    "expiry": "warn",
    "claw_back": "bad",
}
LIST_LIMIT = 100


def holder_page(account_id: int) -> str:
    """The address that leads to whoever holds this account; the floor above answers it."""
    return reverse("admin:members_member_holder", args=[account_id])


def points_of(record: Any, amount: int) -> str:
    """An amount of the record's account in the reader's numbers."""
    return show_points(amount, record.account.wallet.decimals)


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
        (_("Returned goods"), {"classes": ["tab"], "fields": ["debt_policy", "debt_limit"]}),
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


def words_of(policy: ExpiryPolicy) -> str:
    """An expiry policy in a few words."""
    count = {"count": policy.count}
    said = {
        "never": _("never"),
        "days": _("%(count)s days after activation") % count,
        "months": _("%(count)s months after activation") % count,
        "years": _("%(count)s years after activation") % count,
        "date": _("on %(day)s") % {"day": day(policy.last_day)},
        "inactivity": _("after %(count)s months without activity") % count,
    }[policy.kind]
    if policy.round_to:
        return _("%(when)s, then to the %(end)s") % {"when": said, "end": policy.get_round_to_display()}
    return str(said)


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
        decimals = record.wallet.decimals
        held = statements.balance(record.pk, at=timezone.now())
        entries = record.entries.order_by("-number")[:LIST_LIMIT]
        lots = record.lots.filter(remaining__gt=0).order_by(F("expires_at").asc(nulls_last=True), "available_at", "id")[
            :LIST_LIMIT
        ]
        return {
            "stats": [
                Stat(_("Available"), show_points(held.available, decimals), _("Can be spent right now.")),
                Stat(_("Pending"), show_points(held.pending, decimals), _("Earned, but cannot be spent yet.")),
                Stat(_("Held"), show_points(held.held, decimals), _("Reserved for a redemption that is not finished.")),
                Stat(_("Owed"), show_points(held.debt, decimals), _("Owed after goods were returned; the next points repay it.")),
            ],
            "panels": [
                Panel(_("Latest entries"), ENTRY_HEADERS, [entry_row(e, decimals) for e in entries], numeric=frozenset({2})),
                Panel(_("Open lots, in the order in which they are spent"), LOT_HEADERS, [lot_row(lot, decimals) for lot in lots], numeric=frozenset({1, 2})),
            ],
        }  # fmt: skip


ENTRY_HEADERS = [_("When"), _("What"), _("Points"), _("Why"), _("Entry")]
LOT_HEADERS = [_("Lot"), _("Granted"), _("Remaining"), _("Can be spent from"), _("Last valid day"), _("Rule")]


def entry_row(entry: Entry, decimals: int) -> tuple[Any, ...]:
    """One entry as a line of a table, with its explanation in words."""
    kind = badge(entry.get_kind_display(), KIND_TONES.get(entry.kind, ""))
    points = signed(entry.amount, show_points(entry.amount, decimals))
    page = link(reverse("admin:ledger_entry_change", args=[entry.pk]), f"{entry.account_id}/{entry.number}")
    return moment(entry.effective_at), kind, points, why(entry), page


def lot_row(lot: Lot, decimals: int) -> tuple[Any, ...]:
    """One lot as a line of a table."""
    return (
        link(reverse("admin:ledger_lot_change", args=[lot.pk]), str(lot)),
        show_points(lot.granted, decimals),
        show_points(lot.remaining, decimals),
        day(lot.available_at),
        last_day_of(lot),
        lot.rule_version or "–",
    )


def last_day_of(lot: Lot) -> str:
    """The last valid day of a lot, or that it never ends."""
    return day(lot.expires_at - timezone.timedelta(microseconds=1)) if lot.expires_at else str(_("never"))


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
        decimals = record.account.wallet.decimals
        drawn = record.allocations.select_related("lot")[:LIST_LIMIT]
        rows = [
            (*lot_row(a.lot, decimals)[:1], show_points(a.amount, decimals), *lot_row(a.lot, decimals)[2:])
            for a in drawn
        ]
        lot = Lot.objects.filter(entry=record).first()
        corrections = [entry_row(e, decimals) for e in record.corrections.all()[:LIST_LIMIT]]
        title = _("Given back to these lots") if record.amount > 0 else _("Taken from these lots")
        return {
            "panels_before": [Panel(_("In words"), [], [], explain(record.explanation) or record.reason or _("This entry carries no explanation."))],
            "panels": [
                *([Panel(_("The lot it made"), LOT_HEADERS, [lot_row(lot, decimals)], numeric=frozenset({1, 2}))] if lot else []),
                *([Panel(title, [_("Lot"), _("Points"), *LOT_HEADERS[2:]], rows, numeric=frozenset({1, 2}))] if rows else []),
                *([Panel(_("Corrected by"), ENTRY_HEADERS, corrections, numeric=frozenset({2}))] if corrections else []),
            ],
        }  # fmt: skip


@admin.register(Lot)
class LotAdmin(BookAdmin):
    """Lots: the points of each credit and what became of them."""

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
        decimals = record.account.wallet.decimals
        moves = Allocation.objects.filter(lot=record).select_related("entry").order_by("id")[:LIST_LIMIT]
        rows = [
            (*entry_row(m.entry, decimals)[:2], signed(m.entry.amount, show_points(m.amount if m.entry.amount > 0 else -m.amount, decimals)), *entry_row(m.entry, decimals)[3:])
            for m in moves
        ]  # fmt: skip
        return {"panels": [Panel(_("What became of these points"), ENTRY_HEADERS, rows, _("Nothing was taken from this lot yet."), numeric=frozenset({2}))]}  # fmt: skip

"""The catalogue on the desk: rewards with their prices, stocks and pictures, and the categories."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline, TabularInline
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from loyalty.backoffice import DeskAdmin
from loyalty.common.money import show_money, show_points
from loyalty.desk import programs
from loyalty.desk.dates import MidnightByDefault
from loyalty.desk.panels import Panel, Stat, badge, day, link
from rewards import downloads, kinds, pictures, sessions
from rewards.catalogue import codes_left, left_of
from rewards.desk import latest_rows
from rewards.eligibility import show_amount
from rewards.event_desk import dates_panel
from rewards.forms import CategoryForm, DiscountStepForm, PriceForm, RewardForm, StoreStockForm
from rewards.models import Category, DiscountStep, PrivateFile, Reward, RewardKind, RewardPrice, StoreStock


class PriceInline(StackedInline):
    """Prices for a tier, a segment, a time or a season; each member pays the lowest that holds for them.

    They are typed with a new reward, and edited through a preview from then on (DOMAIN 8.4).
    """

    model = RewardPrice
    form = PriceForm
    extra = 0
    tab = True
    fields = [("cost", "money"), ("tier", "segment"), "since", "until", ("season_from", "season_until")]

    def has_add_permission(self, request: HttpRequest, obj: Reward | None = None) -> bool:
        return obj is None and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Reward | None = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Reward | None = None) -> bool:
        return obj is None and super().has_delete_permission(request, obj)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Dates begin at midnight unless a time is told."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("since", "until"):
            field.widget = MidnightByDefault()
        return field


class StoreStockInline(TabularInline):
    """What each store has; members then choose where they collect it."""

    model = StoreStock
    form = StoreStockForm
    extra = 0
    tab = True
    fields = ["store", "stock", "shown_taken"]
    readonly_fields = ["shown_taken"]

    @display(description=_("redeemed"))
    def shown_taken(self, kept: StoreStock) -> str:
        return show_points(kept.taken)


class DiscountStepInline(TabularInline):
    """The steps of a discount for business members."""

    model = DiscountStep
    form = DiscountStepForm
    extra = 0
    tab = True
    fields = ["least", "percent"]


@admin.register(Category)
class CategoryAdmin(DeskAdmin):
    """The shelves of the catalogue."""

    form = CategoryForm
    list_display = ["name", "slug", "position"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [(None, {"fields": ["name", ("name_id", "name_ms"), ("program", "slug"), "position"]})]
    keep_instead = _("Put its rewards on another shelf first.")
    empty_words = _("Categories are the shelves of the catalogue. Members choose by them.")

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)


@admin.register(Reward)
class RewardAdmin(DeskAdmin):
    """The catalogue."""

    form = RewardForm
    inlines = [PriceInline, StoreStockInline, DiscountStepInline]
    also_saved = ("file",)
    list_display = ["shown_reward", "shown_cost", "shown_stock", "minimum_tier", "shown_window", "shown_state"]
    list_display_links = ["shown_reward"]
    list_filter = [("kind", ChoicesDropdownFilter), ("category", RelatedDropdownFilter), "is_active"]
    list_select_related = ["wallet", "minimum_tier", "program"]
    search_fields = ["name"]
    search_help_text = _("Beginning of the name")
    in_command_search = True
    command_icon = "redeem"
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (
            _("What members get"),
            {"fields": ["name", "summary", ("kind", "category"), "partner", "terms", "upload", "takes_picture_away"]},
        ),
        (
            _("Price and stock"),
            {
                "fields": [
                    ("program", "wallet"),
                    ("cost", "money"),
                    "edit_prices",
                    ("stock", "unit_cost"),
                    "is_sent",
                    ("credit_wallet", "credit"),
                    ("draw", "draw_entries"),
                    ("prize_pool", "tier"),
                    ("cause", "gift"),
                    ("face_value", "extra_days"),
                    ("opens", "early_days"),
                    "measure",
                    "private_file",
                    ("slug", "position"),
                    "is_featured",
                ]
            },
        ),
        (
            _("Who and when"),
            {
                "fields": [
                    "offered_from",
                    "offered_until",
                    ("season_from", "season_until"),
                    ("minimum_tier", "segment"),
                    ("minimum_member_days", "cooldown_days"),
                    ("limit_per_member", "limit_per_year"),
                    ("limit_per_month", "limit_per_week"),
                    "limit_per_day",
                    ("voucher_days", "uses"),
                    ("pool", "is_active"),
                ]
            },
        ),
        (_("Indonesian"), {"classes": ["tab"], "fields": ["name_id", "summary_id", "terms_id"]}),
        (_("Malay"), {"classes": ["tab"], "fields": ["name_ms", "summary_ms", "terms_ms"]}),
    ]

    class Media:
        js = ("desk/kinds.js",)

    keep_instead = _("Take the tick from “offered” instead.")
    empty_words = _("Members like to see what their points are good for. Add the first reward.")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        program = programs.chosen(request)
        wallet = program.wallets.filter(is_main=True).first() if program else None
        return {"program": program, "wallet": wallet} | super().get_changeform_initial_data(request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Dates begin at midnight unless a time is told; the kind knows which fields are its own."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("offered_from", "offered_until"):
            field.widget = MidnightByDefault()
        if db_field.name == "kind":
            field.widget.attrs["data-keeps"] = json.dumps(kinds.fields_by_kind())
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Reward | None = None) -> list[str]:
        return ["program", "wallet", "slug", "cost", "money", "edit_prices"] if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Reward | None = None) -> Any:
        """Only what can be done: prices change once there are some, and a picture is taken away where one hangs."""
        unneeded = {"edit_prices"} if obj is None else set()
        unneeded |= {"takes_picture_away"} if obj is None or obj.picture_id is None else set()
        return [
            (title, told | {"fields": [name for name in told["fields"] if name not in unneeded]})
            for title, told in super().get_fieldsets(request, obj)
        ]

    def get_inlines(self, request: HttpRequest, obj: Reward | None) -> list[Any]:
        """Other prices are typed with a new reward and shown where there are some; steps are those of business members' discounts."""
        unneeded: set[Any] = set()
        if obj is not None:
            unneeded |= set() if obj.prices.exists() else {PriceInline}
            unneeded |= set() if obj.kind == RewardKind.BUSINESS else {DiscountStepInline}
        return [inline for inline in self.inlines if inline not in unneeded]

    @display(description=_("prices"))
    def edit_prices(self, reward: Reward) -> str:
        page = f"{reverse('admin:jobs_change_new', args=['prices'])}?reward={reward.pk}"
        return link(page, _("Change the prices, with a preview of who can pay them"))

    def get_prepopulated_fields(self, request: HttpRequest, obj: Reward | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def save_model(self, request: HttpRequest, obj: Reward, form: Any, change: bool) -> None:
        """The reward, and the picture and the file that came with the form."""
        told = form.cleaned_data.get("private_file")
        if obj.kind != RewardKind.DOWNLOAD:
            obj.file = None
        elif not isinstance(told, PrivateFile):
            obj.file = downloads.keep(obj.program, told.name, told.read(), at=timezone.now())
        super().save_model(request, obj, form, change)
        uploaded = form.cleaned_data.get("upload")
        if uploaded or form.cleaned_data.get("takes_picture_away"):
            pictures.hang(obj, uploaded.read() if uploaded else None, at=timezone.now())

    def page_context(self, request: HttpRequest, record: Reward) -> dict[str, Any]:
        more = reverse("admin:rewards_redemption_changelist") + f"?reward__id__exact={record.pk}"
        rows = latest_rows(record, request.user.has_perm("members.view_member"), timezone.now())
        dates = sessions.of_rewards([record], at=timezone.now()).get(record.pk)
        there = left_of(record, list(record.store_stocks.all()), codes_left([record]), dates)
        left = _("unlimited") if there is None else show_points(there)
        return {
            "reward": record,
            "before_include": "admin/desk/reward_card.html",
            "reward_cost": show_amount(record.cost, record.wallet),
            "stats": [
                Stat(_("Redeemed"), show_points(record.taken), _("Redeemed and not cancelled.")),
                Stat(_("Left"), left, _("What can still be redeemed."), tone="bad" if there == 0 else ""),
                Stat(_("Cost to us"), show_money(record.unit_cost * record.taken, record.program.currency), _("What the redeemed ones cost us in money.")),
            ],
            "panels": [*dates_panel(record), Panel(_("Latest redemptions"), [_("When"), _("Member"), _("State")], rows, _("Nobody has redeemed it yet."), more=more)],
        }  # fmt: skip

    @display(description=_("reward"))
    def shown_reward(self, reward: Reward) -> str:
        return format_html('<span class="desk-two-lines">{}<small>{}</small></span>', reward, reward.get_kind_display())

    @display(description=_("cost"))
    def shown_cost(self, reward: Reward) -> str:
        return show_amount(reward.cost, reward.wallet)

    @display(description=_("stock"))
    def shown_stock(self, reward: Reward) -> str:
        if reward.left is None:
            return str(_("unlimited"))
        text = _("%(left)s of %(stock)s left") % {"left": show_points(reward.left), "stock": show_points(reward.stock)}
        return badge(text, "bad" if reward.left == 0 else "warn") if reward.left * 10 <= reward.stock else text

    @display(description=_("offered"))
    def shown_window(self, reward: Reward) -> str:
        if not reward.offered_from and not reward.offered_until:
            return str(_("always"))
        last = reward.offered_until - timezone.timedelta(microseconds=1) if reward.offered_until else None
        return f"{day(reward.offered_from)} – {day(last)}"

    @display(description=_("state"))
    def shown_state(self, reward: Reward) -> str:
        at = timezone.now()
        if not reward.is_active:
            return badge(_("switched off"))
        if reward.offered_from and at < reward.offered_from:
            return badge(_("planned"), "info")
        if reward.offered_until and at >= reward.offered_until:
            return badge(_("ended"), "warn")
        return badge(_("sold out"), "bad") if reward.left == 0 else badge(_("offered"), "good")

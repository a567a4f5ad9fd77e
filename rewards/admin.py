"""Rewards, redemptions and vouchers on the desk."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.decorators import display

from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.common.errors import Refusal
from loyalty.common.money import show_money, show_points
from loyalty.desk import programs
from loyalty.desk.dates import MidnightByDefault
from loyalty.desk.deeds import deed
from loyalty.desk.panels import Panel, Stat, badge, day, link
from members.desk import more_panels
from members.models import Member
from rewards import redemption as redemptions
from rewards import vouchers
from rewards.desk import latest_rows, member_vouchers, state_badge
from rewards.eligibility import show_amount
from rewards.forms import CodeForm, RewardForm, UseForm
from rewards.models import Redemption, Reward


@admin.register(Reward)
class RewardAdmin(DeskAdmin):
    """The catalogue."""

    form = RewardForm
    list_display = ["shown_reward", "shown_cost", "shown_stock", "minimum_tier", "shown_window", "shown_state"]
    list_display_links = ["shown_reward"]
    list_filter = [("kind", ChoicesDropdownFilter), "is_active"]
    list_select_related = ["wallet", "minimum_tier", "program"]
    search_fields = ["name"]
    search_help_text = _("Beginning of the name")
    in_command_search = True
    command_icon = "redeem"
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (_("What members get"), {"fields": ["name", "summary"]}),
        (
            _("Price and stock"),
            {"fields": [("program", "wallet"), ("kind", "cost"), ("stock", "unit_cost"), ("slug", "position")]},
        ),
        (
            _("Who and when"),
            {
                "fields": [
                    "offered_from",
                    "offered_until",
                    ("minimum_tier", "limit_per_member"),
                    ("voucher_days", "is_active"),
                ]
            },
        ),
        (_("Indonesian"), {"classes": ["tab"], "fields": ["name_id", "summary_id"]}),
        (_("Malay"), {"classes": ["tab"], "fields": ["name_ms", "summary_ms"]}),
    ]
    keep_instead = _("Take the tick from “offered” instead.")
    empty_words = _("Members like to see what their points are good for. Add the first reward.")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        program = programs.chosen(request)
        wallet = program.wallets.filter(is_main=True).first() if program else None
        return {"program": program, "wallet": wallet} | super().get_changeform_initial_data(request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Dates begin at midnight unless a time is told."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in ("offered_from", "offered_until"):
            field.widget = MidnightByDefault()
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Reward | None = None) -> list[str]:
        return ["program", "wallet", "slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Reward | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def found_by(self, term: str) -> Q:
        return Q(name__istartswith=term) | Q(slug__istartswith=term)

    def page_context(self, request: HttpRequest, record: Reward) -> dict[str, Any]:
        more = reverse("admin:rewards_redemption_changelist") + f"?reward__id__exact={record.pk}"
        rows = latest_rows(record, request.user.has_perm("members.view_member"), timezone.now())
        left = _("unlimited") if record.left is None else show_points(record.left)
        return {
            "reward": record,
            "before_include": "admin/desk/reward_card.html",
            "reward_cost": show_amount(record.cost, record.wallet),
            "stats": [
                Stat(_("Redeemed"), show_points(record.taken), _("Redeemed and not cancelled.")),
                Stat(_("Left"), left, _("What can still be redeemed."), tone="bad" if record.left == 0 else ""),
                Stat(_("Cost to us"), show_money(record.unit_cost * record.taken, record.program.currency), _("What the redeemed ones cost us in money.")),
            ],
            "panels": [Panel(_("Latest redemptions"), [_("When"), _("Member"), _("State")], rows, _("Nobody has redeemed it yet."), more=more)],
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


@admin.register(Redemption)
class RedemptionAdmin(BookAdmin):
    """What members redeemed, with the two things staff do about it."""

    list_display = ["redeemed_at", "reward", "shown_member", "shown_cost", "shown_state", "shown_until"]
    list_display_links = ["redeemed_at"]
    list_filter = [
        ("status", ChoicesDropdownFilter),
        ("reward", RelatedDropdownFilter),
        ("redeemed_at", RangeDateFilter),
    ]
    list_select_related = ["reward__wallet", "member", "voucher"]
    search_fields = ["reference"]
    search_help_text = _("Member number, or the exact reference")
    actions_detail = ["use", "cancel"]
    actions_list = ["export_list"]
    export_columns = (
        (_("Redeemed at"), lambda r: r.redeemed_at), (_("Reward"), lambda r: r.reward.slug), (_("Member"), lambda r: r.member.number),
        (_("Cost"), lambda r: r.cost), (_("Status"), lambda r: r.status), (_("Ended at"), lambda r: r.ended_at), (_("Reference"), lambda r: r.reference),
    )  # fmt: skip
    fieldsets = [
        (None, {"fields": [("reward", "shown_member"), ("shown_state", "shown_cost"), ("shown_code", "shown_until")]}),
        (
            _("History"),
            {"fields": [("redeemed_at", "reference"), ("ended_at", "ended_by"), ("shown_place", "shown_entries")]},
        ),
    ]
    readonly_fields = [
        "shown_member",
        "shown_state",
        "shown_cost",
        "shown_code",
        "shown_until",
        "shown_place",
        "shown_entries",
    ]
    empty_words = _("Nothing has been redeemed yet.")

    def get_urls(self) -> list[Any]:
        """The page where a code is typed or scanned."""
        check = path("check/", self.admin_site.admin_view(self.look_up), name="rewards_voucher_check")
        return [check, *super().get_urls()]

    def look_up(self, request: HttpRequest) -> HttpResponse:
        """Look a voucher up by its code and open its redemption."""
        program = programs.chosen(request)
        if not request.user.has_perm("rewards.view_voucher") or program is None:
            raise PermissionDenied
        form = CodeForm(request.POST or None)
        if form.is_valid():
            try:
                voucher = vouchers.find(program, form.cleaned_data["code"])
            except Refusal as refusal:
                messages.error(request, str(refusal))
            else:
                return HttpResponseRedirect(reverse("admin:rewards_redemption_change", args=[voucher.redemption_id]))
        context = self.admin_site.each_context(request) | {"title": _("Check a voucher"), "form": form}
        return TemplateResponse(request, "admin/desk/voucher_check.html", context)

    def found_by(self, term: str) -> Q:
        digits = term.replace(" ", "")
        if digits.isdecimal() and len(digits) == 12:
            return Q(member__in=Member.objects.filter(number=digits))
        return Q(reference=term)

    @display(description=_("member"))
    def shown_member(self, redemption: Redemption) -> str:
        return link(reverse("admin:members_member_change", args=[redemption.member_id]), redemption.member)

    @display(description=_("cost"))
    def shown_cost(self, redemption: Redemption) -> str:
        return show_amount(redemption.cost, redemption.reward.wallet)

    @display(description=_("state"))
    def shown_state(self, redemption: Redemption) -> str:
        return state_badge(redemption, timezone.now())

    @display(description=_("code"))
    def shown_code(self, redemption: Redemption) -> str:
        return redemption.voucher.shown_code

    @display(description=_("valid until"))
    def shown_until(self, redemption: Redemption) -> str:
        return day(redemption.voucher.expires_at - timezone.timedelta(microseconds=1))

    @display(description=_("used at"))
    def shown_place(self, redemption: Redemption) -> str:
        voucher = redemption.voucher
        return f"{voucher.till} / {voucher.receipt}" if voucher.used_at else "–"

    @display(description=_("in the books"))
    def shown_entries(self, redemption: Redemption) -> str:
        paid = link(reverse("admin:ledger_entry_change", args=[redemption.entry_id]), _("points taken"))
        if not redemption.reversal_id:
            return paid
        back = link(reverse("admin:ledger_entry_change", args=[redemption.reversal_id]), _("points given back"))
        return format_html("{}, {}", paid, back)

    @deed(
        title=_("Mark as used"),
        question=_("The voucher is used up for this receipt and cannot be used or cancelled after that."),
        button=_("Mark as used"),
        permission="rewards.change_redemption",
        icon="done_all",
        fits=lambda redemption: redemption.state(at=timezone.now()) == "issued",
        form=UseForm,
    )
    def use(self, request: HttpRequest, record: Redemption, values: dict[str, Any]) -> str:
        vouchers.use(
            record.voucher, till=values["till"], receipt=values["receipt"], at=timezone.now(), actor=actor_of(request)
        )
        return _("The voucher is used.")

    @deed(
        title=_("Cancel and give the points back"),
        question=_(
            "The code is dead at once and the points go back to where they came from. Points that expired meanwhile live for 14 more days."
        ),
        button=_("Cancel it"),
        permission="rewards.change_redemption",
        icon="undo",
        fits=lambda redemption: redemption.state(at=timezone.now()) == "issued",
        danger=True,
    )
    def cancel(self, request: HttpRequest, record: Redemption) -> str:
        redemptions.cancel(record, at=timezone.now(), actor=actor_of(request), by_member=False)
        return _("The redemption is cancelled and the points are back.")


more_panels.append(member_vouchers)

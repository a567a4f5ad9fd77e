"""Birthday gifts of the tiers at the desk: what each tier gives, and who was given it."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns.ways import gifting
from campaigns.ways.models import BirthdayGift, GiftGiven
from loyalty.backoffice import BookAdmin, DeskAdmin, actor_of
from loyalty.desk import programs
from loyalty.desk.deeds import deed
from loyalty.desk.panels import link
from loyalty.desk.stamps import StampedForm
from members.models import Tier
from members.tiers.tiers_desk import edit_of
from rewards.models import Reward


class GiftForm(StampedForm):
    """The reward of a tier's gift. Its points are edited with the tiers, through a preview."""

    class Meta:
        model = BirthdayGift
        fields = ("tier", "reward")

    def clean(self) -> dict[str, Any]:
        """A reward of the tier's own program."""
        told: dict[str, Any] = super().clean() or {}
        tier, reward = told.get("tier") or self.instance.tier, told.get("reward")
        if reward and tier and reward.program_id != tier.program_id:
            self.add_error("reward", _("This belongs to another program."))
        return told


@admin.register(BirthdayGift)
class BirthdayGiftAdmin(DeskAdmin):
    """What members of a tier are given on their birthday."""

    form = GiftForm
    list_display = ["tier", "points", "reward"]
    list_select_related = ["tier__program", "reward"]
    fields = ["tier", "reward", "points", "preview"]
    empty_words = _("No tier gives a birthday gift. Add one with a reward, or edit the tiers for points.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BirthdayGift]:
        return super().get_queryset(request).filter(tier__program=programs.chosen(request))

    def get_readonly_fields(self, request: HttpRequest, obj: BirthdayGift | None = None) -> list[str]:
        return ["tier", "points", "preview"] if obj else ["points", "preview"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Tiers and rewards of the program being looked at."""
        model: Any = {"tier": Tier, "reward": Reward}[db_field.name]
        kwargs["queryset"] = model.objects.filter(program=programs.chosen(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @display(description=_("edit"))
    def preview(self, gift: BirthdayGift) -> str:
        return (
            link(edit_of(gift.tier.program_id), _("Edit the points, with a preview of what they cost"))
            if gift.pk
            else "–"
        )


@admin.register(GiftGiven)
class GiftGivenAdmin(BookAdmin):
    """Birthday gifts that were given: only read, but for a reward that is owed."""

    list_display = ["member", "tier", "year", "points", "redemption", "owed", "given_at"]
    list_filter = ["year", "owed"]
    list_select_related = ["member", "tier", "redemption"]
    fields = ["member", "tier", "year", "birthday_at", "given_at", "points", "entry", "redemption", "owed"]
    search_fields = ["member__number"]
    actions_detail = ["give_reward"]
    empty_words = _("No birthday gift was given yet. They are given each morning.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[GiftGiven]:
        return super().get_queryset(request).filter(member__program=programs.chosen(request))

    def found_by(self, term: str) -> Q:
        return Q(member__number=term.replace(" ", ""))

    @deed(
        title=_("Give the reward"),
        question=_("The reward was not there on the birthday. Issue its voucher now?"),
        button=_("Issue the voucher"),
        permission="ways.change_birthdaygift",
        icon="redeem",
        fits=lambda given: bool(given.owed),
    )
    def give_reward(self, request: HttpRequest, record: GiftGiven) -> str:
        gifting.give_owed(record, at=timezone.now(), actor=actor_of(request))
        return str(_("The voucher is issued, and the member gets a letter."))

"""The desk's page to try a basket: what would this member earn for it at this moment, why, and what would earn more."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from campaigns import explanations, previewing, season_notes
from campaigns.models import Campaign, RuleVersion
from campaigns.naming import names_for
from campaigns.unmet import in_words
from loyalty.common.errors import Refusal
from loyalty.desk import programs
from loyalty.ledger.models import Program
from loyalty.pos.models import Store
from members import lookup
from members.models import Purchase
from members.sales import Sale, SaleLine

GOODS = ("amount", "quantity", "category", "product", "brand", "collection", "supplier")
MORE = 3


def _words(label: Any, most: int = 80) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=most, widget=UnfoldAdminTextInputWidget)


class GoodsForm(forms.Form):
    """Goods of one kind: what was paid for them, and what they are."""

    amount = forms.DecimalField(
        label=_("Amount"), min_value=0, max_digits=14, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget
    )
    quantity = forms.DecimalField(
        label=_("Pieces"), initial=1, min_value=Decimal("0.001"), decimal_places=3, widget=UnfoldAdminDecimalFieldWidget
    )
    category = _words(_("Category"))
    product = _words(_("Product"))
    brand = _words(_("Brand"))
    collection = _words(_("Collection"))
    supplier = _words(_("Supplier"))

    @property
    def line(self) -> SaleLine:
        """The goods as a line of a sale."""
        told = self.cleaned_data
        return SaleLine(**{name: told[name] for name in GOODS} | {"quantity": told["quantity"] or Decimal(1)})

    def goods(self) -> list[forms.BoundField]:
        """The fields of the goods, in their order."""
        return [self[name] for name in GOODS]


class MoreGoodsForm(GoodsForm):
    """Other goods of the same basket; nothing where nothing is told."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("amount", "quantity"):
            self.fields[name].required = False

    @property
    def is_told(self) -> bool:
        """Whether there are such goods."""
        return self.cleaned_data.get("amount") is not None

    def clean(self) -> dict[str, Any]:
        """What is named has an amount."""
        told = super().clean() or {}
        if told.get("amount") is None and any(told.get(name) for name in GOODS[2:]) and "amount" not in self.errors:
            self.add_error("amount", _("Say what is paid for them; 0 if nothing is."))
        return told


class BasketForm(GoodsForm):
    """A member, a basket whose other goods follow (MoreGoodsForm), and a moment."""

    member = forms.CharField(label=_("Member number"), max_length=20, widget=UnfoldAdminTextInputWidget)
    draft = forms.ModelChoiceField(
        label=_("With the draft"), required=False, queryset=Campaign.objects.none(), widget=UnfoldAdminSelectWidget,
        help_text=_("As if it were live. Empty: what is live now."),
    )  # fmt: skip
    store = forms.ModelChoiceField(
        label=_("Store"), required=False, queryset=Store.objects.none(), widget=UnfoldAdminSelectWidget
    )
    channel = _words(_("Channel"), 16)
    payment = _words(_("Paid with"), 16)
    moment = forms.SplitDateTimeField(
        label=_("When"),
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text=_("In the program clock, up to a year ahead. Empty: now."),
    )

    def occasion(self) -> list[forms.BoundField]:
        """Who buys, when, and where."""
        return [self[name] for name in ("member", "draft", "moment", "store", "channel", "payment")]

    def sale(self, program: Program, more: Sequence[MoreGoodsForm], *, at: datetime) -> Sale:
        """The basket as a sale that nobody records. Raises MemberUnknown."""
        told = self.cleaned_data
        lines = [self.line, *(one.line for one in more if one.is_told)]
        return Sale(
            member=lookup.by_number(program, told["member"]),
            source="preview",
            receipt="preview",
            occurred_at=told["moment"] or at,
            total=sum((line.amount for line in lines), Decimal(0)),
            currency=program.currency,
            lines=lines,
            store=told["store"],
            channel=told["channel"],
            payment=told["payment"],
        )


def page(admin: Any, request: HttpRequest) -> HttpResponse:
    """The form, and under it what the basket would earn. Nothing is written."""
    program = programs.chosen(request)
    if not admin.has_view_permission(request) or not request.user.has_perm("members.view_member") or program is None:
        raise PermissionDenied
    asked = _asked(request, program)
    form = BasketForm(request.POST or None, initial=_begun(program, asked))
    drafts = Campaign.objects.filter(program=program, status=Campaign.Status.DRAFT)
    form.fields["draft"].queryset = drafts  # type: ignore[attr-defined]
    form.fields["store"].queryset = Store.objects.filter(program=program)  # type: ignore[attr-defined]
    more = [MoreGoodsForm(request.POST or None, prefix=f"more-{number}") for number in range(1, MORE + 1)]
    found = None
    if all([form.is_valid(), *(one.is_valid() for one in more)]):
        at = timezone.now()
        try:
            found = previewing.preview(program, form.sale(program, more, at=at), at=at, about=_about(form, asked))
        except Refusal as refusal:
            form.add_error(None, str(refusal))
    told = found.award.explanation if found else {}
    about = _about(form, asked) if found else None
    missed = _missed(about, found.unmet) if found and about else []
    if about and missed:
        told = told | {
            "near": [one for one in told.get("near", []) if one.get("campaign", one["rule"]) != about.slug]
        }  # it is told in full
    context = admin.admin_site.each_context(request) | {
        "title": _("Try a basket"),
        "opts": admin.opts,
        "form": form,
        "more": more,
        "is_more_told": any(one.errors or (one.is_bound and one.is_told) for one in more),
        "found": found,
        "sentence": explanations.sentence(told) if found else "",
        "limits": explanations.limits(told) if found else [],
        "near_misses": explanations.near_misses(told) if found else [],
        "about": about,
        "missed": missed,
    }
    return TemplateResponse(request, "admin/campaigns/try.html", context)


def _asked(request: HttpRequest, program: Program) -> Campaign | None:
    """The campaign whose page one comes from."""
    asked = request.GET.get("campaign", "")
    return Campaign.objects.filter(program=program, pk=int(asked)).first() if asked.isdecimal() else None


def _about(form: BasketForm, asked: Campaign | None) -> Campaign | None:
    """The draft that is tried, or the campaign one comes from; a draft one comes from only while it stands in the form."""
    draft: Campaign | None = form.cleaned_data["draft"]
    return draft or (asked if asked and asked.status != Campaign.Status.DRAFT else None)


def _begun(program: Program, campaign: Campaign | None) -> dict[str, Any]:
    """What the form begins with: who bought last, and the campaign one comes from at the first moment ahead at which it may count."""
    last = Purchase.objects.filter(program=program).select_related("member").order_by("-occurred_at").first()
    begun: dict[str, Any] = {"member": last.member.number} if last else {}
    if campaign is None:
        return begun
    begun |= {"draft": campaign.pk} if campaign.status == Campaign.Status.DRAFT else {}
    first = season_notes.first_moment(campaign, at=timezone.now())
    return begun | ({"moment": first} if first else {})


def _missed(campaign: Campaign, names: Sequence[str]) -> list[str]:
    """In words, what the newest terms of a campaign ask for that does not hold."""
    version = RuleVersion.objects.filter(rule__campaign=campaign).order_by("-number").first()
    return in_words(names, campaign, version.definition, names_for(campaign, campaign.program)) if version else []

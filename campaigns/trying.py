"""The desk's page to try a basket: what would this member earn for it at this moment, why, and what would earn more."""

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
from campaigns.models import Campaign
from loyalty.common.errors import Refusal
from loyalty.desk import programs
from loyalty.ledger.models import Program
from loyalty.pos.models import Store
from members import lookup
from members.models import Purchase
from members.sales import Sale, SaleLine


class BasketForm(forms.Form):
    """A member, a basket of one kind of goods, and a moment."""

    member = forms.CharField(label=_("Member number"), max_length=20, widget=UnfoldAdminTextInputWidget)
    draft = forms.ModelChoiceField(
        label=_("With the draft"), required=False, queryset=Campaign.objects.none(), widget=UnfoldAdminSelectWidget,
        help_text=_("As if it were live. Empty: what is live now."),
    )  # fmt: skip
    amount = forms.DecimalField(
        label=_("Amount"), min_value=0, max_digits=14, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget
    )
    category = forms.CharField(label=_("Category"), required=False, max_length=80, widget=UnfoldAdminTextInputWidget)
    product = forms.CharField(label=_("Product"), required=False, max_length=80, widget=UnfoldAdminTextInputWidget)
    brand = forms.CharField(label=_("Brand"), required=False, max_length=80, widget=UnfoldAdminTextInputWidget)
    collection = forms.CharField(
        label=_("Collection"), required=False, max_length=80, widget=UnfoldAdminTextInputWidget
    )
    supplier = forms.CharField(label=_("Supplier"), required=False, max_length=80, widget=UnfoldAdminTextInputWidget)
    quantity = forms.DecimalField(
        label=_("Pieces"), initial=1, min_value=Decimal("0.001"), decimal_places=3, widget=UnfoldAdminDecimalFieldWidget
    )
    store = forms.ModelChoiceField(
        label=_("Store"), required=False, queryset=Store.objects.none(), widget=UnfoldAdminSelectWidget
    )
    channel = forms.CharField(label=_("Channel"), required=False, max_length=16, widget=UnfoldAdminTextInputWidget)
    payment = forms.CharField(label=_("Paid with"), required=False, max_length=16, widget=UnfoldAdminTextInputWidget)
    moment = forms.SplitDateTimeField(
        label=_("When"),
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text=_("In the program clock, up to a year ahead. Empty: now."),
    )

    def sale(self, program: Program, *, at: datetime) -> Sale:
        """The basket as a sale that nobody records. Raises MemberUnknown."""
        told = self.cleaned_data
        goods = ("amount", "product", "category", "brand", "collection", "supplier", "quantity")
        line = SaleLine(**{name: told[name] for name in goods})
        return Sale(
            member=lookup.by_number(program, told["member"]),
            source="preview",
            receipt="preview",
            occurred_at=told["moment"] or at,
            total=told["amount"],
            currency=program.currency,
            lines=[line],
            store=told["store"],
            channel=told["channel"],
            payment=told["payment"],
        )


def page(admin: Any, request: HttpRequest) -> HttpResponse:
    """The form, and under it what the basket would earn. Nothing is written."""
    program = programs.chosen(request)
    if not admin.has_view_permission(request) or not request.user.has_perm("members.view_member") or program is None:
        raise PermissionDenied
    form = BasketForm(request.POST or None, initial=_begun(request, program))
    drafts = Campaign.objects.filter(program=program, status=Campaign.Status.DRAFT)
    form.fields["draft"].queryset = drafts  # type: ignore[attr-defined]
    form.fields["store"].queryset = Store.objects.filter(program=program)  # type: ignore[attr-defined]
    found = None
    if form.is_valid():
        at = timezone.now()
        try:
            found = previewing.preview(program, form.sale(program, at=at), at=at, draft=form.cleaned_data["draft"])
        except Refusal as refusal:
            form.add_error(None, str(refusal))
    told = found.award.explanation if found else {}
    context = admin.admin_site.each_context(request) | {
        "title": _("Try a basket"),
        "opts": admin.opts,
        "form": form,
        "found": found,
        "sentence": explanations.sentence(told) if found else "",
        "limits": explanations.limits(told) if found else [],
        "near_misses": explanations.near_misses(told) if found else [],
    }
    return TemplateResponse(request, "admin/campaigns/try.html", context)


def _begun(request: HttpRequest, program: Program) -> dict[str, Any]:
    """What the form begins with: who bought last, and the campaign one comes from at the first moment ahead at which it may count."""
    last = Purchase.objects.filter(program=program).select_related("member").order_by("-occurred_at").first()
    begun: dict[str, Any] = {"member": last.member.number} if last else {}
    asked = request.GET.get("campaign", "")
    campaign = Campaign.objects.filter(program=program, pk=int(asked)).first() if asked.isdecimal() else None
    if campaign is None:
        return begun
    begun |= {"draft": campaign.pk} if campaign.status == Campaign.Status.DRAFT else {}
    first = season_notes.first_moment(campaign, at=timezone.now())
    return begun | ({"moment": first} if first else {})

"""Partners' months as people and programs read them: pages of postings, the tables of a month, and a month as lines of a file."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from campaigns.partners import settlement
from campaigns.partners.models import Partner, PartnerPosting, PartnerTakeBack
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import Panel, Stat, badge, link, moment
from loyalty.ledger.models import Wallet
from members.cursors import read_cursor, write_cursor

PAGE = 100
HEADERS = ["kind", "reference", "member", "occurred_at", "recorded_at", "points", "price", "owed", "reason"]
OLDEST_BACK_FIRST = Prefetch("take_backs", PartnerTakeBack.objects.order_by("id"))


def page_of(partner: Partner, month: date, after: str) -> tuple[list[PartnerPosting], str | None]:
    """A page of a month's postings, oldest first, and the cursor of the next one: two queries. Raises CursorMalformed."""
    found = postings_of(partner).filter(month=month, pk__gt=read_cursor(after, "p") or 0).order_by("pk")
    rows = list(found[: PAGE + 1])
    return rows[:PAGE], write_cursor(rows[PAGE - 1].pk, "p") if len(rows) > PAGE else None


def complete(partner: Partner, posted: PartnerPosting) -> PartnerPosting:
    """A posting with its member and take-backs read."""
    return postings_of(partner).get(pk=posted.pk)


def month_name(month: date) -> str:
    """A month in words."""
    return str(date_format(month, "F Y"))


def month_address(partner: Partner, month: date) -> str:
    """The desk's page of a partner's month."""
    return reverse("admin:partners_month", args=[partner.pk, f"{month:%Y-%m}"])


def month_stats(told: settlement.Figures, closed: Any) -> list[Stat]:
    """The figures at the top of a month's page."""
    show = _points(told)
    posted = _("%(count)s postings") % {"count": show_points(told.total("postings"))}
    back = _("%(count)s take-backs") % {"count": show_points(told.total("take_backs"))}
    state = badge(_("closed"), "good") if closed else badge(_("open"), "info")
    return [
        Stat(_("Posted"), show(told.total("posted")), _("Points given to members by the partner."), posted),
        Stat(_("Taken back"), show(told.total("taken_back")), _("Points that the partner took back, whenever they were posted."), back),
        Stat(_("To pay"), show_money(told.owed, told.currency), _("Points at their price, and the partner's part of campaigns run together.")),
        Stat(_("State"), state, _("A closed month never changes; what comes late is in the next open one.")),
    ]  # fmt: skip


def month_panels(told: settlement.Figures) -> list[Panel]:
    """What is owed by price, and by campaign."""
    show, money = _points(told), lambda amount: show_money(amount, told.currency)
    by_price = [
        (f"{p.price.normalize():f}", show(p.posted), show(p.taken_back), show(p.points), money(told.owed_at(p)))
        for p in told.prices
    ]
    shared = [
        (c.name, show(c.points), money(c.worth), f"{c.percent} %", money(c.owed)) for c in told.campaigns
    ]  # fmt: skip
    numbers = frozenset({1, 2, 3, 4})
    return [
        Panel(_("Points of the partner"), [_("Price per point"), _("Posted"), _("Taken back"), _("Points"), _("To pay")], by_price, _("Nothing was posted for this month."), numeric=numbers),
        Panel(
            _("Campaigns run together"), [_("Campaign"), _("Points"), _("Worth"), _("Borne by the partner"), _("To pay")], shared,
            _("No campaign run together gave points."), numeric=numbers,
            note=_("Points of purchases and events until the month's end, as known when it is closed, less what earlier months settled."),
        ),
    ]  # fmt: skip


def take_backs_panel(posted: PartnerPosting) -> Panel:
    """What was taken back of a posting."""
    decimals = wallet_of(posted.partner).decimals
    rows = [
        (one.reference, show_points(one.asked, decimals), show_points(one.points, decimals), moment(one.recorded_at), month_name(one.month), one.reason or _("by the partner"))
        for one in posted.take_backs.order_by("pk")
    ]  # fmt: skip
    headers = [_("Reference"), _("Asked"), _("Moved"), _("When"), _("Settled in"), _("Why")]
    note = _("What had expired or is written off does not move, and is not paid back.")
    return Panel(_("Taken back"), headers, rows, _("Nothing was taken back."), numeric=frozenset({1, 2}), note=note)


def file_rows(partner: Partner, told: settlement.Figures) -> Iterator[list[Any]]:
    """A month as lines of a file: every posting and take-back, then the campaigns and the sum. Points in the smallest unit."""
    scale = Decimal(10) ** told.decimals
    for one in postings_of(partner).filter(month=told.month).order_by("pk").iterator(chunk_size=1000):
        yield [
            "posting",
            one.reference,
            one.member.number,
            one.occurred_at,
            one.recorded_at,
            one.points,
            one.price,
            one.points * one.price / scale,
            "",
        ]
    back = PartnerTakeBack.objects.filter(partner=partner, month=told.month).select_related("posting__member")
    for taken in back.order_by("pk").iterator(chunk_size=1000):
        of = taken.posting
        yield [
            "take-back", taken.reference, of.member.number, of.occurred_at, taken.recorded_at, -taken.points, of.price, -taken.points * of.price / scale, taken.reason,
        ]  # fmt: skip
    for shared in told.campaigns:
        yield ["campaign", shared.slug, "", "", "", shared.points, f"{shared.percent}%", shared.owed, ""]
    yield ["sum", "", "", "", "", told.total("points"), "", told.owed, ""]


def program_take_backs(partner: Partner, told: settlement.Figures) -> list[Panel]:
    """What the program itself took back in a month, with why; nothing where it took nothing: one query."""
    taken = PartnerTakeBack.objects.filter(partner=partner, month=told.month).exclude(reason="")
    show = _points(told)
    rows = [
        (
            link(reverse("admin:partners_partnerposting_change", args=[one.posting_id]), one.posting.reference),
            show(one.points), moment(one.recorded_at), one.reason,
        )
        for one in taken.select_related("posting").order_by("pk")
    ]  # fmt: skip
    headers = [_("Posting"), _("Moved"), _("When"), _("Why")]
    note = _("The partner reads the reasons over the API, and they stand in the file.")
    return [Panel(_("Taken back by the program"), headers, rows, numeric=frozenset({1}), note=note)] if rows else []


def postings_of(partner: Partner) -> QuerySet[PartnerPosting]:
    """All postings of a partner, with members and take-backs."""
    return PartnerPosting.objects.filter(partner=partner).select_related("member").prefetch_related(OLDEST_BACK_FIRST)


def wallet_of(partner: Partner) -> Wallet:
    """The wallet that partners post to; asked once per partner."""
    if not hasattr(partner, "main_wallet"):
        partner.main_wallet = Wallet.objects.get(program=partner.program_id, is_main=True)  # type: ignore[attr-defined]
    return partner.main_wallet  # type: ignore[attr-defined]


def _points(told: settlement.Figures) -> Any:
    return lambda points: show_points(points, told.decimals)

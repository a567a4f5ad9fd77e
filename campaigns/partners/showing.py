"""Partners as people and programs read them: pages of postings, the tables of a month, and a month as lines of a file."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from campaigns.models import Campaign
from campaigns.partners import months, posting, settlement
from campaigns.partners.models import Partner, PartnerPosting, PartnerTakeBack
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import Panel, Stat, badge, day, link, moment
from loyalty.ledger.models import Wallet
from members.cursors import read_cursor, write_cursor

PAGE = 100
LATEST = 20
# An open month is five queries; whoever closes each month has two of them.
OPEN_RECKONED = 3
HEADERS = ["kind", "reference", "member", "occurred_at", "recorded_at", "points", "price", "owed", "reason"]
OLDEST_BACK_FIRST = Prefetch("take_backs", PartnerTakeBack.objects.order_by("id"))


def page_of(partner: Partner, month: date, after: str) -> tuple[list[PartnerPosting], str | None]:
    """A page of a month's postings, oldest first, and the cursor of the next one: two queries. Raises CursorMalformed."""
    found = _postings(partner).filter(month=month, pk__gt=read_cursor(after, "p") or 0).order_by("pk")
    rows = list(found[: PAGE + 1])
    return rows[:PAGE], write_cursor(rows[PAGE - 1].pk, "p") if len(rows) > PAGE else None


def complete(partner: Partner, posted: PartnerPosting) -> PartnerPosting:
    """A posting with its member and take-backs read."""
    return _postings(partner).get(pk=posted.pk)


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


def partner_stats(partner: Partner, at: datetime) -> list[Stat]:
    """How the month that runs stands, and which month is to be closed next."""
    this = settlement.months_of(partner, at=at)[0]
    wallet, given = _wallet(partner), posting.posted_in(partner, this)
    limit = partner.monthly_limit
    note = _("of %(most)s") % {"most": show_points(limit, wallet.decimals)} if limit else _("no limit")
    due = months.first_open(partner)
    title = month_name(due) if due < this else _("none")
    return [
        Stat(_("Points this month"), show_points(given, wallet.decimals), _("Posted for this month, less what was taken back of it."), note),
        Stat(_("Price per point"), f"{partner.price_per_point.normalize():f} {partner.program.currency}", _("For what is posted from now on.")),
        Stat(_("To be closed"), title, _("The earliest month that is over and not closed."), tone="warn" if due < this else "", url=month_address(partner, due) if due < this else ""),
    ]  # fmt: skip


def partner_panels(partner: Partner, at: datetime) -> list[Panel]:
    """A partner's months, latest postings, campaigns run together and keys."""
    return [_months_panel(partner, at), _latest_panel(partner), _campaigns_panel(partner), _keys_panel(partner)]


def take_backs_panel(posted: PartnerPosting) -> Panel:
    """What was taken back of a posting."""
    decimals = _wallet(posted.partner).decimals
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
    for one in _postings(partner).filter(month=told.month).order_by("pk").iterator(chunk_size=1000):
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


def _months_panel(partner: Partner, at: datetime) -> Panel:
    """Every month with what it came to: closed ones as they were closed, the earliest open ones as known now."""
    wallet, currency = _wallet(partner), partner.program.currency
    settled = {one.month: one for one in partner.settlements.all()}
    given = settlement.points_by_month(partner)
    months_told = settlement.months_of(partner, at=at)
    open_months = [month for month in reversed(months_told) if month not in settled][:OPEN_RECKONED]
    known = {month: settlement.reckon(partner, month).owed for month in open_months}
    rows = []
    for month in months_told:
        closed = settled.get(month)
        points = closed.figures["points"] if closed else given.get(month, 0)
        to_pay = Decimal(closed.figures["owed"]) if closed else known.get(month)
        owed = "–" if to_pay is None else show_money(to_pay, currency)
        state = badge(_("closed"), "good") if closed else badge(_("open"), "info")
        shown = link(month_address(partner, month), month_name(month))
        rows.append((shown, show_points(points, wallet.decimals), owed, state))
    headers = [_("Month"), _("Points"), _("To pay"), _("State")]
    note = _("Open months as known now: they may still change until they are closed.") if known else ""
    return Panel(_("Settlement by month"), headers, rows, numeric=frozenset({1, 2}), note=note)


def _latest_panel(partner: Partner) -> Panel:
    decimals = _wallet(partner).decimals
    rows = [
        (link(reverse("admin:partners_partnerposting_change", args=[one.pk]), one.reference), link(reverse("admin:members_member_change", args=[one.member_id]), one.member), show_points(one.points, decimals), day(one.occurred_at), one.words)
        for one in _postings(partner).order_by("-pk")[:LATEST]
    ]  # fmt: skip
    more = f"{reverse('admin:partners_partnerposting_changelist')}?partner__id__exact={partner.pk}"
    headers = [_("Reference"), _("Member"), _("Points"), _("Of"), _("What for")]
    return Panel(_("Latest postings"), headers, rows, _("Nothing was posted yet."), more if rows else "", _("All postings"), frozenset({2}))  # fmt: skip


def _campaigns_panel(partner: Partner) -> Panel:
    decimals = _wallet(partner).decimals
    rows = [
        (link(reverse("admin:campaigns_campaign_change", args=[one.pk]), one), f"{one.partner_percent} %", show_points(one.spent_points, decimals))
        for one in Campaign.objects.filter(partner=partner).order_by("-since")[:LATEST]
    ]  # fmt: skip
    headers = [_("Campaign"), _("Borne by the partner"), _("Points given")]
    empty = _("None. A campaign names its partner on its own page, while it is a draft.")
    return Panel(_("Campaigns run together"), headers, rows, empty, numeric=frozenset({1, 2}))


def _keys_panel(partner: Partner) -> Panel:
    rows = [
        (
            link(reverse("admin:pos_apikey_change", args=[one.api_key_id]), one.api_key.prefix), day(one.api_key.created_at),
            day(one.api_key.last_used_on), badge(_("revoked"), "bad") if one.api_key.revoked_at else badge(_("works"), "good"),
        )
        for one in partner.keys.select_related("api_key").order_by("-pk")
    ]  # fmt: skip
    headers = [_("Begins with"), _("Made on"), _("Last used on"), _("State")]
    return Panel(_("API keys"), headers, rows, _("None yet: the partner cannot post. Make one above."))


def _postings(partner: Partner) -> QuerySet[PartnerPosting]:
    return PartnerPosting.objects.filter(partner=partner).select_related("member").prefetch_related(OLDEST_BACK_FIRST)


def _wallet(partner: Partner) -> Wallet:
    """The wallet that partners post to; asked once per partner."""
    if not hasattr(partner, "main_wallet"):
        partner.main_wallet = Wallet.objects.get(program=partner.program_id, is_main=True)  # type: ignore[attr-defined]
    return partner.main_wallet  # type: ignore[attr-defined]


def _points(told: settlement.Figures) -> Any:
    return lambda points: show_points(points, told.decimals)

"""What the page of one partner at the desk tells: the month that runs, every month settled or to be settled, what was posted and
taken back lately, campaigns run together, and its keys. Nothing here changes anything."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from campaigns.models import Campaign
from campaigns.partners import months, posting, settlement
from campaigns.partners.models import Partner, PartnerTakeBack
from campaigns.partners.showing import month_address, month_name, postings_of, wallet_of
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import Panel, Stat, badge, day, link, moment
from loyalty.pos.models import ApiKey

LATEST = 20
# An open month is five queries; whoever closes each month has two of them.
OPEN_RECKONED = 3
Known = dict[date, settlement.Figures]


def context_of(partner: Partner, at: datetime, *, may_export: bool) -> dict[str, Any]:
    """The figures at the top and the tables below. `may_export` offers each month as a file."""
    this = settlement.months_of(partner, at=at)[0]
    known = {this: settlement.reckon(partner, this)}
    panels = [
        _months_panel(partner, at, known, may_export=may_export), _latest_panel(partner), _take_backs_panel(partner),
        _campaigns_panel(partner), _keys_panel(partner, at),
    ]  # fmt: skip
    return {"stats": _stats(partner, this, known[this]), "panels": panels}


def _stats(partner: Partner, this: date, told: settlement.Figures) -> list[Stat]:
    """How the month that runs stands, and which month is to be closed next."""
    show, due = _shown(partner), months.first_open(partner)
    parts = {"posted": show(told.total("posted")), "back": show(told.total("taken_back"))}
    title = month_name(due) if due < this else _("none")
    return [
        Stat(_("Points this month"), show(told.total("points")), _("Posted for this month, less what was taken back in it."), _("%(posted)s posted, %(back)s taken back") % parts),
        Stat(_("To pay so far"), show_money(told.owed, told.currency), _("For this month as known now, with the partner's part of campaigns run together."), url=month_address(partner, this)),
        _limit_stat(partner, this),
        Stat(_("Price per point"), f"{partner.price_per_point.normalize():f} {partner.program.currency}", _("For what is posted from now on.")),
        Stat(_("To be closed"), title, _("The earliest month that is over and not closed."), tone="warn" if due < this else "", url=month_address(partner, due) if due < this else ""),
    ]  # fmt: skip


def _limit_stat(partner: Partner, this: date) -> Stat:
    """What may still be posted for this month."""
    hint = _(
        "Of what was agreed for a month. Points of this month's postings that were taken back do not count against it."
    )
    limit, show = partner.monthly_limit, _shown(partner)
    if limit is None:
        return Stat(_("May still be posted"), _("no limit"), hint)
    left = max(0, limit - posting.posted_in(partner, this))
    note = _("of %(most)s a month") % {"most": show(limit)}
    return Stat(_("May still be posted"), show(left), hint, note, tone="" if left else "warn")


def _months_panel(partner: Partner, at: datetime, known: Known, *, may_export: bool) -> Panel:
    """Every month with what it came to: closed ones as they were closed, the earliest open ones as known now."""
    show, currency = _shown(partner), partner.program.currency
    settled = {one.month: one for one in partner.settlements.all()}
    moved, told = settlement.movements_by_month(partner), settlement.months_of(partner, at=at)
    open_months = [month for month in reversed(told) if month not in settled and month not in known][:OPEN_RECKONED]
    owed = {month: figures.owed for month, figures in known.items()}
    owed |= {month: settlement.reckon(partner, month).owed for month in open_months}
    owed |= {month: Decimal(one.figures["owed"]) for month, one in settled.items()}
    rows = []
    for month in told:
        posted, back = moved.get(month, (0, 0))
        state = badge(_("closed"), "good") if month in settled else badge(_("open"), "info")
        address = month_address(partner, month)
        to_pay = show_money(owed[month], currency) if month in owed else "–"
        row = [link(address, month_name(month)), show(posted), show(back), to_pay, state]
        rows.append([*row, _file(address, month)] if may_export else row)
    headers = [_("Month"), _("Posted"), _("Taken back"), _("To pay"), _("State"), *([_("File")] if may_export else [])]
    note = _("Open months as known now: they may still change until they are closed.")
    return Panel(_("Settlement by month"), headers, rows, numeric=frozenset({1, 2, 3}), note=note)


def _file(address: str, month: date) -> str:
    """A link to a month's lines, which says of which month to who does not see the row."""
    label = _("Lines of %(month)s as CSV") % {"month": month_name(month)}
    return format_html('<a class="desk-link" href="{}?as=csv" aria-label="{}">CSV</a>', address, label)


def _latest_panel(partner: Partner) -> Panel:
    show = _shown(partner)
    rows = [
        (link(reverse("admin:partners_partnerposting_change", args=[one.pk]), one.reference), link(reverse("admin:members_member_change", args=[one.member_id]), one.member), show(one.points), day(one.occurred_at), one.words)
        for one in postings_of(partner).order_by("-pk")[:LATEST]
    ]  # fmt: skip
    more = f"{reverse('admin:partners_partnerposting_changelist')}?partner__id__exact={partner.pk}"
    headers = [_("Reference"), _("Member"), _("Points"), _("Of"), _("What for")]
    return Panel(_("Latest postings"), headers, rows, _("Nothing was posted yet."), more if rows else "", _("All postings"), frozenset({2}))  # fmt: skip


def _take_backs_panel(partner: Partner) -> Panel:
    """What was taken back lately: by whom, why, how much of what was asked moved, and in which month it lowers what is owed."""
    show = _shown(partner)
    found = PartnerTakeBack.objects.filter(partner=partner).select_related("posting__member").order_by("-pk")[:LATEST]
    rows = [
        (
            link(reverse("admin:partners_partnerposting_change", args=[one.posting_id]), one.posting.reference),
            link(reverse("admin:members_member_change", args=[one.posting.member_id]), one.posting.member),
            show(one.asked), show(one.points), moment(one.recorded_at), month_name(one.month), one.reason or _("by the partner"),
        )
        for one in found
    ]  # fmt: skip
    headers = [_("Posting"), _("Member"), _("Asked"), _("Moved"), _("When"), _("Settled in"), _("Why")]
    note = _("What had expired or is written off does not move, and is not paid back.") if rows else ""
    return Panel(
        _("Latest take-backs"), headers, rows, _("Nothing was taken back."), numeric=frozenset({2, 3}), note=note
    )


def _campaigns_panel(partner: Partner) -> Panel:
    show = _shown(partner)
    rows = [
        (link(reverse("admin:campaigns_campaign_change", args=[one.pk]), one), f"{one.partner_percent} %", show(one.spent_points))
        for one in Campaign.objects.filter(partner=partner).order_by("-since")[:LATEST]
    ]  # fmt: skip
    headers = [_("Campaign"), _("Borne by the partner"), _("Points given")]
    empty = _("None. A campaign names its partner on its own page, while it is a draft.")
    return Panel(_("Campaigns run together"), headers, rows, empty, numeric=frozenset({1, 2}))


def _keys_panel(partner: Partner, at: datetime) -> Panel:
    rows = [
        (
            link(reverse("admin:pos_apikey_change", args=[one.api_key_id]), one.api_key.prefix), day(one.api_key.created_at),
            day(one.api_key.last_used_on), _key_state(one.api_key, at),
        )
        for one in partner.keys.select_related("api_key").order_by("-pk")
    ]  # fmt: skip
    headers = [_("Begins with"), _("Made on"), _("Last used on"), _("State")]
    note = _("The page of a key gives it a new secret or revokes it.") if rows else ""
    return Panel(_("API keys"), headers, rows, _("None yet: the partner cannot post. Make one above."), note=note)


def _key_state(key: ApiKey, at: datetime) -> str:
    if key.revoked_at:
        return badge(_("revoked"), "bad")
    ended = key.expires_at is not None and key.expires_at <= at
    return badge(_("expired"), "warn") if ended else badge(_("works"), "good")


def _shown(partner: Partner) -> Any:
    """Points of the wallet that partners post to, as people read them."""
    decimals = wallet_of(partner).decimals
    return lambda points: show_points(points, decimals)

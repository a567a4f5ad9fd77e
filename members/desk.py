"""What the desk shows about a member. Upper floors add their own tables here: the question is theirs to ask."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from loyalty.backoffice import explain, why
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import Panel, Stat, badge, day, link, moment, signed
from loyalty.ledger import statements
from loyalty.ledger.models import Account, Entry
from loyalty.mail.kinds import kind_in_words
from loyalty.mail.models import Message
from members import consents_panel
from members.models import Member, Purchase
from members.tiers import panels as tier_panels

AHEAD = timedelta(days=60)
ROWS = 10
LETTER_TONES = {"queued": "info", "sending": "info", "sent": "good", "failed": "bad", "uncertain": "warn"}
# Tables of upper floors: functions of (member, at) that return panels.
more_panels: list[Callable[[Member, datetime], list[Panel]]] = []
# The same for a purchase's page: functions of the purchase.
more_purchase_panels: list[Callable[[Purchase], list[Panel]]] = []


def page(member: Member, *, at: datetime) -> dict[str, Any]:
    """Figures and tables of a member's page; a constant number of queries."""
    account = (
        Account.objects.select_related("wallet").filter(member_account__member=member, wallet__is_main=True).first()
    )
    panels = [*_entries(account), *_running_out(account, at), *[p for more in more_panels for p in more(member, at)]]
    return {
        "stats": [*_balance(account, at), tier_panels.stat(member, at=at)],
        "panels": [
            *panels,
            _purchases(member),
            tier_panels.history(member),
            *tier_panels.benefits(member),
            consents_panel.panel(member),
            _letters(member),
        ],
    }


def _balance(account: Account | None, at: datetime) -> list[Stat]:
    if account is None:
        return []
    held, decimals = statements.balance(account.pk, at=at), account.wallet.decimals
    return [
        Stat(_("Available"), show_points(held.available, decimals), _("Points the member can spend right now."), account.wallet.name_of(held.available)),
        Stat(_("Pending"), show_points(held.pending, decimals), _("Earned, but cannot be spent yet.")),
        *([Stat(_("Held"), show_points(held.held, decimals), _("Reserved for a redemption that is not finished."))] if held.held else []),
        Stat(_("Owed"), show_points(held.debt, decimals), _("Owed after goods were returned. The next points earned repay it."), tone="bad" if held.debt else ""),
    ]  # fmt: skip


def _entries(account: Account | None) -> list[Panel]:
    if account is None:
        return []
    decimals = account.wallet.decimals
    tones = {"accrual": "good", "reversal": "good", "redemption": "info", "expiry": "warn", "claw_back": "bad"}
    rows = [
        (
            link(reverse("admin:ledger_entry_change", args=[e.pk]), moment(e.effective_at)),
            badge(e.get_kind_display(), tones.get(e.kind, "")),
            signed(e.amount, show_points(e.amount, decimals)),
            why(e),
        )
        for e in Entry.objects.filter(account=account).order_by("-number")[:ROWS]
    ]
    headers = [_("When"), _("What"), _("Points"), _("Why")]
    more = reverse("admin:ledger_entry_changelist") + f"?q=%23{account.pk}"
    return [
        Panel(_("Latest entries"), headers, rows, _("No points have moved yet."), more=more, numeric=frozenset({2}))
    ]


def _running_out(account: Account | None, at: datetime) -> list[Panel]:
    found = statements.expiring(account.pk, at=at, until=at + AHEAD) if account else []
    if not found:
        return []
    rows = [(day(last), show_points(points, account.wallet.decimals)) for last, points in found]
    return [
        Panel(_("Running out in the next 60 days"), [_("Last valid day"), _("Points")], rows, numeric=frozenset({1}))
    ]


def _purchases(member: Member) -> Panel:
    bought = Purchase.objects.filter(member=member).select_related("store").order_by("-occurred_at")[:ROWS]
    rows = [
        (
            link(reverse("admin:members_purchase_change", args=[p.pk]), moment(p.occurred_at)),
            f"{p.source} / {p.receipt}",
            p.store or p.channel or "–",
            show_money(p.total, p.currency),
            show_points(p.points),
        )
        for p in bought
    ]
    headers = [_("When"), _("Receipt"), _("Where"), _("Total"), _("Points")]
    more = reverse("admin:members_purchase_changelist") + f"?q={member.number}"
    return Panel(_("Purchases"), headers, rows, _("No purchase yet."), more=more, numeric=frozenset({3, 4}))


def _letters(member: Member) -> Panel:
    letters = Message.objects.filter(recipient=member.number).order_by("-id")[:ROWS]
    rows = [
        (link(reverse("admin:mail_message_change", args=[m.pk]), moment(m.queued_at)), kind_in_words(m.kind), badge(m.get_status_display(), LETTER_TONES.get(m.status, "")), m.address)
        for m in letters
    ]  # fmt: skip
    more = reverse("admin:mail_message_changelist") + f"?q={member.number}"
    return Panel(_("Letters"), [_("When"), _("Letter"), _("Status"), _("To")], rows, _("No letter yet."), more=more)


def purchase_page(record: Purchase) -> dict[str, Any]:
    """Figures and tables of a purchase's page, with why it earned what it earned."""
    entry = Entry.objects.filter(
        account__member_account__member=record.member, reference=f"purchase:{record.source}:{record.receipt}"
    ).first()
    said = explain(entry.explanation) if entry else _("This purchase earned no points.")
    rows = [
        (
            line.number,
            line.product or "–",
            line.category or "–",
            ", ".join(filter(None, (line.brand, line.collection, line.supplier))) or "–",
            line.quantity.normalize(),
            show_money(line.amount, record.currency),
            show_points(line.points),
        )
        for line in record.lines.order_by("number")[:200]
    ]
    lines = Panel(
        _("Lines"),
        ["#", _("Product"), _("Category"), _("Brand"), _("Quantity"), _("Amount"), _("Points")],
        rows,
        numeric=frozenset({4, 5, 6}),
    )
    return {
        "stats": [
            Stat(_("Points earned"), show_points(record.points), url=reverse("admin:ledger_entry_change", args=[entry.pk]) if entry else ""),
            *([Stat(_("Points taken back"), show_points(record.points_returned), _("For goods that came back."))] if record.refunded else []),
        ],
        "panels_before": [Panel(_("In words"), [], [], said)],
        "panels": [*([lines] if rows else []), *tier_panels.of_purchase(record), *[panel for more in more_purchase_panels for panel in more(record)]],
    }  # fmt: skip

"""The story of a campaign on its page: when it began and ended, and what it had done by its end."""

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from campaigns.models import Campaign, CampaignTurn
from loyalty.common.money import show_money, show_points
from loyalty.desk.panels import EMPTY, Panel, badge, moment
from loyalty.ledger.models import Wallet


def turns_panel(campaign: Campaign) -> list[Panel]:
    """What the job has written down; nothing before the campaign began."""
    turns = list(campaign.turns.order_by("happened_at", "id"))
    if not turns:
        return []
    wallet = Wallet.objects.get(program=campaign.program, is_main=True)
    note = _("The figures are those of the moment it ended. Goods that came back later show in its report only.")
    headers = [_("When"), _("What happened"), _("Members"), _("Purchases"), _("Points"), _("Cost"), _("Sales")]
    rows = [(moment(turn.happened_at), _kind(turn), *_figures(turn, campaign, wallet)) for turn in turns]
    return [Panel(_("Beginning and end"), headers, rows, note=note, numeric=frozenset({2, 3, 4, 5, 6}))]


def _kind(turn: CampaignTurn) -> str:
    return badge(turn.get_kind_display(), "good" if turn.kind == CampaignTurn.Kind.BEGAN else "")


def _figures(turn: CampaignTurn, campaign: Campaign, wallet: Wallet) -> tuple[str, ...]:
    told, currency = turn.figures, campaign.program.currency
    if not told:
        return (EMPTY,) * 5
    return (
        show_points(told["members"]),
        show_points(told["purchases"]),
        show_points(told["points"], wallet.decimals),
        show_money(Decimal(told["cost"]), currency),
        show_money(Decimal(told["revenue"]), currency),
    )

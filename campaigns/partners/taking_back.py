"""The program takes back what a partner posted, where the partner cannot or does not (DOMAIN 12.4).

It is a change: previewed, with a reason that the partner and the member read, above the limits approved by a second person, and
settled like the partner's own take-backs in the month it happens in. The days agreed with the partner bind the partner only. It
cannot be undone: the partner posts again, under another reference.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.partners import posting
from campaigns.partners.models import Partner, PartnerPosting
from loyalty.common.changes import Asked, ChangeKind, Limit, Plan, Row
from loyalty.common.money import show_points
from loyalty.ledger import clawback
from loyalty.ledger.adjusting import settled
from loyalty.ledger.models import Account, Entry

NAME = "take_posting_back"


class TakePostingBack(ChangeKind):
    """Take a partner's posting back. Parameters: posting (`partner/reference`), and points; empty for all that is left."""

    name = NAME
    title = gettext_lazy("Take back points of a partner")
    question = gettext_lazy("Which posting is taken back, and how many points of it?")
    form = "campaigns.partners.taking_back_form.TakePostingBackForm"
    is_whole = True
    can_undo = False

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        posted = posting_of(asked.program, asked.parameters["posting"])
        account = Account.objects.select_related("wallet").get(pk=posted.entry.account_id)
        if locked:
            account = settled([account.pk], at=at)[account.pk]
            posting.locked(posted.partner)
        left = posting.left_of(posted)
        wanted = posting.wanted_of(posted, asked.parameters["points"], left, account.wallet.decimals)
        taking = clawback.foresee(account, posted.entry, wanted, at=at)
        moved = sum(part for _lot, part in taking.parts) + taking.owed
        bonus = posting.bonus_of(posted) if wanted == left else None
        facts = {"asked": wanted, "owed": taking.owed, "bonus": bonus.points if bonus else 0}
        row = Row("posting", account.pk, Entry.Kind.CLAW_BACK.value, -moved, facts, short=taking.written_off)
        return Plan([row], account.wallet, warnings=_warnings(row, account.wallet.decimals))

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        posted = posting_of(asked.program, asked.parameters["posting"])
        for row in rows:
            posting.take_back(
                posted, reference=f"#{asked.id}", points=row.facts["asked"], at=at, actor=actor, reason=asked.reason
            )

    def limits(self, plan: Plan) -> list[Limit] | None:
        moved = sum(row.facts["asked"] + row.facts["bonus"] for row in plan.rows)
        return [Limit("adjustment_points", moved), Limit("adjustment_points_a_day", moved)]

    def words(self, asked: Asked, row: Row) -> str:
        if not row.facts["owed"]:
            return ""
        owed = show_points(row.facts["owed"], asked.program.wallets.get(is_main=True).decimals)
        return _("%(points)s of them are spent, and the member owes them") % {"points": owed}

    def summary(self, asked: Asked) -> str:
        return _("Posting %(posting)s") % {"posting": asked.parameters["posting"]}


def name_of(posted: PartnerPosting) -> str:
    """How people name a posting: the partner's short name and the reference."""
    return f"{posted.partner.slug}/{posted.reference}"


def posting_of(program: Any, name: str) -> PartnerPosting:
    """The posting of this name. Raises PostingUnknown."""
    slug, _slash, reference = name.strip().partition("/")
    partner = Partner.objects.filter(program=program, slug=slug).select_related("program").first()
    if partner is None:
        raise posting.PostingUnknown(
            _("There is no such posting. Write the partner's short name, a slash and the reference.")
        )
    return posting.find(partner, reference)


def _warnings(row: Row, decimals: int) -> list[str]:
    """What whoever decides should know beside the line."""
    found = []
    if row.facts["bonus"]:
        words = _("%(points)s points that rules added for it are taken back too.")
        found.append(words % {"points": show_points(row.facts["bonus"], decimals)})
    if row.short:
        words = _("%(points)s points are spent and written off: the partner is not paid back for them.")
        found.append(words % {"points": show_points(row.short, decimals)})
    gone = row.facts["asked"] + row.amount - row.short
    if gone > 0:
        words = _("%(points)s points have expired: the partner is not paid back for them.")
        found.append(words % {"points": show_points(gone, decimals)})
    return found

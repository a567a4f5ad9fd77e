"""Whom a bulk change is for: listed member numbers, a segment, a tier, everybody, or what the list of members was filtered by.

A selection is JSON: {"numbers": [...]}, {"all": true}, {"tier": slug} or {"search": text, "segment": slug, "tier": slug, "language": code}.
Who joined, or came into the segment, after it was asked for is not meant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from loyalty.common.changes import Asked, Row
from loyalty.common.ids import show_member_number
from loyalty.ledger.models import Program, Wallet
from members import searching
from members.models import Member, MemberAccount
from members.segments import membership
from members.segments.models import Segment


@dataclass(slots=True)
class Selected:
    """Accounts by member number, in order of the numbers, and who was meant but cannot be."""

    wallet: Wallet
    accounts: dict[str, int] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    @property
    def numbers(self) -> dict[int, str]:
        """Member numbers by account, as they are shown."""
        return {account: show_member_number(number) for number, account in self.accounts.items()}


def select(
    asked: Asked, selection: dict[str, Any], *, only: Sequence[Row] | None = None, wallet: Wallet | None = None
) -> Selected:
    """The accounts of a selection in a wallet, without one in the program's main wallet: two queries."""
    wallet = wallet or Wallet.objects.select_related("program").get(program=asked.program, is_main=True)
    held = MemberAccount.objects.filter(wallet=wallet).select_related("member")
    if only is not None:
        held = held.filter(account__any_of=[row.account_id for row in only])
    if "numbers" in selection:
        return _listed(wallet, held, selection["numbers"], is_part=only is not None)
    members = matching(asked.program, selection, until=asked.asked_at)
    rows = held.filter(member__in=members).order_by("member__number").values_list("member__number", "account_id")
    return Selected(wallet, dict(rows))


def matching(program: Program, selection: dict[str, Any], *, until: datetime) -> QuerySet[Member]:
    """The active members that a filter means."""
    members = Member.objects.filter(program=program, status=Member.Status.ACTIVE, enrolled_at__lte=until)
    if selection.get("tier"):
        members = members.filter(tier__slug=selection["tier"])
    if selection.get("segment"):
        segments = Segment.objects.filter(program=program, slug=selection["segment"])
        there = [membership.members_in(segment, until).order_by().values("pk") for segment in segments]
        members = members.filter(pk__in=there[0]) if there else members.none()
    if selection.get("language"):
        members = members.filter(language=selection["language"])
    if selection.get("search"):
        members = members.filter(searching.found_by(selection["search"]))
    return members


def in_words(selection: dict[str, Any]) -> str:
    """A selection as a phrase."""
    if "numbers" in selection:
        return _("%(count)d listed members") % {"count": len(selection["numbers"])}
    told = [_("tier “%(tier)s”") % {"tier": selection["tier"]}] if selection.get("tier") else []
    told += [_("segment “%(segment)s”") % {"segment": selection["segment"]}] if selection.get("segment") else []
    told += [_("language “%(language)s”") % {"language": selection["language"]}] if selection.get("language") else []
    told += [_("found by “%(search)s”") % {"search": selection["search"]}] if selection.get("search") else []
    return _("members: %(filters)s") % {"filters": ", ".join(told)} if told else _("all active members")


def _listed(wallet: Wallet, held: QuerySet[MemberAccount], numbers: Iterable[str], *, is_part: bool) -> Selected:
    wanted = list(dict.fromkeys(numbers))
    known = {pair.member.number: pair for pair in held.filter(member__number__any_of=wanted)}
    chosen = Selected(wallet)
    for number in wanted:
        pair = known.get(number)
        if pair is None and not is_part:
            chosen.left_out.append((show_member_number(number), _("There is no member with this number.")))
        elif pair is not None and pair.member.status != Member.Status.ACTIVE:
            chosen.left_out.append((show_member_number(number), _("This member is closed.")))
        elif pair is not None:
            chosen.accounts[number] = pair.account_id
    return chosen

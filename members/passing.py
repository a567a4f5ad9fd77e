"""Passing points on: from a member to another, or from one wallet to another, also of a partner's program.

Who receives is found by member number; nobody learns more of a person than a masked name, and a number that nobody has is
answered like one whose member cannot receive. Both sides get a letter, in the transaction of the transfer. What the
wallets allow stands in `loyalty.ledger.transfers`.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from loyalty.common.errors import Refusal
from loyalty.common.ids import is_member_number
from loyalty.common.money import show_points
from loyalty.ledger import adjusting, statements, transfers
from loyalty.ledger.drawing import InsufficientPoints
from loyalty.ledger.locking import lock
from loyalty.ledger.models import Account, Entry, ExchangeRate, Program, Wallet
from loyalty.mail import outbox
from members.models import Member, MemberAccount


class ReceiverUnknown(Refusal):
    """Nobody with this number can receive points."""

    code = "receiver_unknown"
    status = 404


class NumberMistyped(Refusal):
    """The check digit of a member number does not fit: it was mistyped."""

    code = "number_mistyped"
    status = 422


class AmountMalformed(Refusal):
    """What was typed is no number of points."""

    code = "amount_malformed"
    status = 422


class WalletUnknown(Refusal):
    """The member has no account in a wallet of that short name."""

    code = "wallet_unknown"
    status = 404


@dataclass(frozen=True, slots=True)
class Passing:
    """Points that were passed on, or would be. `received` is in the smallest unit of the receiver's wallet.

    `ends` is what arrives by the instant it ends, soonest first; only a preview tells it.
    """

    giver: Account
    taker: Account
    receiver: Member
    points: int
    received: int
    rate: Decimal
    entry: Entry | None = None
    ends: tuple[tuple[datetime | None, int], ...] = ()


def receiver(program: Program, typed: str) -> Member:
    """The active member of a program with this number, typed with or without blanks. Raises NumberMistyped, ReceiverUnknown."""
    number = typed[:40].replace(" ", "").replace("-", "")
    if not is_member_number(number):
        message = _("This is no member number: please compare its twelve digits with the card of the other person.")
        raise NumberMistyped(message, field="to")
    members = Member.objects.select_related("program")
    found = members.filter(program=program, number=number, status=Member.Status.ACTIVE).first()
    if found is None:
        raise ReceiverUnknown(_("Nobody with this number can receive points. Please check it."), field="to")
    return found


def masked(member: Member) -> str:
    """Enough of a name to recognise a friend by, and no more: `B••• S•••`; without a name the end of the number."""
    words = member.name.split()
    return " ".join(f"{word[0]}•••" for word in words[:3]) if words else f"•••• •••• {member.number[-4:]}"


def account_in(member: Member, wallet: str = "") -> Account:
    """The member's account in a wallet of that short name, or in the main one. Raises WalletUnknown."""
    accounts = MemberAccount.objects.filter(member=member).select_related("account__wallet__program")
    found = (accounts.filter(wallet__slug=wallet) if wallet else accounts.filter(wallet__is_main=True)).first()
    if found is None:
        raise WalletUnknown(_("The member has no wallet of this name."), field="wallet")
    return found.account


def account_to_give(member: Member) -> Account | None:
    """The member's first account whose wallet lets points be passed on, the main one first."""
    open_to = MemberAccount.objects.filter(member=member, wallet__transfer_limit__isnull=False)
    found = open_to.select_related("account__wallet__program").order_by("-wallet__is_main", "wallet_id").first()
    return found.account if found else None


def preview(giver: Account, to: Member, points: int, *, at: datetime, to_wallet: str = "") -> Passing:
    """What passing points on would do. Raises what `pass_on` would."""
    taker = account_in(to, to_wallet or _same_wallet(giver, to))
    rate = transfers.rate_between(giver.wallet, taker.wallet)
    if giver.pk == taker.pk:
        raise transfers.TransferNotAllowed(_("These points are on this account already."))
    arrives = transfers.received(points, rate)
    if not arrives:
        raise transfers.NothingArrives(_("So few points become none of the other kind. Pass on more."), rate=str(rate))
    transfers.judge(giver, points, at=at)
    available = statements.balance(giver.pk, at=at).available
    if points > available:
        missing = points - available
        message = ngettext(
            "%(missing)d point is missing for this.", "%(missing)d points are missing for this.", missing
        )
        raise InsufficientPoints(message % {"missing": missing}, missing=missing, available=available)
    drawn, _missing = adjusting.draws({giver.pk: points}, at=at)[giver.pk]
    return Passing(giver, taker, to, points, arrives, rate, ends=tuple(transfers.by_expiry(drawn, rate)))


def kinds_to_become(wallet: Wallet) -> list[ExchangeRate]:
    """The agreements by which points of a wallet may become others now, those of its own program first."""
    agreed = ExchangeRate.objects.filter(from_wallet=wallet, is_active=True, to_wallet__program__is_active=True)
    found = agreed.select_related("to_wallet__program").order_by("to_wallet__program__name", "pk")
    return sorted(found, key=lambda one: one.to_wallet.program_id != wallet.program_id)


@transaction.atomic
def pass_on(
    giver: Account,
    to: Member,
    points: int,
    *,
    at: datetime,
    reference: str,
    source: str,
    actor: str,
    to_wallet: str = "",
    is_limited: bool = True,
    reason: str = "",
) -> Passing:
    """Move points to another member or wallet and write to both. A repeated reference is answered with the first transfer.

    Raises NoExchange, TransferNotAllowed (or its kinds), InsufficientPoints, ReferenceConflict.
    """
    taker = account_in(to, to_wallet or _same_wallet(giver, to))
    lock(giver.pk, taker.pk)
    known = transfers.known(giver.pk, reference)
    rate = Decimal(known.explanation["rate"]) if known else transfers.rate_between(giver.wallet, taker.wallet)
    entry = transfers.transfer(
        giver.pk, taker.pk, points, at=at, reference=reference, source=source, actor=actor, rate=rate,
        is_limited=is_limited, reason=reason,
    )  # fmt: skip
    passed = Passing(giver, taker, to, points, transfers.received(points, rate), rate, entry)
    if known is None:
        _tell(passed, at=at)
    return passed


def _same_wallet(giver: Account, to: Member) -> str:
    """Within a program points stay of their kind; in another one they arrive in its main wallet."""
    return giver.wallet.slug if to.program_id == giver.wallet.program_id else ""


def _tell(passed: Passing, *, at: datetime) -> None:
    """A letter to the giver and one to the receiver; a member who moves points between own wallets gets one."""
    holder = MemberAccount.objects.select_related("member__program").get(account=passed.giver).member
    other = passed.receiver
    _letter("points_passed", holder, passed.giver, passed.points, masked(other), passed, at)
    if holder.pk != other.pk:
        _letter("points_received", other, passed.taker, passed.received, masked(holder), passed, at)


def _letter(
    kind: str, member: Member, account: Account, points: int, other: str, passed: Passing, at: datetime
) -> None:
    """One side's letter, in the member's language."""
    wallet = account.wallet
    with override(member.language):
        left = statements.balance(account.pk, at=at).available
        context = {
            "name": member.name,
            "program": str(member.program),
            "other": other,
            "points": f"{show_points(points, wallet.decimals)} {wallet.name_of(points)}",
            "balance": f"{show_points(left, wallet.decimals)} {wallet.name_of(left)}",
        }
    outbox.queue(
        recipient=member.number,
        address=member.email,
        language=member.language,
        kind=kind,
        subject=f"transfer:{passed.entry.pk if passed.entry else 0}",
        context=context,
        at=at,
    )

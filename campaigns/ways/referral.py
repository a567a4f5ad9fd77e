"""Bringing friends: a member's code, binding a friend to it once for ever, and what staff decide of those held for review (DOMAIN 10.2)."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns.ways import suspicions
from campaigns.ways.models import Referral, ReferralCode
from campaigns.ways.terms import terms_of
from loyalty.common.clock import day_start, local_day
from loyalty.common.errors import Refusal
from loyalty.common.ids import ALPHABET, normal_code
from loyalty.jobs.changes import people
from loyalty.ledger import locking
from loyalty.ledger.models import Program
from members.models import Member, MemberAccount, Purchase

CODE_LENGTH = 8
# A friend is somebody new: enrolled at most so long ago, and without a purchase before that day.
NEW_FOR = timedelta(days=30)
Status = Referral.Status


class CodeUnknown(Refusal):
    """No member of the program has this code, or they left."""

    code = "referral_code_unknown"
    status = 404


class ReferralClosed(Refusal):
    """The program takes no friends at the moment."""

    code = "referral_closed"


class OwnCode(Refusal):
    """Nobody brings themselves."""

    code = "own_referral_code"


class AlreadyBound(Refusal):
    """The friend was brought by somebody else before."""

    code = "already_referred"


class NotNew(Refusal):
    """The friend has been a member for long, or has bought before."""

    code = "not_a_new_member"


class NotWaiting(Refusal):
    """This referral waits for nobody's decision."""

    code = "referral_not_held"


class ReasonMissing(Refusal):
    """A decision against a member needs words."""

    code = "reason_missing"
    status = 422


@transaction.atomic
def code_of(member: Member, *, at: datetime, actor: str) -> ReferralCode:
    """The member's code; made when it is first asked for."""
    found = ReferralCode.objects.filter(member=member).first()
    if found:
        return found
    locking.lock(*_accounts(member.pk))
    return ReferralCode.objects.get_or_create(member=member, defaults={"code": _new_code(), "made_at": at})[0]


def find(program: Program, typed: str) -> ReferralCode:
    """The code as somebody typed it, with its member. Raises CodeUnknown."""
    found = ReferralCode.objects.filter(code=normal_code(typed)[:12], member__program=program)
    known = found.filter(member__status=Member.Status.ACTIVE).select_related("member__program").first()
    if known is None:
        raise CodeUnknown(_("There is no such code. Ask your friend for it again, or join without one."))
    return known


@transaction.atomic
def bind(friend: Member, typed: str, *, at: datetime, actor: str) -> Referral:
    """Bind a new member to who brought them. The same again returns the first; what is suspicious is held or refused, and says why.

    Raises CodeUnknown, ReferralClosed, OwnCode, AlreadyBound, NotNew; then nothing has changed.
    """
    terms = terms_of(friend.program)
    referrer = find(friend.program, typed).member
    if referrer.pk == friend.pk:
        raise OwnCode(_("This is your own code. It is for your friends."))
    locking.lock(*_accounts(referrer.pk, friend.pk))
    known = Referral.objects.filter(friend=friend).first()
    if known and known.referrer_id == referrer.pk:
        return known
    if known:
        raise AlreadyBound(_("This member was brought by somebody else before. That stays."))
    if not terms.referral_is_open:
        raise ReferralClosed(_("Bringing friends earns nothing at the moment. You can join without a code."))
    _refuse_old(friend, at=at)
    codes = suspicions.found(referrer, friend, terms, at=at)
    is_refused = bool(suspicions.REFUSING & set(codes))
    return Referral.objects.create(
        program=friend.program, referrer=referrer, friend=friend, reasons=codes, bound_at=at,
        status=Status.REFUSED if is_refused else Status.HELD if codes else Status.BOUND,
        decided_at=at if is_refused else None, decided_by=actor if is_refused else "",
        email_digest=suspicions.digest(suspicions.folded_email(friend.email)),
        phone_digest=suspicions.digest(suspicions.folded_phone(friend.phone)),
        buys_before=at + timedelta(days=terms.buy_within_days),
    )  # fmt: skip


@transaction.atomic
def approve(referral: Referral, *, at: datetime, actor: str, note: str = "") -> Referral:
    """Let a held referral go on: it is rewarded like any other. Repeating returns it as it is. Raises NotWaiting, OwnAccount."""
    referral = locked(referral, actor=actor)
    if referral.status == Status.BOUND and referral.decided_at:
        return referral
    if referral.status != Status.HELD:
        raise NotWaiting(_("Nothing is to be decided here: this referral is not held for review."))
    return _decided(referral, Status.BOUND, at=at, actor=actor, note=note)


@transaction.atomic
def refuse(referral: Referral, *, at: datetime, actor: str, note: str) -> Referral:
    """Refuse a held referral for good, with words. Repeating returns it as it is. Raises NotWaiting, ReasonMissing, OwnAccount."""
    referral = locked(referral, actor=actor)
    if referral.status == Status.REFUSED:
        return referral
    if referral.status != Status.HELD:
        raise NotWaiting(_("Nothing is to be decided here: this referral is not held for review."))
    if not note.strip():
        raise ReasonMissing(_("Say why: the member may ask."))
    return _decided(referral, Status.REFUSED, at=at, actor=actor, note=note)


def _decided(referral: Referral, status: str, *, at: datetime, actor: str, note: str) -> Referral:
    referral.status, referral.decided_at, referral.decided_by, referral.note = status, at, actor, note.strip()
    referral.save(update_fields=["status", "decided_at", "decided_by", "note"])
    return referral


def locked(referral: Referral, *, actor: str) -> Referral:
    """The referral as it is now, its members' accounts locked. Raises OwnAccount when the actor is one of the two members (law 19)."""
    accounts = _accounts(referral.referrer_id, referral.friend_id)
    people.refuse_own(actor, accounts)
    locking.lock(*accounts)
    return Referral.objects.select_related("referrer__program", "friend__program", "program").get(pk=referral.pk)


def _accounts(*member_ids: int) -> list[int]:
    """The main accounts of members."""
    found = MemberAccount.objects.filter(member__in=member_ids, wallet__is_main=True)
    return list(found.values_list("account_id", flat=True))


def _refuse_old(friend: Member, *, at: datetime) -> None:
    """Raise NotNew for somebody who was here before."""
    began = day_start(local_day(friend.enrolled_at, friend.program.time_zone), friend.program.time_zone)
    is_old = friend.enrolled_at < at - NEW_FOR
    if is_old or Purchase.objects.filter(Q(occurred_at__lt=began), member=friend).exists():
        raise NotNew(_("Codes are for new members: within 30 days of joining, and without earlier purchases."))


def _new_code() -> str:
    """A code nobody has: forty random bits. The unique constraint stands behind it."""
    while True:
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        if not ReferralCode.objects.filter(code=code).exists():
            return code

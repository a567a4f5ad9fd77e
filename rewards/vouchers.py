"""The code a member shows at the till: found, used once, or expired.

A voucher is used as often as it may be, mostly once, and never both used and cancelled: every end of it is decided with its redemption's row
locked. Using it again with the same till and receipt gives the first answer (DOMAIN 7.3). Its validity is a fact of
time: past its end it cannot be used, whether or not the job has marked it.
"""

import hmac
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from loyalty.common.clock import last_valid_day, local_day
from loyalty.common.errors import Refusal
from loyalty.common.ids import CODE_LENGTH, is_mistyped, normal_code
from loyalty.common.retrying import retried
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from loyalty.pos.models import Store
from rewards import amounts, cards, kinds, pools
from rewards.digests import code_digest
from rewards.models import Redemption, Voucher, VoucherUse

SWEEP_BATCH = 2_000
USED = Redemption.Status.USED


class VoucherUnknown(Refusal):
    """No voucher of this program has the code."""

    code = "voucher_unknown"
    status = 404


class CodeMistyped(VoucherUnknown):
    """The code's check character does not fit: a character is wrong, or two stand the wrong way round."""

    code = "code_mistyped"


class VoucherUsed(Refusal):
    """The voucher was used already, at another till or on another receipt."""

    code = "voucher_used"


class VoucherCancelled(Refusal):
    """The voucher was cancelled and its points were given back."""

    code = "voucher_cancelled"


class VoucherExpired(Refusal):
    """The voucher's last valid day is over."""

    code = "voucher_expired"


class VoucherNotYetValid(Refusal):
    """The voucher can be used later, from `valid_from` on."""

    code = "voucher_not_yet_valid"


class VoucherElsewhere(Refusal):
    """The reward is collected at another store (`store`)."""

    code = "voucher_elsewhere"


class VoucherNotForTills(Refusal):
    """Nothing is done with this reward at a till."""

    code = "voucher_not_for_tills"


class NothingToRelease(Refusal):
    """The voucher was not used for this till and receipt."""

    code = "nothing_to_release"


class ReleaseTooLate(Refusal):
    """A use can be taken back on its own day only."""

    code = "release_too_late"


def find(program: Program, typed_code: str) -> Voucher:
    """The voucher with this code, typed in any case with or without dashes, or the partner's.

    Codes of before the check character are without it. Raises CodeMistyped or VoucherUnknown.
    """
    code = normal_code(typed_code[:100])
    found = None
    related = Voucher.objects.select_related(
        "redemption__reward__wallet",
        "redemption__member__program",
        "redemption__program",
        "redemption__store",
        "redemption__seat__session",
        "redemption__parcel",
    ).filter(redemption__program=program)
    if len(code) in (CODE_LENGTH, CODE_LENGTH + 1):
        found = related.filter(code_digest=code_digest(code)).first()
        if found is not None and not hmac.compare_digest(found.code.encode(), code.encode()):
            found = None
    if found is None and (partners := pools.find(program, typed_code[:200])):
        found = related.filter(redemption=partners.redemption_id).first()
    if found is None and is_mistyped(code):
        raise CodeMistyped(
            _("A character of this code is wrong, or two are swapped. Compare it with the voucher again.")
        )
    if found is None:
        raise VoucherUnknown(_("There is no voucher with this code. Please check the code and type it again."))
    return found


@retried
@transaction.atomic
def use(
    voucher: Voucher, *, at: datetime, till: str, receipt: str, actor: str, store: Store | None = None,
    amount: Decimal | None = None, at_till: bool = True,
) -> Voucher:  # fmt: skip
    """Use a voucher at a till for a receipt; the same till and receipt again get the first answer.

    `store` is where the till stands, where that is known; `amount` is what a gift card pays of the bill; `at_till` is false
    for what a member uses alone. Raises VoucherUsed,
    -Cancelled, -Expired, -NotYetValid, -Elsewhere, -NotForTills, AmountNeeded, TooLittleLeft or OtherAmount.
    """
    cards.hold([voucher], at=at)
    redemption = _hold(voucher)
    standing = VoucherUse.objects.filter(voucher=voucher, till=till, receipt=receipt, released_at__isnull=True)
    known = standing.first()
    if known or (redemption.status == USED and (voucher.till, voucher.receipt) == (till, receipt)):
        amounts.refuse_other_amount(known, amount, redemption.program)
        return voucher
    refusal = (
        unusable(voucher, at=at, at_till=at_till) or _elsewhere(redemption, store) or amounts.unpayable(voucher, amount)
    )
    if refusal:
        raise refusal
    VoucherUse.objects.create(voucher=voucher, used_at=at, till=till, receipt=receipt, used_by=actor, amount=amount)
    voucher.uses += 1
    if voucher.left is not None and amount is not None:
        voucher.left -= amount
    if voucher.uses >= voucher.uses_allowed or voucher.left == 0:
        redemption.status, redemption.ended_at, redemption.ended_by = USED, at, actor
        redemption.save(update_fields=["status", "ended_at", "ended_by"])
        voucher.used_at, voucher.till, voucher.receipt, voucher.is_live = at, till, receipt, False
    voucher.save(update_fields=["uses", "left", "used_at", "till", "receipt", "is_live"])
    return voucher


@retried
@transaction.atomic
def release(voucher: Voucher, *, at: datetime, till: str, receipt: str, actor: str) -> Voucher:
    """Take a use back, on the day of the program clock it was made; the voucher is as good as before. Twice changes nothing.

    Raises NothingToRelease or ReleaseTooLate.
    """
    cards.hold([voucher], at=at)
    redemption = _hold(voucher)
    used = VoucherUse.objects.filter(voucher=voucher, till=till, receipt=receipt).order_by("id").last()
    if used is None:
        raise NothingToRelease(_("This voucher was not used for this receipt. Look at its uses again."))
    if used.released_at:
        return voucher
    zone = redemption.program.time_zone
    if local_day(at, zone) != local_day(used.used_at, zone):
        day = date_format(local_day(used.used_at, zone))
        raise ReleaseTooLate(_("This use was on %(day)s. It can be taken back on the same day only.") % {"day": day})
    used.released_at, used.released_by = at, actor
    used.save(update_fields=["released_at", "released_by"])
    redemption.status, redemption.ended_at, redemption.ended_by = Redemption.Status.ISSUED, None, ""
    redemption.save(update_fields=["status", "ended_at", "ended_by"])
    voucher.uses -= 1
    if voucher.left is not None and used.amount is not None:
        voucher.left += used.amount
    voucher.used_at, voucher.till, voucher.receipt, voucher.is_live = None, "", "", True
    voucher.save(update_fields=["uses", "left", "used_at", "till", "receipt", "is_live"])
    return voucher


def _hold(voucher: Voucher) -> Redemption:
    """The redemption of a voucher, its row locked, both as they are now."""
    held = Redemption.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "reward__wallet", "program", "member", "store", "seat__session", "parcel"
    )
    redemption = held.get(pk=voucher.redemption_id)
    voucher.refresh_from_db(fields=["used_at", "till", "receipt", "is_live", "expires_at", "uses", "left"])
    voucher.redemption = redemption
    return redemption


def _elsewhere(redemption: Redemption, store: Store | None) -> Refusal | None:
    """Whether the reward is collected at another store than the one the till stands in."""
    if store is None or redemption.store_id in (None, store.pk):
        return None
    message = _("This is collected at %(store)s.") % {"store": redemption.store}
    return VoucherElsewhere(message, store=redemption.store.code if redemption.store else "")


def unusable(voucher: Voucher, *, at: datetime, at_till: bool = True) -> Refusal | None:
    """Why this voucher cannot be used at that instant; None when it can."""
    state = voucher.redemption.state(at=at, voucher=voucher)
    if state == Redemption.Status.ISSUED and (
        kept := kinds.of(voucher.redemption.reward).kept_from_till(voucher.redemption)
    ):
        return kept
    zone = voucher.redemption.program.time_zone
    if state == Redemption.Status.USED:
        day = date_format(local_day(voucher.used_at or at, zone))
        return VoucherUsed(_("This voucher was used on %(day)s and cannot be used again.") % {"day": day})
    if state == Redemption.Status.CANCELLED:
        return VoucherCancelled(_("This voucher was cancelled and its points were given back, so it cannot be used."))
    if state == Redemption.Status.EXPIRED:
        day = date_format(last_valid_day(voucher.expires_at, zone))
        return VoucherExpired(
            _("This voucher was valid until %(day)s and cannot be used any more.") % {"day": day},
            expires_at=voucher.expires_at.isoformat(),
        )
    if at_till and not kinds.of(voucher.redemption.reward).is_for_tills:
        return VoucherNotForTills(_("Nothing is to be done with this at a till."))
    if at < voucher.valid_from:
        day = date_format(local_day(voucher.valid_from, zone))
        return VoucherNotYetValid(
            _("This voucher is valid from %(day)s on.") % {"day": day}, valid_from=voucher.valid_from.isoformat()
        )
    return None


def expire_due(
    program: Program,
    *,
    at: datetime,
    dry_run: bool = False,
    progress: Progress = unwatched,
) -> Tally:
    """Mark the unused vouchers whose validity has ended, in batches; their points and stock stay spent.

    May be stopped, rerun or run twice at once: what is marked is no longer due.
    """
    due = Voucher.objects.filter(is_live=True, expires_at__lte=at, redemption__program=program)
    if dry_run:
        return Tally(found=due.count(), done=0, skipped=0, report={})
    done = 0
    while batch := _expire_batch(program, at):
        done += batch
        if not progress(done, done, 0):
            break
    return Tally(found=done, done=done, skipped=0, report={})


@retried
@transaction.atomic
def _expire_batch(program: Program, at: datetime) -> int:
    """Mark one batch, oldest end first; rows somebody is deciding about right now are left to the next run."""
    due = Redemption.objects.filter(
        program=program, status=Redemption.Status.ISSUED, voucher__is_live=True, voucher__expires_at__lte=at
    )
    locked = due.order_by("voucher__expires_at", "id").select_for_update(no_key=True, skip_locked=True, of=("self",))
    ids = list(locked.values_list("id", flat=True)[:SWEEP_BATCH])
    if not ids:
        return 0
    end = Voucher.objects.filter(redemption=OuterRef("pk")).values("expires_at")
    marked = Redemption.objects.filter(pk__in=ids, status=Redemption.Status.ISSUED)
    count = marked.update(status=Redemption.Status.EXPIRED, ended_at=Subquery(end), ended_by="job:expire_vouchers")
    Voucher.objects.filter(redemption__in=ids, redemption__status=Redemption.Status.EXPIRED).update(is_live=False)
    return count

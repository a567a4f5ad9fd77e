"""The code a member shows at the till: found, used once, or expired.

A voucher is used at most once and never both used and cancelled: every end of it is decided with its redemption's row
locked. Using it again with the same till and receipt gives the first answer (DOMAIN 7.3). Its validity is a fact of
time: past its end it cannot be used, whether or not the job has marked it.
"""

import hashlib
import hmac
from datetime import datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from loyalty.common.clock import last_valid_day, local_day
from loyalty.common.errors import Refusal
from loyalty.common.ids import CODE_LENGTH, normal_code
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from rewards.models import Redemption, Voucher

SWEEP_BATCH = 2_000


class VoucherUnknown(Refusal):
    """No voucher of this program has the code."""

    code = "voucher_unknown"
    status = 404


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


def code_digest(code: str) -> str:
    """The digest a voucher is found by. `code` is in its stored form (`normal_code`)."""
    return hashlib.sha256(code.encode()).hexdigest()


def find(program: Program, typed_code: str) -> Voucher:
    """The voucher with this code, typed in any case with or without dashes; VoucherUnknown otherwise."""
    code = normal_code(typed_code[:100])
    found = None
    if len(code) == CODE_LENGTH:
        related = Voucher.objects.select_related(
            "redemption__reward__wallet", "redemption__member", "redemption__program"
        )
        found = related.filter(code_digest=code_digest(code), redemption__program=program).first()
    if found is None or not hmac.compare_digest(found.code.encode(), code.encode()):
        raise VoucherUnknown(_("There is no voucher with this code. Please check the code and type it again."))
    return found


@transaction.atomic
def use(voucher: Voucher, *, at: datetime, till: str, receipt: str, actor: str) -> Voucher:
    """Use a voucher at a till for a receipt. Raises VoucherUsed, -Cancelled, -Expired or -NotYetValid."""
    held = Redemption.objects.select_for_update(no_key=True, of=("self",)).select_related("reward", "program", "member")
    redemption = held.get(pk=voucher.redemption_id)
    voucher.refresh_from_db(fields=["used_at", "till", "receipt", "is_live", "expires_at"])
    voucher.redemption = redemption
    if redemption.status == Redemption.Status.USED and (voucher.till, voucher.receipt) == (till, receipt):
        return voucher
    refusal = unusable(voucher, at=at)
    if refusal:
        raise refusal
    redemption.status, redemption.ended_at, redemption.ended_by = Redemption.Status.USED, at, actor
    redemption.save(update_fields=["status", "ended_at", "ended_by"])
    voucher.used_at, voucher.till, voucher.receipt, voucher.is_live = at, till, receipt, False
    voucher.save(update_fields=["used_at", "till", "receipt", "is_live"])
    return voucher


def unusable(voucher: Voucher, *, at: datetime) -> Refusal | None:
    """Why this voucher cannot be used at that instant; None when it can."""
    state = voucher.redemption.state(at=at, voucher=voucher)
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

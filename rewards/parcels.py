"""Goods on their way: addressed, packed, sent, delivered (DOMAIN 7.2).

Each step is a conditional update whose count is looked at, so that a parcel is never both sent and cancelled. With the
delivery the redemption is used. A step that was recorded by mistake is taken back one at a time.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.mail import outbox
from members.models import Member
from rewards.models import Parcel, Redemption, Voucher

ADDRESS = ("recipient", "street", "postcode", "city", "country", "phone")
NEEDED = ("recipient", "street", "city")
COLUMNS: dict[str, Any] = {name: Parcel._meta.get_field(name) for name in ADDRESS}
# Goods on their way do not run out.
NO_END = datetime(9000, 1, 1, tzinfo=UTC)
Status = Parcel.Status
BEFORE_PACKING = (Status.ADDRESS, Status.WAITING)
BEFORE_SENDING = (*BEFORE_PACKING, Status.PACKED)
BACK = {Status.PACKED: Status.WAITING, Status.SENT: Status.PACKED, Status.DELIVERED: Status.SENT}


class AddressIncomplete(Refusal):
    """An address lacks something (`missing` names the fields)."""

    code = "address_incomplete"
    status = 422


class ParcelUnderway(Refusal):
    """The parcel is too far for this (`status`)."""

    code = "parcel_underway"


class ParcelNotReady(Refusal):
    """The step does not follow on what the parcel is now (`status`)."""

    code = "parcel_not_ready"


class ParcelUnknown(Refusal):
    """The redemption is not sent: there is no parcel."""

    code = "parcel_unknown"
    status = 404


def incomplete(address: Mapping[str, Any]) -> AddressIncomplete | None:
    """What an address lacks; None when it is whole."""
    missing = [name for name in NEEDED if not str(address.get(name, "")).strip()]
    if not missing:
        return None
    words = ", ".join(str(COLUMNS[name].verbose_name) for name in missing)
    return AddressIncomplete(_("The address lacks: %(missing)s.") % {"missing": words}, missing=missing)


def told(address: Mapping[str, Any]) -> dict[str, str]:
    """An address without blanks around and in the length that is kept."""
    return {
        name: " ".join(str(address.get(name, "")).replace("\0", "").split())[: column.max_length]
        for name, column in COLUMNS.items()
    }


def of(redemption: Redemption) -> Parcel:
    """The parcel of a redemption. Raises ParcelUnknown."""
    try:
        return redemption.parcel
    except Parcel.DoesNotExist:
        raise ParcelUnknown(_("This reward is not sent.")) from None


def last_address(member: Member) -> dict[str, str]:
    """Where the member's last parcel went, for the next form; empty fields without one."""
    last = Parcel.objects.filter(redemption__member=member).exclude(recipient="").order_by("-id").first()
    return {name: getattr(last, name) if last else "" for name in ADDRESS} | (
        {} if last else {"recipient": member.name}
    )


@transaction.atomic
def readdress(parcel: Parcel, address: Mapping[str, Any], *, at: datetime, actor: str) -> Parcel:
    """Say where a parcel goes, until it is packed. Raises AddressIncomplete or ParcelUnderway."""
    whole = told(address)
    if refusal := incomplete(whole):
        raise refusal
    open_ones = Parcel.objects.filter(pk=parcel.pk, status__in=BEFORE_PACKING)
    if not open_ones.update(status=Status.WAITING, changed_by=actor, **whole):
        raise underway(parcel)
    parcel.refresh_from_db()
    return parcel


def underway(parcel: Parcel) -> ParcelUnderway:
    """The refusal of what can only be done earlier."""
    parcel.refresh_from_db(fields=["status"])
    message = _("This is not possible any more: the parcel is “%(status)s”.") % {"status": parcel.get_status_display()}
    return ParcelUnderway(message, status=parcel.status)


def _not_ready(parcel: Parcel) -> ParcelNotReady:
    parcel.refresh_from_db(fields=["status"])
    message = _("The parcel is “%(status)s”, so this step does not follow.") % {"status": parcel.get_status_display()}
    return ParcelNotReady(message, status=parcel.status)


@transaction.atomic
def pack(parcel: Parcel, *, at: datetime, actor: str) -> Parcel:
    """A parcel is packed; twice changes nothing. Raises ParcelNotReady."""
    ready = Parcel.objects.filter(pk=parcel.pk, status=Status.WAITING)
    if not ready.update(status=Status.PACKED, packed_at=at, changed_by=actor) and _now(parcel) != Status.PACKED:
        raise _not_ready(parcel)
    parcel.refresh_from_db()
    return parcel


@transaction.atomic
def send(parcel: Parcel, *, carrier: str, tracking: str, at: datetime, actor: str) -> Parcel:
    """A parcel is with the carrier, and the member is told; twice changes nothing. Raises ParcelNotReady."""
    ready = Parcel.objects.filter(pk=parcel.pk, status__in=(Status.WAITING, Status.PACKED))
    is_sent = ready.update(
        status=Status.SENT, sent_at=at, carrier=carrier[:60], tracking=tracking[:80], changed_by=actor
    )
    if not is_sent and _now(parcel) != Status.SENT:
        raise _not_ready(parcel)
    parcel.refresh_from_db()
    if is_sent:
        _tell(parcel, at=at)
    return parcel


@transaction.atomic
def deliver(parcel: Parcel, *, at: datetime, actor: str) -> Parcel:
    """A parcel has arrived: the redemption is used. Twice changes nothing. Raises ParcelNotReady."""
    _hold(parcel)
    on_its_way = Parcel.objects.filter(pk=parcel.pk, status=Status.SENT)
    if on_its_way.update(status=Status.DELIVERED, delivered_at=at, changed_by=actor):
        issued = Redemption.objects.filter(pk=parcel.redemption_id, status=Redemption.Status.ISSUED)
        issued.update(status=Redemption.Status.USED, ended_at=at, ended_by=actor)
        Voucher.objects.filter(redemption=parcel.redemption_id).update(is_live=False, uses=1, used_at=at)
    elif _now(parcel) != Status.DELIVERED:
        raise _not_ready(parcel)
    parcel.refresh_from_db()
    return parcel


@transaction.atomic
def step_back(parcel: Parcel, *, at: datetime, actor: str) -> Parcel:
    """Take the last step of a parcel back. Raises ParcelNotReady where there is none."""
    _hold(parcel)
    now = Status(_now(parcel))
    before = BACK.get(now)
    if before is None or Parcel.objects.filter(pk=parcel.pk, forgotten_at__isnull=False).exists():
        raise _not_ready(parcel)
    gone = {Status.PACKED: "packed_at", Status.SENT: "sent_at", Status.DELIVERED: "delivered_at"}[now]
    Parcel.objects.filter(pk=parcel.pk, status=now).update(status=before, changed_by=actor, **{gone: None})
    if now == Status.DELIVERED:
        used = Redemption.objects.filter(pk=parcel.redemption_id, status=Redemption.Status.USED)
        used.update(status=Redemption.Status.ISSUED, ended_at=None, ended_by="")
        Voucher.objects.filter(redemption=parcel.redemption_id).update(is_live=True, uses=0, used_at=None)
    parcel.refresh_from_db()
    return parcel


def call_back(redemption: Redemption, *, actor: str) -> None:
    """The redemption of a parcel that was not sent is cancelled. Raises ParcelUnderway when it was sent meanwhile."""
    parcel = of(redemption)
    if not Parcel.objects.filter(pk=parcel.pk, status__in=BEFORE_SENDING).update(
        status=Status.CANCELLED, changed_by=actor
    ):
        raise underway(parcel)


def each(parcels: QuerySet[Parcel], step: Any, **terms: Any) -> tuple[int, list[Parcel]]:
    """Do a step with each of many parcels; how many it fitted, and those it did not."""
    done, others = 0, []
    for parcel in parcels.order_by("redemption_id"):
        try:
            step(parcel, **terms)
            done += 1
        except ParcelNotReady:
            others.append(parcel)
    return done, others


def _now(parcel: Parcel) -> str:
    return Parcel.objects.values_list("status", flat=True).get(pk=parcel.pk)


def _hold(parcel: Parcel) -> None:
    """Lock the redemption of a parcel: whatever ends it waits."""
    Redemption.objects.select_for_update(no_key=True).get(pk=parcel.redemption_id)


def _tell(parcel: Parcel, *, at: datetime) -> None:
    """The letter that a parcel is on its way, in the member's language."""
    redemption = Redemption.objects.select_related("member__program", "reward").get(pk=parcel.redemption_id)
    member = redemption.member
    with translation.override(member.language):
        context = {
            "name": member.name, "program": str(member.program), "reward": str(redemption.reward), "carrier": parcel.carrier,
            "tracking": parcel.tracking, "address": parcel.shown_address,
        }  # fmt: skip
    outbox.queue(
        recipient=member.number, address=member.email, language=member.language, kind="parcel_sent",
        subject=f"redemption:{redemption.pk}", context=context, at=at,
    )  # fmt: skip

"""Staff let vouchers last longer: in bulk, shown before, undone as a whole (DOMAIN 12.4)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.common.changes import Asked, ChangeKind, Plan, Row
from loyalty.common.clock import day_start, last_valid_day
from loyalty.ledger.locking import lock
from members.segments import membership
from members.segments.models import Segment
from rewards import catalogue, lasting
from rewards.models import Voucher

EXTENSION = "extension"


class ExtendVouchers(ChangeKind):
    """Let live vouchers end on a later day. Parameters: last_day, ending_by (a day), and reward (a short name), member (a number) and segment (a short name), each
    empty or left out for all."""

    name = "extend_vouchers"
    title = gettext_lazy("Extend vouchers")
    question = gettext_lazy("Which vouchers last longer, and until when?")
    form = "rewards.extending_form.ExtendVouchersForm"
    chunk = 500

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        zone, told = asked.program.time_zone, asked.parameters
        until = day_start(date.fromisoformat(told["last_day"]) + timedelta(days=1), zone)
        by = day_start(date.fromisoformat(told["ending_by"]) + timedelta(days=1), zone)
        found = lasting.extendable(asked.program).filter(
            expires_at__gt=at, expires_at__lte=by, expires_at__lt=until, redemption__redeemed_at__lte=asked.asked_at
        )
        if told["reward"]:
            found = found.filter(redemption__reward=catalogue.find(asked.program, told["reward"]))
        if told.get("member"):
            found = found.filter(redemption__member__number=told["member"])
        if told.get("segment"):
            segment = Segment.objects.get(program=asked.program, slug=told["segment"])
            there = membership.members_in(segment, asked.asked_at).order_by().values("pk")
            found = found.filter(redemption__member__in=there)
        if only is not None:
            found = found.filter(pk__in=[int(row.key) for row in only])
        if locked:
            lock(*found.values_list("redemption__account_id", flat=True))
        rows = [_row(one, until) for one in found.select_related("redemption__member").order_by("pk")]
        return Plan(rows, asked.program.wallets.filter(is_main=True).first())

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        lasting.move_ends(
            {int(row.key): _ends(row) for row in rows},
            reference=f"change:{asked.id}",
            at=at,
            actor=actor,
            reason=asked.reason,
        )

    def plan_undo(
        self, asked: Asked, done: Sequence[Row], *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None
    ) -> Plan:  # fmt: skip
        keys = {row.key for row in only} if only is not None else {row.key for row in done}
        rows = [row for row in done if row.key in keys]
        if locked:
            lock(*{row.account_id or 0 for row in rows})
        now = Voucher.objects.filter(is_live=True).in_bulk([int(row.key) for row in rows])
        made = Plan([], asked.program.wallets.filter(is_main=True).first())
        for row in rows:
            voucher, (before, after) = now.get(int(row.key)), _ends(row)
            if voucher is None or voucher.expires_at != after:
                made.left_out.append(
                    (row.facts["number"], _("This voucher was used, has ended or was moved meanwhile."))
                )
            elif before <= at + timedelta(days=lasting.notice_of(asked.program)):
                made.left_out.append((row.facts["number"], _("It would end before its member could be told.")))
            else:
                facts = row.facts | {"from": row.facts["until"], "until": row.facts["from"]}
                made.rows.append(Row(row.key, row.account_id, EXTENSION, 0, facts))
        return made

    def words(self, asked: Asked, row: Row) -> str:
        before, after = (date_format(last_valid_day(end, asked.program.time_zone)) for end in _ends(row))
        return _("valid until %(after)s instead of %(before)s") % {"after": after, "before": before}

    def summary(self, asked: Asked) -> str:
        told: dict[str, Any] = asked.parameters
        day = date_format(date.fromisoformat(told["last_day"]))
        what = str(catalogue.find(asked.program, told["reward"])) if told["reward"] else _("all rewards")
        whose = [told[name] for name in ("member", "segment") if told.get(name)]
        return _("%(reward)s, until %(day)s") % {"reward": " · ".join([what, *whose]), "day": day}


def _row(voucher: Voucher, until: datetime) -> Row:
    """The line of one voucher: no points move, its end does."""
    facts = {
        "from": voucher.expires_at.isoformat(),
        "until": until.isoformat(),
        "number": voucher.redemption.member.shown_number,
    }
    return Row(str(voucher.pk), voucher.redemption.account_id, EXTENSION, 0, facts)


def _ends(row: Row) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(row.facts["from"]), datetime.fromisoformat(row.facts["until"])

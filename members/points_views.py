"""The portal's pages about points: what the member has and until when, one line, one past day."""

from datetime import datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from loyalty.common.clock import day_start
from loyalty.ledger import statements as positions
from members import history, lots, passing, statements, wording
from members.enrolment import main_account
from members.models import Member, MemberAccount
from members.portal import member_page

LINES_SHOWN, LEARNED_SHOWN = 50, 10


@require_GET
@member_page
def show_points(request: HttpRequest) -> HttpResponse:
    """What can be spent by its last day, what is still to come and what must happen for it, what is set aside."""
    at, account = timezone.now(), main_account(request.member)
    shown = {
        "wallet": account.wallet,
        "balance": positions.balance(account.pk, at=at),
        "days": positions.by_last_day(account.pk, at=at),
        "to_come": lots.to_come(account, at=at),
        "can_pass_on": passing.account_to_give(request.member) is not None,
        "others": _others(request.member, at=at),
        "notices": wording.notices(request.member, at=at),
    }
    return render(request, "members/points.html", shown)


def _others(member: Member, *, at: datetime) -> list[dict[str, Any]]:
    """What the member has of other kinds of points, by last day, what is still to come, and whether activity moves those days.

    Nothing for empty ones.
    """
    pairs = MemberAccount.objects.filter(member=member, wallet__is_main=False).select_related("account__wallet")
    found = []
    for pair in pairs.order_by("wallet_id"):
        days, to_come = positions.by_last_day(pair.account_id, at=at), lots.to_come(pair.account, at=at)
        if days or to_come:
            told = {
                "wallet": pair.account.wallet,
                "days": days,
                "to_come": to_come,
                "are_kept_alive": pair.account.has_idle_lots,
            }
            found.append(told | {"available": sum(amount for _day, amount in days)})
    return found


@require_GET
@member_page
def show_line(request: HttpRequest, number: int) -> HttpResponse:
    """One line of the history: why it is there, which lots it drew on, what became of the lot it made."""
    at, account = timezone.now(), main_account(request.member)
    line = history.line(account, number)
    if line is None:
        raise Http404
    made = lots.made_by(account, line.entry, at=at)
    shown = {
        "line": line,
        "wallet": account.wallet,
        "drawn": lots.drawn_by([line.entry]).get(line.entry.pk, []),
        "made": made,
        "moves": lots.moves_of(made.lot) if made else [],
        "is_late": line.entry.recorded_at - line.entry.effective_at > timedelta(minutes=5),
    }
    return render(request, "members/history_line.html", shown)


@require_GET
@member_page
def show_day(request: HttpRequest) -> HttpResponse:
    """How the account stood at the end of a day, as it was known then and as it is known now, and what changed since."""
    at, account, member = timezone.now(), main_account(request.member), request.member
    typed = request.GET.get("day", "")
    today = timezone.localdate(at)
    shown: dict[str, Any] = {"typed": typed, "today": today, "wallet": account.wallet, "program": member.program}
    day = _day(typed)
    if typed and (day is None or not timezone.localdate(member.enrolled_at) <= day <= today):
        shown["error"] = _("Choose a day from your first day with us until today.")
    elif day:
        zone = member.program.time_zone
        end = min(at, day_start(day + timedelta(days=1), zone) - timedelta(microseconds=1))
        then = statements.statement(member, at=end)
        believed = statements.statement(member, at=end, known_at=end)
        now = statements.statement(member, at=at)
        mine = account.pk
        since, learned = statements.change(then, now).of(mine), statements.change(believed, then).of(mine)
        after, lately = history.seen(since.added), history.seen(learned.added)
        shown |= {
            "day": day,
            "stay": then.stay,
            "then": then.of(mine),
            "believed": believed.of(mine),
            "learned": history.told(reversed(lately[-LEARNED_SHOWN:])),
            "learned_more": max(0, len(lately) - LEARNED_SHOWN),
            "since": since,
            "lines": history.told(reversed(after[-LINES_SHOWN:])),
            "more": max(0, len(after) - LINES_SHOWN),
            "now": positions.balance(mine, at=at),
        }
    return render(request, "members/history_day.html", shown, status=400 if shown.get("error") else 200)


def _day(typed: str) -> Any:
    """The day in an address; None when it is none."""
    try:
        return parse_date(typed)
    except ValueError:
        return None

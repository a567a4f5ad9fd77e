"""What the page of a mailing shows: whom it goes to and who is left out, what became of the letters, and what they brought."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.lift import Lift
from campaigns.mailings import course
from campaigns.mailings.audience import Audience
from campaigns.mailings.measuring import Followed, Results
from campaigns.mailings.models import Mailing
from loyalty.common.money import show_money, show_points, show_share
from loyalty.desk.panels import EMPTY, Panel, Stat, badge, moment, strong
from loyalty.mail.models import Message

Status = Mailing.Status
TONES = {
    Status.DRAFT: "", Status.SCHEDULED: "info", Status.RUNNING: "info", Status.PAUSED: "warn", Status.STOPPED: "bad",
    Status.DONE: "good",
}  # fmt: skip
OUTCOMES: Sequence[tuple[str, Any]] = [
    (Message.Status.SENT, gettext_lazy("handed to the mail system")),
    (Message.Status.QUEUED, gettext_lazy("waiting in the outbox")),
    (Message.Status.HELD, gettext_lazy("held while it is paused")),
    (Message.Status.SENDING, gettext_lazy("being handed over")),
    (Message.Status.UNCERTAIN, gettext_lazy("uncertain: nobody knows, and nothing is sent again by itself")),
    (Message.Status.FAILED, gettext_lazy("refused by the mail server")),
]


def state(mailing: Mailing) -> Any:
    """Where a mailing is on its course, as a badge."""
    if course.is_waiting(mailing):
        return badge(_("waits for approval"), "warn")
    return badge(mailing.get_status_display(), TONES[Status(mailing.status)])


def next_step(mailing: Mailing, *, at: datetime) -> str:
    """What happens next, or what happened, in a sentence."""
    if mailing.said:
        return mailing.said
    if course.is_waiting(mailing):
        return _("Somebody else with the right to approve must say yes: see Changes. Until then it cannot be edited.")
    if mailing.status == Status.SCHEDULED:
        return _("It starts on %(when)s. Then its audience is frozen; the first letter leaves ten minutes later.") % {"when": moment(mailing.starts_at)}  # fmt: skip
    if mailing.status == Status.RUNNING and mailing.leaves_at and at < mailing.leaves_at:
        return _("Its audience is frozen. Nothing leaves before %(when)s: until then “Stop” stops every letter.") % {"when": moment(mailing.leaves_at)}  # fmt: skip
    return ""


def before_start(found: Audience | None) -> tuple[list[Stat], list[Panel]]:
    """Whom a draft would go to now."""
    if found is None:
        said = _("Counting its segment takes too long. Make its question simpler, or take fewer conditions.")
        return [Stat(_("Would get it now"), EMPTY, said)], []
    stats = [
        Stat(_("Would get it now"), show_points(found.recipients), _("Counted for this page; who gets it is settled when it starts.")),
        Stat(_("Left out"), show_points(found.members - found.reachable), _("Members of the segment who cannot be written to, by reason below.")),
    ]  # fmt: skip
    return stats, [_waterfall(found, is_frozen=False)]


def after_start(mailing: Mailing, found: Results, *, at: datetime) -> tuple[list[Stat], list[Panel]]:
    """What became of a mailing that has started."""
    gets = found.audience.recipients
    stats = [
        Stat(_("Recipients"), show_points(gets), _("Who was chosen to get it when it started.")),
        Stat(_("Handed over"), show_points(found.sent), _("Letters the mail system took."), _share(found.sent, gets)),
        Stat(_("Written"), show_points(mailing.released), _("For how many recipients the letter is in the outbox; the rest follows as the pace allows."), _share(mailing.released, gets)),
        Stat(_("Unsubscribed"), show_points(found.unsubscribed), _("Readers who left by a link of this letter."), _share(found.unsubscribed, found.sent)),
    ]  # fmt: skip
    if found.audience.kept_out:
        stats.append(Stat(_("Kept out"), show_points(found.audience.kept_out), _("Drawn by lot to get nothing, so that its effect can be measured."), _share(found.audience.kept_out, found.audience.reachable)))  # fmt: skip
    return stats, [_outcomes(mailing, found), _followed(mailing, found), _waterfall(found.audience, is_frozen=True)]


def rows(mailing: Mailing, found: Results) -> list[list[Any]]:
    """The results as lines of a CSV file."""
    told: list[list[Any]] = [
        ["segment_members", found.audience.members], ["without_address", found.audience.without_address],
        ["without_consent", found.audience.without_consent], ["blocked", found.audience.blocked],
        ["kept_out", found.audience.kept_out], ["recipients", found.audience.recipients], ["written", mailing.released],
        *[[status, found.ended.get(status, 0)] for status, _words in OUTCOMES],
        *[[f"stopped_{why}", found.stopped.get(why, 0)] for why in Message.Stop.values],
        ["bounced", found.bounced], ["complaints", found.complaints], ["unsubscribed", found.unsubscribed],
    ]  # fmt: skip
    for name, group in (("treated", found.treated), ("control", found.control)):
        told += [[f"{name}_members", group.spent.members], [f"{name}_buyers", group.buyers], [f"{name}_redeemers", group.redeemers], [f"{name}_spent", f"{group.spent.total / 100:.2f}"]]  # fmt: skip
    if lift := found.lift:
        told += [["lift", lift.difference], ["lift_low", lift.low], ["lift_high", lift.high]]
    return told


def _waterfall(found: Audience, *, is_frozen: bool) -> Panel:
    lines = [
        (_("Members of the segment"), show_points(found.members)),
        (_("without an e-mail address"), _less(found.without_address)),
        (_("did not agree to news by e-mail"), _less(found.without_consent)),
        (_("address is blocked"), _less(found.blocked)),
    ]
    if found.kept_out:
        lines.append((_("kept out by lot"), _less(found.kept_out)))
    lines.append((strong(_("Get the letter")), strong(show_points(found.recipients))))
    title = _("Audience, as frozen at its start") if is_frozen else _("Audience, as it would be now")
    note = "" if is_frozen else _("Consent and blocked addresses are asked once more when each letter leaves, and so is the limit on news.")  # fmt: skip
    return Panel(title, [_("Who"), _("Members")], lines, numeric=frozenset({1}), note=note)


def _outcomes(mailing: Mailing, found: Results) -> Panel:
    lines = [(words, show_points(found.ended[status])) for status, words in OUTCOMES if found.ended.get(status)]
    lines += [
        (_("not sent: %(why)s") % {"why": Message.Stop(why).label}, show_points(count)) for why, count in sorted(found.stopped.items())
    ]  # fmt: skip
    gone = mailing.released - sum(found.ended.values())
    extra = ((_("left before it was written"), gone), (_("came back"), found.bounced), (_("called spam"), found.complaints), (_("unsubscribed"), found.unsubscribed))  # fmt: skip
    lines += [(words, show_points(count)) for words, count in extra if count]
    more = f"{reverse('admin:mail_message_changelist')}?q={mailing.about}" if lines else ""
    return Panel(_("What became of the letters"), [_("Letters"), _("How many")], lines, _("No letter has been written yet."), numeric=frozenset({1}), more=more)  # fmt: skip


def _followed(mailing: Mailing, found: Results) -> Panel:
    """Both groups side by side."""
    headers = [_("Group"), _("Members"), _("Bought"), _("Redeemed"), _("Average spend")]
    empty = _("What members buy and redeem counts from the moment the first letter may leave.")
    if found.until is None:
        return Panel(_("What they did after"), headers, [], empty)
    groups = [(_("Got the letter"), found.treated)]
    groups += [(_("Kept out"), found.control)] if found.control.spent.members else []
    lines = [_group(name, group, mailing.program.currency) for name, group in groups]
    days = _("From %(since)s until %(until)s.") % {"since": moment(mailing.leaves_at), "until": moment(found.until)}
    said = _said(found.lift, mailing.program.currency) if found.control.spent.members else _("Nobody was kept out, so nobody can tell what they would have done without it.")  # fmt: skip
    return Panel(
        _("What they did after"), headers, lines, empty, numeric=frozenset({1, 2, 3, 4}), note=f"{days} {said}"
    )


def _group(name: str, group: Followed, currency: str) -> tuple[Any, ...]:
    members = group.spent.members
    average = Decimal(group.spent.average if members else 0).quantize(Decimal("0.01"))
    return (
        name, show_points(members), f"{show_points(group.buyers)} ({_share(group.buyers, members)})",
        f"{show_points(group.redeemers)} ({_share(group.redeemers, members)})", show_money(average, currency),
    )  # fmt: skip


def _said(lift: Lift | None, currency: str) -> str:
    if lift is None:
        return _("The groups are too small to compare: ten members each are needed.")
    told = {"difference": show_money(lift.difference, currency), "low": show_money(lift.low, currency), "high": show_money(lift.high, currency)}  # fmt: skip
    said = _("Average spend of those who got it less that of those kept out: %(difference)s, between %(low)s and %(high)s.") % told  # fmt: skip
    clear = _("The difference is clear.") if lift.is_certain else _("The difference may be chance: the interval holds zero.")  # fmt: skip
    return f"{said} {clear}"


def _share(part: int, whole: int) -> str:
    return show_share(Decimal(part) / whole) if whole else EMPTY


def _less(count: int) -> str:
    return f"−{show_points(count)}" if count else "0"

"""A seat at something that happens on a date: a tasting, a concert, a workshop."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from loyalty.common.bulk import insert_one
from loyalty.common.clock import day_start, local_day
from loyalty.common.errors import Refusal
from members.models import Member
from rewards import sessions
from rewards.kinds.base import Chosen, Kind
from rewards.models import Redemption, Reward, RewardKind, Seat, Voucher


class Experience(Kind):
    """A seat of one session; the ticket is good on its day, and cancelling it frees the seat."""

    kind = RewardKind.EXPERIENCE
    can_last_longer = False
    staff_words = _("Check the date on the ticket, let the guest in, then mark it as used.")
    member_words = _("This is your ticket. Show it at the entrance; whoever knows the code can use it.")

    def refusal(self, member: Member, reward: Reward, chosen: Chosen, *, at: datetime) -> Refusal | None:
        """A date that can be booked."""
        return sessions.judge(reward, chosen.get("session"), at=at)

    def is_same(self, redemption: Redemption, chosen: Chosen) -> bool:
        """The same date; none named is the one that was booked."""
        held = sessions.held_by(redemption)
        return chosen.get("session") in (None, held and held.pk)

    def unasked(self, reward: Reward, *, at: datetime) -> Chosen:
        """The soonest date with a free seat."""
        free = [one for one in sessions.bookable([reward.pk], at=at).get(reward.pk, []) if one.left > 0]
        if not free:
            raise sessions.full()
        return {"session": free[0].pk}

    def span(self, redemption: Redemption, *, at: datetime) -> tuple[datetime, datetime]:
        """The day of the session, until it ends."""
        zone, session = redemption.member.program.time_zone, self._session(redemption)
        return max(at, day_start(local_day(session.starts_at, zone), zone)), session.ends_at

    def issue(self, redemption: Redemption, *, at: datetime) -> Voucher:
        """The ticket, and the seat it stands for."""
        voucher = super().issue(redemption, at=at)
        insert_one(Seat(redemption=redemption, session=self._session(redemption)))
        return voucher

    def take(self, redemption: Redemption, *, at: datetime) -> None:
        """The seat, then the piece of the reward."""
        sessions.take_seat(self._session(redemption).pk)
        super().take(redemption, at=at)

    def uncancellable(self, redemption: Redemption, *, at: datetime, by_member: bool) -> Refusal | None:
        """Members cancel until booking ends."""
        session = sessions.held_by(redemption)
        if not by_member or session is None or at < session.closes_at:
            return None
        return sessions.SessionClosed(
            gettext("This date cannot be cancelled any more. Ask us if you cannot come."),
            closed_at=session.closes_at.isoformat(),
        )

    def give_back(self, redemption: Redemption, *, at: datetime, actor: str) -> None:
        """The seat, then the piece of the reward."""
        sessions.free_seat(redemption, at=at)
        super().give_back(redemption, at=at, actor=actor)

    def facts(self, redemption: Redemption, *, at: datetime) -> list[tuple[str, str]]:
        """When and where."""
        session = sessions.held_by(redemption)
        if session is None:
            return []
        return [
            (gettext("When"), sessions.when(session, redemption.reward.program.time_zone)),
            (gettext("Where"), session.place),
        ]

    def form(self, reward: Reward, *, at: datetime) -> dict[str, Any]:
        """The dates, in words."""
        zone, dates = reward.program.time_zone, sessions.bookable([reward.pk], at=at).get(reward.pk, [])
        return {"sessions": [(one, sessions.when(one, zone)) for one in dates]}

    def chosen_in(self, posted: Mapping[str, str]) -> Chosen:
        """The date that was ticked."""
        told = posted.get("session", "")
        return {"session": int(told)} if told.isascii() and told.isdecimal() and len(told) < 10 else {}

    def _session(self, redemption: Redemption) -> Any:
        """The session that is being booked; read once."""
        told = redemption.chosen
        if isinstance(told.get("session"), int):
            redemption.chosen = {**told, "session": sessions.find(redemption.member.program, told["session"])}
        return redemption.chosen["session"]

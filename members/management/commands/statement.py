"""`manage.py statement MEMBER_NUMBER`: what a member had at an instant, or what changed between two, and why.

`--as-of ISO` and `--known-at ISO` for one instant, true then or known then; `--between ISO ISO` for what lies between two.
"""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from loyalty.common.clock import last_valid_day
from loyalty.common.errors import Refusal
from loyalty.common.money import show_points
from loyalty.common.patience import LongCommand
from loyalty.common.typed import instant
from loyalty.ledger.asof import LotAt
from members.models import Member
from members.statements import Change, Statement, as_json, change, change_as_json, statement
from members.wording import title


class Command(LongCommand):
    """Prints the tier, the balance of each wallet and its lots."""

    help = "Show what a member had at an instant."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", metavar="MEMBER_NUMBER")
        parser.add_argument(
            "--as-of", metavar="ISO", help="an instant with its zone, or a day: its first instant (default: now)"
        )
        parser.add_argument(
            "--known-at", metavar="ISO", help="count only what had been recorded by then (default: all)"
        )
        parser.add_argument(
            "--between",
            nargs=2,
            metavar="ISO",
            help="what changed from one instant to another, and the lines that say why",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        number = options["number"].replace(" ", "")[:40]
        member = Member.objects.select_related("program").filter(number=number).first()
        if member is None:
            raise CommandError(_("There is no member %(number)s.") % {"number": number})
        zone = member.program.time_zone
        try:
            at = instant(options["as_of"], zone) if options["as_of"] else timezone.now()
            known_at = instant(options["known_at"], zone) if options["known_at"] else None
            between = [instant(text, zone) for text in options["between"] or ()]
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        if between and options["as_of"]:
            raise CommandError(_("Give either --as-of or --between."))
        if between:
            before, after = (statement(member, at=one, known_at=known_at) for one in between)
            self.show_change(change(before, after), zone, as_text=not options["json"])
            return
        told = statement(member, at=at, known_at=known_at)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(told), indent=2))
        else:
            self.show(told, zone)

    def show_change(self, between: Change, zone: str, *, as_text: bool) -> None:
        """Both statements, and the lines that count only in one of them."""
        if not as_text:
            self.stdout.write(json.dumps(change_as_json(between), indent=2))
            return
        self.show(between.before, zone)
        self.show(between.after, zone)
        for held, differs in between.wallets:
            decimals = held.wallet.decimals
            for sign, entries in (("+", differs.added), ("-", differs.removed)):
                for entry in entries:
                    told = {"number": entry.number, "what": title(entry), "points": show_points(entry.amount, decimals)}
                    said = _("line %(number)d: %(points)s, %(what)s") % told
                    self.stdout.write(f"  {sign} {said}")
            told_of_time = {name: show_points(getattr(differs, name), decimals) for name in ("activated", "ran_out")}
            self.stdout.write(_("By time alone: %(activated)s became spendable, %(ran_out)s ran out") % told_of_time)

    def show(self, told: Statement, zone: str) -> None:
        """In words."""
        self.stdout.write(_("Member %(number)s as of %(at)s") % {"number": told.member.shown_number, "at": told.at})
        if told.known_at:
            self.stdout.write(_("As far as was known at %(at)s") % {"at": told.known_at})
        self.stdout.write(_("Tier: %(tier)s") % {"tier": told.stay.tier.slug if told.stay else "-"})
        for held, position in told.positions:
            decimals, balance = held.wallet.decimals, position.balance
            figures = {
                name: show_points(getattr(balance, name), decimals) for name in ("available", "pending", "held", "debt")
            }
            self.stdout.write(
                _("%(wallet)s: %(available)s available, %(pending)s pending, %(held)s held, %(debt)s owed")
                % {"wallet": held.wallet.slug, **figures}
            )
            for lot in position.lots:
                self.stdout.write("  " + _line(lot, told, decimals, zone))


def _line(lot: LotAt, told: Statement, decimals: int, zone: str) -> str:
    states = {"open": _("open"), "pending": _("pending"), "expired": _("run out")}
    told_of = {"lot": lot.id, "points": show_points(lot.remaining, decimals), "state": states[lot.state(told.at)]}
    if lot.expires_at is None:
        return _("lot %(lot)d: %(points)s %(state)s, never expires") % told_of
    told_of["day"] = last_valid_day(lot.expires_at, zone)
    return _("lot %(lot)d: %(points)s %(state)s, last valid day %(day)s") % told_of

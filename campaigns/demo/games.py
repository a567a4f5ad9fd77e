"""The demo's challenges: a stamp card, a streak, a badge and an instant win, running since before the latest purchases.

They begin before the purchases are brought in, so what members bought lately has filled their cards.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from campaigns.challenges import boards, publishing
from campaigns.models import Challenge, DisplayName
from loyalty.common.clock import day_start, local_day
from loyalty.ledger.models import Program
from members.models import Member

DAYS_BEFORE, DAYS_AHEAD = 300, 240
NAMES = ("Vinyl Raja", "Kaset Queen", "B-Side")


class Game(NamedTuple):
    """A challenge of the demo: names and sentences in three languages, and what it says."""

    slug: str
    kind: str
    icon: str
    names: tuple[str, str, str]
    summaries: tuple[str, str, str]
    definition: dict[str, Any]
    has_board: bool = False


BUYING = {"activity": "purchase"}
GAMES = [
    Game(
        "fifth-is-ours", "card", "cup", ("Every fifth is ours", "Setiap yang kelima dari kami", "Setiap yang kelima daripada kami"),
        ("Five purchases fill the card and win you 150 points.", "Lima pembelian memenuhi kartu dan memberi Anda 150 poin.",
         "Lima pembelian memenuhi kad dan memberi anda 150 mata."),
        {"measure": "times", "goal": "5", "per": "all", "repeats": True, "conditions": BUYING, "prize": {"points": "150"}}, True,
    ),
    Game(
        "three-weeks", "streak", "flame", ("Three weeks in a row", "Tiga minggu berturut-turut", "Tiga minggu berturut-turut"),
        ("Buy something in three weeks in a row; one may be left out.", "Belanja tiga minggu berturut-turut; satu boleh terlewat.",
         "Berbelanja tiga minggu berturut-turut; satu boleh dilangkau."),
        {"measure": "times", "goal": "3", "per": "week", "freeze": True, "repeats": True, "conditions": BUYING, "prize": {"points": "200"}},
    ),
    Game(
        "collector", "card", "trophy", ("Collector", "Kolektor", "Pengumpul"),
        ("Ten records make you a collector.", "Sepuluh rekaman menjadikan Anda kolektor.", "Sepuluh rakaman menjadikan anda pengumpul."),
        {"measure": "pieces", "goal": "10", "per": "all", "conditions": BUYING, "prize": {"badge": True}},
    ),
    Game(
        "lucky-fifty", "instant", "gift", ("Lucky fifty", "Lima puluh beruntung", "Lima puluh bertuah"),
        ("Every fiftieth purchase of all wins 500 points.", "Setiap pembelian ke-50 dari semua memenangkan 500 poin.",
         "Setiap pembelian ke-50 daripada semua memenangi 500 mata."),
        {"measure": "times", "goal": "50", "draw": "every", "repeats": True, "conditions": BUYING, "prize": {"points": "500"}},
    ),
]  # fmt: skip


def add_games(program: Program, *, at: datetime, actor: str) -> None:
    """The challenges, live since some months ago."""
    today = local_day(at, program.time_zone)
    since = day_start(today - timedelta(days=DAYS_BEFORE), program.time_zone)
    until = day_start(today + timedelta(days=DAYS_AHEAD), program.time_zone)
    for game in GAMES:
        challenge = Challenge.objects.create(
            program=program, slug=game.slug, kind=game.kind, icon=game.icon, since=since, until=until, has_board=game.has_board,
            **dict(zip(("name", "name_id", "name_ms"), game.names, strict=True)),
            **dict(zip(("summary", "summary_id", "summary_ms"), game.summaries, strict=True)),
        )  # fmt: skip
        publishing.publish(challenge, game.definition, at=since, actor=actor)
        publishing.go_live(challenge, at=since, actor=actor)


@transaction.atomic
def name_players(stars: list[Member], *, at: datetime, actor: str) -> None:
    """Some members are on the leaderboards; once anybody is, names stay as they are."""
    if DisplayName.objects.filter(program__in=[star.program_id for star in stars]).exists():
        return
    for star, name in zip(stars, NAMES, strict=False):
        boards.choose_name(star, name, at=at, actor=actor)

"""How many letters with news a reader gets: at most so many in so many days, as the reader's program says.

It is asked when a letter is claimed. What went out, is going out, or went out perhaps counts from its claim; a letter over the limit
is stopped for good. Two workers that claim letters of one reader take turns, so that both count what the other claimed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection

from loyalty.common.bulk import is_postgresql
from loyalty.mail.kinds import MARKETING, NEWS, kind_of
from loyalty.mail.models import Message

if TYPE_CHECKING:
    from loyalty.mail.gate import Reader

SPACE = 6122  # of advisory locks: readers of news
Status = Message.Status
WENT = (Status.SENDING, Status.SENT, Status.UNCERTAIN)
TAKE_TURNS = """
SELECT pg_advisory_xact_lock(%s, reader) FROM (SELECT DISTINCT hashtext(n) AS reader FROM unnest(%s::text[]) AS n ORDER BY 1) AS readers
"""


def over_cap(letters: Sequence[Message], readers: "Mapping[str, Reader]", *, at: datetime) -> list[int]:
    """The letters that would be more news than their readers get, in the order given. One query, and on PostgreSQL a lock before it.

    A letter that was claimed already was counted then.
    """
    limits = {number: reader.cap for number, reader in readers.items() if reader.cap is not None}
    asked = [
        letter
        for letter in letters
        if letter.recipient in limits and letter.status == Status.QUEUED and kind_of(letter.kind).purpose == MARKETING
    ]
    if not asked:
        return []
    numbers = sorted({letter.recipient for letter in asked})
    since = {number: at - timedelta(days=limits[number].days) for number in numbers}
    if is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute(TAKE_TURNS, [SPACE, numbers])
    went = Message.objects.filter(
        recipient__in=numbers, kind__in=NEWS, channel=Message.Channel.EMAIL, status__in=WENT, claimed_at__gt=min(since.values())
    ).order_by()  # fmt: skip
    told = went.values_list("recipient", "claimed_at")
    counts = Counter(number for number, claimed_at in told if claimed_at and claimed_at > since[number])
    over = []
    for letter in asked:
        counts[letter.recipient] += 1
        if counts[letter.recipient] > limits[letter.recipient].most:
            over.append(letter.pk)
    return over

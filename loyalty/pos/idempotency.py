"""A mutating call is carried out once, whatever is retried.

The answer is written in the transaction of the effect, so there is never one without the other; that of a call which was
refused half-way is written after all of it was undone. While a call runs, a
second one with the same key is told so; later ones are given the first answer again for 90 days. Answers that say
nothing about the call itself (5xx, too many guesses) are not kept. The key is the first lock of the order idempotency
key, account, lots, reward (RELIABILITY R-8): an advisory lock on PostgreSQL, the IMMEDIATE transaction on SQLite.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, OperationalError, transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _

from loyalty.common.bulk import insert_one, is_postgresql
from loyalty.common.errors import Refusal
from loyalty.common.prepared import Given, Prepared, hot_cursor
from loyalty.common.retrying import TRIES_MORE, is_passing, undone_whole
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.ledger.models import Program
from loyalty.pos.models import ApiKey, IdempotencyRecord

KEPT_FOR = timedelta(days=90)
ATTEMPTS = 1 + TRIES_MORE
LONGEST_KEY = 255
SWEEP_BATCH = 5_000


class KeyMissing(Refusal):
    """The call carries no Idempotency-Key."""

    code = "idempotency_key_missing"
    status = 400


class KeyMalformed(Refusal):
    """The Idempotency-Key is no short line of visible ASCII."""

    code = "idempotency_key_malformed"
    status = 400


class KeyReused(Refusal):
    """The Idempotency-Key was used for another call."""

    code = "idempotency_key_reused"
    status = 422


class InProgress(Refusal):
    """The first call with this key is still running."""

    code = "in_progress"
    status = 409


class Busy(Refusal):
    """The database was too busy for all attempts; nothing was changed."""

    code = "busy"
    status = 503


def checked_key(offered: str | None) -> str:
    """The Idempotency-Key of a call. Raises KeyMissing or KeyMalformed."""
    if not offered:
        raise KeyMissing(_("Send the header Idempotency-Key with a new random value for each new call."))
    if len(offered) > LONGEST_KEY or not all("!" <= letter <= "~" for letter in offered):
        raise KeyMalformed(
            _("Idempotency-Key: at most %(most)d visible ASCII characters, without spaces.") % {"most": LONGEST_KEY}
        )
    return offered


def request_digest(method: str, path: str, canonical_body: str) -> str:
    """What a call is compared by: two calls are the same when method, path and meaning of the body are."""
    return hashlib.sha256(f"{method} {path}\n{canonical_body}".encode()).hexdigest()


def once(api_key: ApiKey, key: str, called: str, *, at: datetime, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """Carry out a call with `answer` and keep what it says, or give the first answer again.

    Raises KeyReused, InProgress, or Busy after the last attempt; any other exception of `answer` rolls everything back.
    """
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                return _once(api_key, key, called, at, answer)
        except _Undone as undone:
            with transaction.atomic():
                return _once(api_key, key, called, at, undone.told)
        except IntegrityError:
            # Somebody wrote the same thing between our look and our writing: the next try sees it.
            if attempt == ATTEMPTS - 1:
                raise
        except OperationalError as error:
            if not is_passing(error):
                raise
    raise Busy(_("Too much is going on right now, and nothing was changed. Please send the same call again."))


def forget_old(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Remove the answers that were kept for 90 days, in batches."""
    due = IdempotencyRecord.objects.filter(api_key__program=program, created_at__lte=at - KEPT_FOR)
    if dry_run:
        return Tally(found=due.count())
    done = 0
    while ids := list(due.order_by("created_at").values_list("id", flat=True)[:SWEEP_BATCH]):
        done += IdempotencyRecord.objects.filter(id__in=ids).delete()[0]
        if not progress(done, done, 0):
            break
    return Tally(found=done, done=done)


class _Undone(Exception):
    """A verb refused, and what it had begun is still to be undone; `response` says why."""

    def __init__(self, response: HttpResponse) -> None:
        """With the answer."""
        super().__init__()
        self.response = response

    def told(self) -> HttpResponse:
        """The answer, found already."""
        return self.response


def _once(api_key: ApiKey, key: str, called: str, at: datetime, answer: Callable[[], HttpResponse]) -> HttpResponse:
    """One attempt, inside its transaction."""
    is_ours, first = _claim(api_key, key)
    if first is not None and first.created_at > at - KEPT_FOR:
        return _replay(first, called)
    if not is_ours:
        raise InProgress(_("The first call with this Idempotency-Key is still running. Please send it again shortly."))
    if first is not None:
        first.delete()
    with undone_whole():
        response = answer()
    if response.status_code >= 400 and transaction.get_connection().needs_rollback:
        raise _Undone(response)
    if response.status_code < 500 and response.status_code != 429:
        _keep(api_key, key, called, at, response)
    return response


def _claim(api_key: ApiKey, key: str) -> tuple[bool, IdempotencyRecord | None]:
    """Take the key for this transaction, and what was answered before: whether it is ours, and the first answer.

    One statement. An answer committed while it runs may go unseen; the unique constraint then stops the second one.
    """
    if not is_postgresql():
        return True, _kept.first(api_key=api_key.pk, key=key)
    number = int.from_bytes(hashlib.sha256(f"{api_key.pk}:{key}".encode()).digest()[:8], "big", signed=True)
    with hot_cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s), kept.id FROM (VALUES (1)) AS call"
            " LEFT JOIN pos_idempotencyrecord kept ON kept.api_key_id = %s AND kept.key = %s",
            [number, api_key.pk, key],
        )
        is_ours, found = cursor.fetchone()
    return is_ours, _kept.first(api_key=api_key.pk, key=key) if found else None


_kept = Prepared(lambda: IdempotencyRecord.objects.filter(api_key=Given("api_key"), key=Given("key")))


def _replay(first: IdempotencyRecord, called: str) -> HttpResponse:
    """The first answer again."""
    if first.request_digest != called:
        raise KeyReused(_("This Idempotency-Key was used for another call. Send a new one for a new call."))
    status = first.status or 200
    content_type = "application/problem+json" if status >= 400 else "application/json; charset=utf-8"
    return HttpResponse(first.body, status=status, content_type=content_type, headers={"Idempotency-Replayed": "true"})


def _keep(api_key: ApiKey, key: str, called: str, at: datetime, response: HttpResponse) -> None:
    """Write the answer down; the unique constraint stands behind the lock."""
    insert_one(
        IdempotencyRecord(
            api_key=api_key,
            key=key,
            request_digest=called,
            status=response.status_code,
            body=response.content.decode(),
            created_at=at,
        )
    )

"""Letters to staff about what runs low: partners' codes, and rewards of which little is left.

Each is told once per filling: of a pool until codes are taken in again, of a reward until its stock is raised. They go to those who
may change the pool or the reward.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.utils.translation import ngettext, override

from loyalty.common.languages import in_language
from loyalty.common.tally import Progress, Tally, unwatched
from loyalty.jobs.changes import people
from loyalty.ledger.models import Program
from loyalty.mail import outbox
from rewards import pools
from rewards.stocks import running_low

LOW = "stock_low"


def watch_stock(program: Program, *, at: datetime, dry_run: bool = False, progress: Progress = unwatched) -> Tally:
    """Tell staff of pools of codes and rewards that run low; the job `watch_stock`. Counts what is low."""
    found = [*_pools(program), *_rewards(program)]
    tally = Tally(found=len(found), report={"low": len(found)} if found else {})
    if dry_run:
        return tally
    language = settings.LANGUAGE_CODE
    for permission, subject, period, said in found:
        for recipient, address in people.those_who_may(permission, but=""):
            outbox.queue(
                recipient=recipient, address=address, language=language, kind=LOW, subject=subject, period=period,
                context={"program": in_language(program, "name", language), "said": said}, at=at,
            )  # fmt: skip
        tally.done += 1
    progress(tally.found, tally.done, tally.skipped)
    return tally


def _pools(program: Program) -> Iterator[tuple[str, str, str, str]]:
    for pool in pools.running_low(program):
        filled = pool.imports.filter(taken_in_at__isnull=False).aggregate(last=Max("pk"))["last"] or 0
        yield "rewards.change_codepool", f"pool:{pool.pk}", str(filled), _left(pool.free, pool)


def _rewards(program: Program) -> Iterator[tuple[str, str, str, str]]:
    for reward in running_low(program):
        yield "rewards.change_reward", f"reward:{reward.pk}", str(reward.stock), _left(reward.left or 0, reward)


def _left(left: int, record: Any) -> str:
    with override(settings.LANGUAGE_CODE):
        told = {"left": left, "what": record}
        return ngettext("%(left)s left of %(what)s", "%(left)s left of %(what)s", left) % told

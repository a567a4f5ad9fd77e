"""The jobs there are. Each is named in `settings.SETIA_JOBS` with what it runs, so the ground knows no floor above it.

A job verb is `verb(program, *, at, dry_run=False, progress) -> Tally`. It asks what is due at `at`, works in bounded
batches, and may be stopped, repeated or run twice at once (HOUSE, Sweeps).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from loyalty.common.errors import Refusal
from loyalty.common.tally import Tally


class UnknownJob(Refusal):
    """No job has that name."""

    code = "unknown_job"
    status = 404


@dataclass(frozen=True)
class Job:
    """One job: its name, its title for people, and whether it runs once per business date or at every nudge."""

    name: str
    path: str
    title: str
    is_daily: bool

    @property
    def verb(self) -> Callable[..., Tally]:
        """The function that does the work."""
        return import_string(self.path)


def jobs() -> list[Job]:
    """All jobs, in the order in which they run on one business date (DOMAIN 9.5)."""
    described: dict[str, dict[str, Any]] = settings.SETIA_JOBS
    return [
        Job(name=name, path=terms["run"], title=terms["title"], is_daily=terms["every"] == "day")
        for name, terms in described.items()
    ]


def find(name: str) -> Job:
    """The job of that name. Raises UnknownJob."""
    for job in jobs():
        if job.name == name:
            return job
    known = ", ".join(settings.SETIA_JOBS)
    raise UnknownJob(_("There is no job “%(name)s”. Choose one of: %(known)s.") % {"name": name[:100], "known": known})

"""What a kind of change request offers: a plan that writes nothing, a posting, and the way back (DOMAIN 8.4, 12.4).

Bulk actions, corrections by hand, expiry runs, re-dating and edits of tiers share one course, kept by
`loyalty.jobs.changes`: somebody asks, everybody sees the exact lines, a second person approves when a limit says so,
the lines are posted in chunks exactly as they were shown or not at all, and the whole can be undone by a second batch.
A kind knows only its own matter. It is a subclass of `ChangeKind`, named by its dotted path in
`settings.SETIA_CHANGES`, and keeps these promises:

- `plan` is deterministic: the same books and the same instant give the same rows, and it writes nothing.
- Dates that a row shows are computed from `asked.asked_at` or given in the parameters, never from the instant of
  posting: the approver must see what will be written. What an account holds is looked at as of `at`.
- With `locked=True` it takes its locks before it reads (`loyalty.ledger.locking.lock`), and then answers as without.
- `post` writes exactly the given rows, each under `asked.reference(row)`; a reference that is known writes nothing.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for. `parameters` is plain JSON; `id` is empty while nothing has been stored."""

    program: Any
    parameters: Parameters
    reason: str
    asked_at: datetime
    asked_by: str
    id: int | None = None
    undoes: int | None = None

    def reference(self, row: "Row") -> str:
        """The reference of what a row posts: known for ever, so nothing is posted twice."""
        return f"change:{self.id}:{row.key}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a preview: what exactly will be written, and where.

    `key` is unique within the change and short. `amount` is signed, in the wallet's smallest unit, 0 where no points
    move. `facts` is plain JSON and holds everything else that will be written (dates, lots, the tier before and after).
    `short` is what should have moved but cannot, because a member has spent meanwhile.
    """

    key: str
    account_id: int | None
    kind: str
    amount: int
    facts: dict[str, Any] = field(default_factory=dict)
    short: int = 0

    def told(self) -> list[Any]:
        """The row as it is digested and compared."""
        return [self.key, self.account_id, self.kind, self.amount, self.facts, self.short]


@dataclass(slots=True)
class Plan:
    """Everything a change would write. `left_out` names what was asked for and cannot be done: (what, why in words).

    `warnings` are sentences for whoever decides, `months` a picture for them: points by month ("2027-03", "" for never) before and
    after. `wallet` gives amounts their decimals and their worth in money. `worth` is what the change would come to by a figure that takes
    long to look up (plain JSON): it is made with the preview, kept with the change, and given to `limits` from there.
    `refusal` is raised to whoever asks when there is no row at all.
    """

    rows: list[Row]
    wallet: Any = None
    warnings: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    refusal: Exception | None = None
    months: list[tuple[str, int, int]] = field(default_factory=list)
    worth: dict[str, Any] = field(default_factory=dict)

    def digest(self) -> str:
        """What tells two plans apart, whatever the order of their rows."""
        told = sorted((row.told() for row in self.rows), key=lambda row: row[0])
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Limit:
    """A field of the approval limits and how much of it a plan uses. More than the limit waits for a second person."""

    field: str
    used: int


class ChangeKind:
    """One kind of change request. Subclass it, and name the subclass in `settings.SETIA_CHANGES`."""

    # Short name, kept on every request for ever.
    name = ""
    # For people: what it is, and the question above its form.
    title: Any = ""
    question: Any = ""
    # Why a second person is needed where `limits` answers None; empty: this kind always needs one.
    always: Any = ""
    # Full names of the permissions to ask for it and to approve it.
    may_ask = "jobs.ask_bulk_change"
    may_approve = "jobs.approve_change"
    # Dotted path of a form class whose `parameters()` gives the parameters once it is valid; empty: no form at the desk.
    form = ""
    # Whether it can be begun from the list of new changes; else only from the page of what it is about.
    is_listed = True
    # Rows posted in one transaction. A whole change is posted in a single one, however long it is.
    chunk = 1000
    is_whole = False
    # Whether somebody's own member account must not be among the rows of what they ask for or approve.
    is_personal = True
    # Whether what was posted can be taken back.
    can_undo = True

    def plan(self, asked: Asked, *, at: datetime, locked: bool = False, only: Sequence[Row] | None = None) -> Plan:
        """What would be written at an instant. `only` narrows it to these rows' keys (those of one chunk).

        Raises a Refusal with a sentence when the parameters make no sense at all.
        """
        raise NotImplementedError

    def post(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        """Write these rows of a plan made just now under the same locks, inside the open transaction."""
        raise NotImplementedError

    def plan_undo(
        self,
        asked: Asked,
        done: Sequence[Row],
        *,
        at: datetime,
        locked: bool = False,
        only: Sequence[Row] | None = None,
    ) -> Plan:
        """What would take the posted rows `done` of `asked.undoes` back, with what is `short` because it was spent.

        `asked` is the undo's own request; `done` are the rows that were posted, as they were planned.
        """
        raise NotImplementedError

    def post_undo(self, asked: Asked, rows: Sequence[Row], *, at: datetime, actor: str) -> None:
        """Write these rows of a plan made by `plan_undo`. Default: as `post` writes those of `plan`."""
        self.post(asked, rows, at=at, actor=actor)

    def limits(self, plan: Plan) -> list[Limit] | None:
        """Which limits the plan uses. Default: members and points of a bulk action. None: the plan needs approval
        in any case.

        A field that ends with `_a_day` is a sum per operator: what the same person moved in 24 hours is added to it.
        """
        return [Limit("bulk_members", len(plan.rows)), Limit("bulk_points", sum(abs(row.amount) for row in plan.rows))]

    def words(self, asked: Asked, row: Row) -> str:
        """What a row does beyond its amount, in words (dates, lots, tiers); empty when the amount says it all."""
        return ""

    def summary(self, asked: Asked) -> str:
        """The parameters in one sentence, for lists and letters."""
        return ""

    def finished(self, asked: Asked, *, at: datetime, actor: str) -> None:
        """Called once in the transaction that ends a fully posted change: a place to switch a setting over."""

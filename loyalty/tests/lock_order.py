"""The lock order, watched over whole test runs: idempotency key, accounts (in id order), redemption or partner, campaign, lots, reward (RELIABILITY R-8;
that a campaign's budget comes before the lots is decision 0013).

Every connection of the tests is listened to. Within one transaction (or one savepoint of a test's own transaction) a row lock of
an earlier rank, or of a smaller account, after a later one is a deadlock that waits for its day. SQLite has one lock for all, taken
with the transaction, so there is nothing to watch.
"""

import re
from dataclasses import dataclass, field
from typing import Any

RANKS = {
    "pos_idempotencyrecord": 0,
    "ledger_account": 1,
    "rewards_redemption": 2,
    "rewards_voucher": 2,
    "partners_partner": 2,
    "campaigns_campaign": 3,
    "ledger_lot": 4,
    "ledger_hold": 4,
    "rewards_reward": 5,
    "rewards_eventsession": 5,
    "rewards_draw": 5,
    "rewards_prizepool": 5,
}
NAMES = ("idempotency key", "accounts", "redemption or partner", "campaign", "lots", "reward")
UPDATED = re.compile(r'^\s*UPDATE\s+"?(\w+)"?', re.IGNORECASE)
SELECTED = re.compile(r'\bFROM\s+"?(\w+)"?', re.IGNORECASE)
NAMED = re.compile(r' FOR (?:NO KEY )?UPDATE OF "?(\w+)"?', re.IGNORECASE)
SAVEPOINT = re.compile(r'^(SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT)\s+"?(\w+)"?', re.IGNORECASE)
LISTED = re.compile(r"[{\[]\d+(,\d+)*[}\]]")


@dataclass
class Watch:
    """What one connection has locked in its present transaction, and where it broke the order."""

    connection: Any
    savepoints: list[str] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    mark: Any = None

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Look at one statement, after it was carried out."""
        answer = execute(sql, params, many, context)
        self.look_at(sql if isinstance(sql, str) else str(sql), params)
        return answer

    def look_at(self, sql: str, params: Any) -> None:
        """Note what a statement locks."""
        savepoint = SAVEPOINT.match(sql)
        if savepoint:
            self._nest(savepoint[1].upper(), savepoint[2])
            return
        table = self._locked(sql)
        if table not in RANKS:
            return
        if not self._in_a_transaction():
            self._forget()
            return
        rank = RANKS[table]
        if self.ranks and rank < max(self.ranks) and rank not in self.ranks:
            self.broken.append(f"{NAMES[rank]} locked after {NAMES[max(self.ranks)]}: {sql[:300]}")
        self.ranks.append(rank)
        if table == "ledger_account" and " FOR UPDATE" in sql:
            self._note_accounts(sql, params)

    def _nest(self, word: str, name: str) -> None:
        if word == "SAVEPOINT":
            if not self.savepoints and self._is_the_tests_own():
                self._forget()
            self.savepoints.append(name)
        elif name in self.savepoints:
            del self.savepoints[self.savepoints.index(name) :]

    def _locked(self, sql: str) -> str:
        """The table whose rows a statement locks; none for the others."""
        updated = UPDATED.match(sql)
        if updated:
            return updated[1].lower()
        if named := NAMED.search(sql):
            return named[1].lower()
        selected = SELECTED.search(sql) if " FOR UPDATE" in sql or " FOR NO KEY UPDATE" in sql else None
        return selected[1].lower() if selected else ""

    def _in_a_transaction(self) -> bool:
        """Whether locks are kept after the statement; a new transaction begins with nothing locked."""
        if self._is_the_tests_own():
            return bool(self.savepoints)
        if not self.connection.in_atomic_block:
            return False
        if self.mark is None or not any(self.mark is waiting[1] for waiting in self.connection.run_on_commit):
            self._forget()
            self.mark = lambda: None
            self.connection.run_on_commit.append((set(), self.mark, True))
        return True

    def _is_the_tests_own(self) -> bool:
        """Whether the outermost transaction is that of the test case."""
        return any(getattr(block, "_from_testcase", False) for block in self.connection.atomic_blocks)

    def _note_accounts(self, sql: str, params: Any) -> None:
        """Several at once need an order; one after the other they must rise."""
        ids = sorted(number for value in params or () for number in _numbers(value))
        fresh = [number for number in ids if number not in self.accounts]
        if len(ids) > 1 and 'ORDER BY "ledger_account"."id"' not in sql and "ORDER BY 1" not in sql:
            self.broken.append(f"several accounts locked in no order: {sql[:300]}")
        if fresh and self.accounts and fresh[0] < max(self.accounts):
            self.broken.append(f"account {fresh[0]} locked after {max(self.accounts)}")
        self.accounts += fresh

    def _forget(self) -> None:
        self.ranks, self.accounts = [], []


def _numbers(value: Any) -> list[int]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [value]
    if isinstance(value, str) and LISTED.fullmatch(value):
        return [int(number) for number in value[1:-1].split(",")]
    return [number for number in value if isinstance(number, int)] if isinstance(value, list | tuple) else []


watches: list[Watch] = []


def listen(connection: Any) -> None:
    """Watch a connection from now on."""
    if connection.vendor == "postgresql" and not any(
        isinstance(wrapper, Watch) for wrapper in connection.execute_wrappers
    ):
        watch = Watch(connection)
        watches.append(watch)
        connection.execute_wrappers.insert(0, watch)  # the last one is removed by whoever added it


def begin() -> None:
    """Forget what an earlier test locked, opened and broke, however it ended."""
    for watch in watches:
        watch.savepoints, watch.mark, watch.broken = [], None, []
        watch._forget()


def broken() -> list[str]:
    """Where the order was broken since this was last asked."""
    found = [where for watch in watches for where in watch.broken]
    for watch in watches:
        watch.broken = []
    return found

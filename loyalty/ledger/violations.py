"""What proof of the books finds: one broken promise, named."""

from dataclasses import dataclass

NAMED_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise of the books: which, where, and what was found instead of what. Account 0: of none alone."""

    law: str
    account: int
    found: str
    entry: int | None = None
    lot: int | None = None

    def __str__(self) -> str:
        where = (
            [f"account {self.account}"] * bool(self.account)
            + [f"entry {self.entry}"] * bool(self.entry)
            + [f"lot {self.lot}"] * bool(self.lot)
        )
        return ": ".join(part for part in (self.law, ", ".join(where), self.found) if part)

"""The views of the books for finance and BI tools: lots, entries, allocations, adjustments, days (docs/reports.md)."""

from loyalty.common.reports import declare

LOTS = """
SELECT l.id AS lot, l.account_id AS account, p.slug AS program, w.slug AS wallet, l.entry_id AS entry, l.granted_at,
       l.available_at, l.confirm_by, l.expires_at, l.rule_version, l.granted, l.returned, l.remaining, l.held,
       l.redeemed, l.expired, l.clawed_back, l.forfeited
FROM ledger_lot l
JOIN ledger_account a ON a.id = l.account_id
JOIN ledger_wallet w ON w.id = a.wallet_id
JOIN ledger_program p ON p.id = w.program_id
"""

ENTRIES = """
SELECT e.id AS entry, e.account_id AS account, p.slug AS program, w.slug AS wallet, e.number, e.kind, e.amount,
       e.effective_at, e.recorded_at, e.source, e.reference, e.actor, e.reason, e.corrects_id AS corrects,
       {entry_hash} AS hash
FROM ledger_entry e
JOIN ledger_account a ON a.id = e.account_id
JOIN ledger_wallet w ON w.id = a.wallet_id
JOIN ledger_program p ON p.id = w.program_id
"""

ALLOCATIONS = """
SELECT x.id AS allocation, x.entry_id AS entry, x.lot_id AS lot, e.account_id AS account, e.kind,
       CASE WHEN e.amount > 0 THEN x.amount ELSE -x.amount END AS amount, e.effective_at, e.recorded_at
FROM ledger_allocation x
JOIN ledger_entry e ON e.id = x.entry_id
"""

ADJUSTMENTS = """
SELECT e.id AS entry, e.account_id AS account, p.slug AS program, w.slug AS wallet, e.kind, e.amount, e.effective_at,
       e.recorded_at, e.actor, e.reason, e.reference, e.corrects_id AS corrects
FROM ledger_entry e
JOIN ledger_account a ON a.id = e.account_id
JOIN ledger_wallet w ON w.id = a.wallet_id
JOIN ledger_program p ON p.id = w.program_id
WHERE e.kind IN ('adjustment', 'transfer', 'reinstatement', 'write_off') OR (e.kind = 'extension' AND e.amount = 0)
"""

DAYS = """
SELECT d.id AS figures, p.slug AS program, w.slug AS wallet, d.day, d.opening, d.issued, d.reinstated, d.burned, d.expired,
       d.reversed, d.adjusted, d.closing, d.worth, p.currency, d.earners, d.spenders, d.kept_at
FROM ledger_dayfigures d
JOIN ledger_wallet w ON w.id = d.wallet_id
JOIN ledger_program p ON p.id = w.program_id
"""


def register() -> None:
    """Declare the views of this app."""
    declare("report_lots", LOTS)
    declare("report_entries", ENTRIES)
    declare("report_allocations", ALLOCATIONS)
    declare("report_adjustments", ADJUSTMENTS)
    declare("report_days", DAYS)

"""The view of changes by hand and in bulk for finance and BI tools, without their lines (docs/reports.md)."""

from loyalty.common.reports import declare

CHANGES = """
SELECT c.id AS change, p.slug AS program, w.slug AS wallet, c.kind, c.status, c.reason, c.reference, c.asked_by,
       c.asked_at, CASE WHEN c.is_above_limit THEN 1 ELSE 0 END AS is_above_limit, c.decided_by, c.decided_at,
       c.ended_at, c.lines_count AS lines, c.posted_count AS posted, c.skipped_count AS skipped, c.points_given,
       c.points_taken, c.undoes_id AS undoes
FROM jobs_changerequest c
JOIN ledger_program p ON p.id = c.program_id
LEFT JOIN ledger_wallet w ON w.id = c.wallet_id
WHERE c.status <> 'draft'
"""


def register() -> None:
    """Declare the views of this app."""
    declare("report_changes", CHANGES)

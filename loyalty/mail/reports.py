"""The view of letters for finance and BI tools, without addresses and contents (docs/reports.md)."""

from loyalty.common.reports import declare

MESSAGES = """
SELECT m.id AS message, m.recipient, m.kind, m.subject, m.period, m.language, m.status, m.queued_at, m.due_at,
       m.sent_at, m.attempts
FROM mail_message m
"""


def register() -> None:
    """Declare the views of this app."""
    declare("report_messages", MESSAGES)

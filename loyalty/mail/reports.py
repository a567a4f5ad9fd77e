"""The view of letters for finance and BI tools, without addresses and contents (docs/reports.md)."""

from loyalty.common.reports import declare

MESSAGES = """
SELECT m.id AS message, m.recipient, m.kind, m.subject, m.period, m.language, m.status, m.queued_at, m.due_at,
       m.sent_at, m.attempts, m.channel, m.stopped_for, m.bounced_at, m.unsubscribed_at, m.read_at
FROM mail_message m
"""


def register() -> None:
    """Declare the views of this app."""
    declare("report_messages", MESSAGES)

"""The view of mailings for finance and BI tools (docs/reports.md)."""

from loyalty.common.reports import declare

MAILINGS = """
SELECT m.id AS mailing, p.slug AS program, s.slug AS segment, c.slug AS campaign, m.status, m.starts_at, m.started_at, m.ended_at,
       COALESCE(r.recipients, 0) AS recipients, COALESCE(r.kept_out, 0) AS kept_out, m.released, COALESCE(k.letters, 0) AS letters,
       COALESCE(k.waiting, 0) AS waiting, COALESCE(k.sent, 0) AS sent, COALESCE(k.failed, 0) AS failed,
       COALESCE(k.uncertain, 0) AS uncertain, COALESCE(k.stopped, 0) AS stopped, COALESCE(k.bounced, 0) AS bounced,
       COALESCE(k.unsubscribed, 0) AS unsubscribed
FROM mailings_mailing m
JOIN ledger_program p ON p.id = m.program_id
JOIN segments_segment s ON s.id = m.segment_id
LEFT JOIN campaigns_campaign c ON c.id = m.campaign_id
LEFT JOIN (
    SELECT mailing_id, SUM(CASE WHEN is_kept_out THEN 0 ELSE 1 END) AS recipients, SUM(CASE WHEN is_kept_out THEN 1 ELSE 0 END) AS kept_out
    FROM mailings_recipient GROUP BY mailing_id
) r ON r.mailing_id = m.id
LEFT JOIN (
    SELECT subject, COUNT(*) AS letters, SUM(CASE WHEN status IN ('queued', 'held', 'sending') THEN 1 ELSE 0 END) AS waiting,
           SUM(CASE WHEN status = 'sent' THEN 1 ELSE 0 END) AS sent, SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed,
           SUM(CASE WHEN status = 'uncertain' THEN 1 ELSE 0 END) AS uncertain, SUM(CASE WHEN status = 'stopped' THEN 1 ELSE 0 END) AS stopped,
           COUNT(bounced_at) AS bounced, COUNT(unsubscribed_at) AS unsubscribed
    FROM mail_message WHERE kind = 'announcement' AND channel = 'email' GROUP BY subject
) k ON k.subject = 'mailing:' || m.id
"""


def register() -> None:
    """Declare the views of this app."""
    declare("report_mailings", MAILINGS)

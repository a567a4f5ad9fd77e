from typing import Any

from django.db import migrations, models


def note_what_was_taken_back(apps: Any, _editor: Any) -> None:
    """Events whose points were taken back until now are known by their claw-backs."""
    events, entries = apps.get_model("members", "Event"), apps.get_model("ledger", "Entry")
    taken = entries.objects.filter(kind="claw_back", reference__startswith="event back:").order_by("id")
    for reference, recorded_at in taken.values_list("reference", "recorded_at"):
        events.objects.filter(pk=int(reference.split(":")[1])).update(taken_back_at=recorded_at)


class Migration(migrations.Migration):
    dependencies = [("members", "0009_prices_of_tiers"), ("ledger", "0004_what_returned_goods_take_back")]

    operations = [
        migrations.AddField(
            "event",
            "explanation",
            models.JSONField(blank=True, editable=False, null=True, verbose_name="explanation"),
        ),
        migrations.AddField(
            "event",
            "taken_back_at",
            models.DateTimeField(blank=True, null=True, verbose_name="taken back at"),
        ),
        migrations.RunPython(note_what_was_taken_back, migrations.RunPython.noop),
    ]

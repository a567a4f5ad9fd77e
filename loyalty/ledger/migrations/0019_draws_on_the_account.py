from typing import Any

from django.db import migrations, models
from django.db.models import Max, OuterRef, Q, Subquery


def note_draws(apps: Any, _editor: Any) -> None:
    """What drew on each account last, a redemption, a claw-back or a hold, is kept on its row from now on."""
    account, entry, hold = (apps.get_model("ledger", name) for name in ("Account", "Entry", "Hold"))
    drawn = entry.objects.filter(account=OuterRef("id"), kind__in=["redemption", "claw_back"]).order_by("-effective_at")
    account.objects.update(last_draw_at=Subquery(drawn.values("effective_at")[:1]))
    for one in hold.objects.order_by().values("account").annotate(last=Max("held_at")).iterator(chunk_size=2_000):
        is_earlier = Q(last_draw_at=None) | Q(last_draw_at__lt=one["last"])
        account.objects.filter(is_earlier, pk=one["account"]).update(last_draw_at=one["last"])


class Migration(migrations.Migration):
    dependencies = [("ledger", "0018_draws_by_account")]

    operations = [
        migrations.AddField(
            "account",
            "last_draw_at",
            models.DateTimeField(blank=True, null=True, verbose_name="last time something drew on it"),
        ),
        migrations.RunPython(note_draws, migrations.RunPython.noop),
    ]

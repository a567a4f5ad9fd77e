from typing import Any

from django.db import migrations, models
from django.db.models import F


def note_what_was_delayed_before(apps: Any, _editor: Any) -> None:
    """Delayed credits of older versions do not tell from when they can be spent; which they are is kept with their wallet."""
    wallet, lot = (apps.get_model("ledger", name) for name in ("Wallet", "Lot"))
    for one in wallet.objects.order_by("id"):
        delayed = lot.objects.filter(account__wallet=one, available_at__gt=F("granted_at"))
        last = delayed.order_by("-entry_id").values_list("entry_id", flat=True).first()
        if last:
            wallet.objects.filter(pk=one.pk).update(begins_told_after=last)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0020_no_index_of_draws")]

    operations = [
        migrations.AddField(
            "wallet",
            "begins_told_after",
            models.BigIntegerField(
                db_default=0,
                default=0,
                editable=False,
                verbose_name="credits after this entry tell from when they can be spent",
            ),
        ),
        migrations.RunPython(note_what_was_delayed_before, migrations.RunPython.noop),
    ]

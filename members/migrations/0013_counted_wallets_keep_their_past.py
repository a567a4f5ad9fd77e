from typing import Any

from django.db import migrations


def keep_their_past(apps: Any, _editor: Any) -> None:
    """Credits of a wallet that tiers count were counted when they were earned; the stays they began stay true so."""
    counted = apps.get_model("members", "TierPolicy").objects.filter(wallet__isnull=False).values("wallet")
    apps.get_model("ledger", "Wallet").objects.filter(pk__in=counted).update(counts_at_purchase=True)


class Migration(migrations.Migration):
    dependencies = [("members", "0012_qualifying_points_that_wait"), ("ledger", "0012_when_points_count_for_tiers")]

    operations = [migrations.RunPython(keep_their_past, migrations.RunPython.noop)]

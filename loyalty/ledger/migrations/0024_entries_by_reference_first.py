from django.db import migrations, models


class Migration(migrations.Migration):
    """One index instead of two: entries of one run have references that lie together, their accounts do not."""

    dependencies = [("ledger", "0023_figures_by_day")]

    operations = [
        migrations.RemoveConstraint("entry", "entry_once_per_reference"),
        migrations.AddConstraint(
            "entry",
            models.UniqueConstraint(fields=("reference", "account", "kind"), name="entry_once_per_reference"),
        ),
        migrations.RemoveIndex("entry", "entry_by_reference"),
    ]

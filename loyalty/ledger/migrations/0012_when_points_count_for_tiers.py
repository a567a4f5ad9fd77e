from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0011_policies_that_wait_for_an_event")]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="counts_at_purchase",
            field=models.BooleanField(
                default=False,
                help_text="Otherwise points that cannot be spent yet count for tiers from the moment they can be spent.",
                verbose_name="count for tiers at the purchase already",
            ),
        ),
    ]

"""A program says whether points are rounded once per purchase, for each rule, or for each line."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0008_cohorts_of_signed_months")]

    operations = [
        migrations.AddField(
            model_name="program",
            name="rounded_per",
            field=models.CharField(
                choices=[
                    ("order", "once for the whole purchase"),
                    ("rule", "for each rule by itself"),
                    ("line", "for each line of the purchase by itself"),
                ],
                default="order",
                help_text="Parts of a point are exact until then. Points earned before keep how they were rounded.",
                max_length=5,
                verbose_name="rounded",
            ),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0021_begins_told_by_entries")]

    operations = [
        migrations.AddField("periodclose", "besides", models.JSONField(default=dict, verbose_name="owed besides points")),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0003_waiting_points_lapse"),
    ]

    operations = [
        migrations.AddField(
            model_name="program",
            name="returns",
            field=models.CharField(
                choices=[
                    ("kept", "members keep what the kept goods would have earned"),
                    ("share", "the returned share of the points"),
                    ("all", "all points of the order, with its first return"),
                ],
                default="kept",
                max_length=5,
                verbose_name="returned goods take back",
            ),
        ),
    ]

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_passing_on")]

    operations = [
        migrations.AddField(
            "anchor", "number", models.PositiveIntegerField(default=0, verbose_name="number"), preserve_default=False
        ),
        migrations.AddField(
            "anchor", "seal", models.CharField(default="", max_length=64, verbose_name="seal"), preserve_default=False
        ),
        migrations.AddField(
            "expirypolicy",
            "seal",
            models.CharField(default="", editable=False, max_length=64, verbose_name="seal"),
            preserve_default=False,
        ),
        migrations.AddField(
            "periodclose",
            "seal",
            models.CharField(default="", max_length=64, verbose_name="seal"),
            preserve_default=False,
        ),
        migrations.AddField("periodclose", "valued", models.JSONField(default=dict, verbose_name="outstanding points")),
        migrations.AddConstraint(
            "anchor",
            models.UniqueConstraint(fields=("program", "number"), name="anchor_number_once_per_program"),
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("made_at", models.DateTimeField(verbose_name="begun at")),
                ("entries", models.BigIntegerField(verbose_name="entries read")),
                ("is_whole", models.BooleanField(help_text="False: it was stopped half-way.", verbose_name="whole")),
                ("violation_count", models.PositiveIntegerField(verbose_name="violations")),
                ("violations", models.JSONField(default=list, verbose_name="the first of them")),
                (
                    "program",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="verifications",
                        to="ledger.program",
                        verbose_name="program",
                    ),
                ),
            ],
            options={
                "verbose_name": "verification",
                "verbose_name_plural": "verifications",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["program", "-id"], name="verification_by_program")],
            },
        ),
    ]

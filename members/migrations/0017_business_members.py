from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("members", "0016_tiers_beside_the_ladder")]

    operations = [
        migrations.AddField(
            "member",
            "company",
            models.CharField(
                blank=True,
                default="",
                help_text="Of a business member. Empty: a private person.",
                max_length=120,
                verbose_name="company",
            ),
            preserve_default=False,
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="purchase",
            name="payment",
            field=models.CharField(blank=True, max_length=16, verbose_name="paid with"),
        ),
        migrations.AddField(
            model_name="purchase",
            name="explanation",
            field=models.JSONField(blank=True, null=True, verbose_name="why it earned nothing"),
        ),
    ]

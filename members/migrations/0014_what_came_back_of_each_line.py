from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0013_counted_wallets_keep_their_past'),
    ]

    operations = [
        migrations.AddField(
            model_name='purchaseline',
            name='refunded',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=16, verbose_name='refunded'),
        ),
        migrations.AddConstraint(
            model_name='purchaseline',
            constraint=models.CheckConstraint(condition=models.Q(('refunded__gte', 0), ('refunded__lte', models.F('amount'))), name='refunds_within_the_line'),
        ),
    ]

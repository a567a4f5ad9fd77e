# The first shape of these tables.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('ledger', '0001_initial'),
        ('members', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Reward',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('name_id', models.CharField(blank=True, max_length=80, verbose_name='name in Indonesian')),
                ('name_ms', models.CharField(blank=True, max_length=80, verbose_name='name in Malay')),
                ('slug', models.SlugField(verbose_name='short name')),
                ('kind', models.CharField(choices=[('discount', 'discount'), ('product', 'free product'), ('service', 'free service'), ('shipping', 'free shipping'), ('donation', 'donation')], default='discount', max_length=10, verbose_name='kind')),
                ('summary', models.CharField(max_length=200, verbose_name='what the member gets')),
                ('summary_id', models.CharField(blank=True, max_length=200, verbose_name='what the member gets, in Indonesian')),
                ('summary_ms', models.CharField(blank=True, max_length=200, verbose_name='what the member gets, in Malay')),
                ('cost', models.BigIntegerField(help_text="In the wallet's smallest unit.", verbose_name='cost')),
                ('stock', models.PositiveIntegerField(blank=True, help_text='Empty: unlimited.', null=True, verbose_name='stock')),
                ('taken', models.PositiveIntegerField(default=0, editable=False, verbose_name='taken')),
                ('offered_from', models.DateTimeField(blank=True, null=True, verbose_name='offered from')),
                ('offered_until', models.DateTimeField(blank=True, help_text='The first instant it is no longer offered.', null=True, verbose_name='offered until')),
                ('limit_per_member', models.PositiveIntegerField(blank=True, help_text='Empty: no limit.', null=True, verbose_name='limit per member')),
                ('voucher_days', models.PositiveIntegerField(default=30, verbose_name='voucher valid for days')),
                ('unit_cost', models.DecimalField(decimal_places=2, default=0, max_digits=14, verbose_name='cost to us in money')),
                ('position', models.PositiveIntegerField(default=100, verbose_name='position in the catalogue')),
                ('is_active', models.BooleanField(default=True, verbose_name='offered')),
                ('minimum_tier', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='members.tier', verbose_name='from tier')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='rewards', to='ledger.program', verbose_name='program')),
                ('wallet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='ledger.wallet', verbose_name='paid from')),
            ],
            options={
                'verbose_name': 'reward',
                'verbose_name_plural': 'rewards',
                'ordering': ['position', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Redemption',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(max_length=120, verbose_name='reference')),
                ('cost', models.BigIntegerField(verbose_name='cost')),
                ('status', models.CharField(choices=[('issued', 'ready to use'), ('used', 'used'), ('cancelled', 'cancelled'), ('expired', 'expired')], default='issued', max_length=10, verbose_name='status')),
                ('redeemed_at', models.DateTimeField(verbose_name='redeemed at')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='used, cancelled or expired at')),
                ('ended_by', models.CharField(blank=True, max_length=64, verbose_name='by')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='ledger.account', verbose_name='account')),
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='redemption', to='ledger.entry', verbose_name='ledger entry')),
                ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='redemptions', to='members.member', verbose_name='member')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='redemptions', to='ledger.program', verbose_name='program')),
                ('reversal', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='cancelled_redemption', to='ledger.entry', verbose_name='reversal')),
                ('reward', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='redemptions', to='rewards.reward', verbose_name='reward')),
            ],
            options={
                'verbose_name': 'redemption',
                'verbose_name_plural': 'redemptions',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Voucher',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=32, verbose_name='code')),
                ('code_digest', models.CharField(max_length=64, unique=True, verbose_name='digest of the code')),
                ('valid_from', models.DateTimeField(verbose_name='valid from')),
                ('expires_at', models.DateTimeField(verbose_name='expires at')),
                ('is_live', models.BooleanField(default=True, verbose_name='not ended')),
                ('used_at', models.DateTimeField(blank=True, null=True, verbose_name='used at')),
                ('till', models.CharField(blank=True, max_length=64, verbose_name='till')),
                ('receipt', models.CharField(blank=True, max_length=80, verbose_name='receipt')),
                ('redemption', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='voucher', to='rewards.redemption', verbose_name='redemption')),
            ],
            options={
                'verbose_name': 'voucher',
                'verbose_name_plural': 'vouchers',
                'ordering': ['-id'],
            },
        ),
        migrations.AddConstraint(
            model_name='reward',
            constraint=models.UniqueConstraint(fields=('program', 'slug'), name='reward_slug_once_per_program'),
        ),
        migrations.AddConstraint(
            model_name='reward',
            constraint=models.CheckConstraint(condition=models.Q(('cost__gt', 0)), name='reward_cost_positive'),
        ),
        migrations.AddConstraint(
            model_name='reward',
            constraint=models.CheckConstraint(condition=models.Q(('stock__isnull', True), ('taken__lte', models.F('stock')), _connector='OR'), name='reward_taken_within_stock'),
        ),
        migrations.AddConstraint(
            model_name='reward',
            constraint=models.CheckConstraint(condition=models.Q(('voucher_days__gt', 0)), name='reward_voucher_lasts'),
        ),
        migrations.AddConstraint(
            model_name='reward',
            constraint=models.CheckConstraint(condition=models.Q(('offered_from__isnull', True), ('offered_until__isnull', True), ('offered_from__lt', models.F('offered_until')), _connector='OR'), name='reward_offer_ends_after_it_began'),
        ),
        migrations.AddIndex(
            model_name='redemption',
            index=models.Index(fields=['member', '-id'], name='redemption_by_member'),
        ),
        migrations.AddIndex(
            model_name='redemption',
            index=models.Index(condition=models.Q(('status', 'cancelled'), _negated=True), fields=['member', 'reward'], name='redemption_towards_limit'),
        ),
        migrations.AddIndex(
            model_name='redemption',
            index=models.Index(fields=['redeemed_at'], name='redemption_by_day'),
        ),
        migrations.AddConstraint(
            model_name='redemption',
            constraint=models.UniqueConstraint(fields=('program', 'reference'), name='redemption_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='redemption',
            constraint=models.CheckConstraint(condition=models.Q(('cost__gt', 0)), name='redemption_cost_positive'),
        ),
        migrations.AddConstraint(
            model_name='redemption',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('status', 'issued')), models.Q(models.Q(('status', 'issued'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='redemption_ended_when_not_issued'),
        ),
        migrations.AddConstraint(
            model_name='redemption',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reversal__isnull', False), ('status', 'cancelled')), models.Q(models.Q(('status', 'cancelled'), _negated=True), ('reversal__isnull', True)), _connector='OR'), name='redemption_reversed_when_cancelled'),
        ),
        migrations.AddIndex(
            model_name='voucher',
            index=models.Index(condition=models.Q(('is_live', True)), fields=['expires_at'], name='voucher_live_by_end'),
        ),
        migrations.AddConstraint(
            model_name='voucher',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__lt', models.F('expires_at'))), name='voucher_ends_after_it_began'),
        ),
        migrations.AddConstraint(
            model_name='voucher',
            constraint=models.CheckConstraint(condition=models.Q(('is_live', False), ('used_at__isnull', True), _connector='OR'), name='voucher_used_is_ended'),
        ),
    ]

# The first shape of these tables.

import django.db.models.deletion
import django.db.models.expressions
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('opened_at', models.DateTimeField(verbose_name='opened at')),
                ('available', models.BigIntegerField(default=0, verbose_name='available')),
                ('pending', models.BigIntegerField(default=0, verbose_name='pending')),
                ('held', models.BigIntegerField(default=0, verbose_name='held')),
                ('debt', models.BigIntegerField(default=0, verbose_name='debt')),
                ('last_number', models.BigIntegerField(default=0, verbose_name='number of its last entry')),
                ('last_hash', models.BinaryField(default=b'', max_length=32, verbose_name='hash of its last entry')),
            ],
            options={
                'verbose_name': 'account',
                'verbose_name_plural': 'accounts',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='ExpiryPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('kind', models.CharField(choices=[('never', 'never'), ('days', 'days after activation'), ('months', 'months after activation'), ('years', 'years after activation'), ('date', 'on a fixed date')], default='never', max_length=12, verbose_name='points expire')),
                ('count', models.PositiveIntegerField(default=0, verbose_name='how many')),
                ('last_day', models.DateField(blank=True, null=True, verbose_name='last valid day')),
                ('round_to', models.CharField(blank=True, choices=[('', 'the day itself'), ('month', 'end of the month'), ('quarter', 'end of the quarter'), ('year', 'end of the year')], default='', max_length=8, verbose_name='rounded to')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('created_by', models.CharField(max_length=64, verbose_name='created by')),
            ],
            options={
                'verbose_name': 'expiry policy',
                'verbose_name_plural': 'expiry policies',
                'ordering': ['wallet_id', '-version'],
            },
        ),
        migrations.CreateModel(
            name='Program',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('name_id', models.CharField(blank=True, max_length=80, verbose_name='name in Indonesian')),
                ('name_ms', models.CharField(blank=True, max_length=80, verbose_name='name in Malay')),
                ('slug', models.SlugField(unique=True, verbose_name='short name')),
                ('time_zone', models.CharField(default='Asia/Jakarta', max_length=64, verbose_name='program clock')),
                ('currency', models.CharField(default='IDR', max_length=3, verbose_name='currency')),
                ('base_rules', models.CharField(choices=[('best', 'the best one counts'), ('sum', 'they add up')], default='best', max_length=4, verbose_name='several base rules')),
                ('rounding', models.CharField(choices=[('floor', 'down'), ('half_up', 'half up'), ('ceiling', 'up')], default='floor', max_length=8, verbose_name='rounding')),
                ('earns_on_tax', models.BooleanField(default=True, verbose_name='earns on tax')),
                ('earns_on_delivery', models.BooleanField(default=False, verbose_name='earns on delivery')),
                ('terms', models.TextField(blank=True, verbose_name='terms')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
            ],
            options={
                'verbose_name': 'program',
                'verbose_name_plural': 'programs',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.BigIntegerField(verbose_name='number')),
                ('kind', models.CharField(choices=[('accrual', 'earned'), ('redemption', 'redeemed'), ('expiry', 'expired'), ('reversal', 'redemption reversed'), ('claw_back', 'taken back'), ('adjustment', 'adjusted'), ('transfer', 'transferred'), ('reinstatement', 'reinstated'), ('extension', 'extended'), ('write_off', 'written off')], max_length=13, verbose_name='kind')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('effective_at', models.DateTimeField(verbose_name='true from')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded at')),
                ('source', models.CharField(max_length=32, verbose_name='source')),
                ('reference', models.CharField(max_length=160, verbose_name='reference')),
                ('actor', models.CharField(max_length=64, verbose_name='actor')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('explanation', models.JSONField(default=dict, verbose_name='explanation')),
                ('hash', models.BinaryField(max_length=32, verbose_name='hash')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='ledger.account', verbose_name='account')),
                ('corrects', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='ledger.entry', verbose_name='corrects')),
            ],
            options={
                'verbose_name': 'ledger entry',
                'verbose_name_plural': 'ledger entries',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(max_length=160, verbose_name='reference')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('status', models.CharField(choices=[('held', 'held'), ('captured', 'captured'), ('released', 'released')], default='held', max_length=8, verbose_name='status')),
                ('held_at', models.DateTimeField(verbose_name='held at')),
                ('expires_at', models.DateTimeField(verbose_name='held until')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('source', models.CharField(max_length=32, verbose_name='source')),
                ('actor', models.CharField(max_length=64, verbose_name='actor')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='ledger.account', verbose_name='account')),
                ('entry', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='hold', to='ledger.entry', verbose_name='redemption')),
            ],
            options={
                'verbose_name': 'hold',
                'verbose_name_plural': 'holds',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Lot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('granted_at', models.DateTimeField(verbose_name='granted at')),
                ('available_at', models.DateTimeField(blank=True, null=True, verbose_name='can be spent from')),
                ('confirm_by', models.DateTimeField(blank=True, null=True, verbose_name='to be confirmed by')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires at')),
                ('is_pending', models.BooleanField(default=False, verbose_name='pending')),
                ('rule_version', models.CharField(blank=True, max_length=160, verbose_name='rule version')),
                ('granted', models.BigIntegerField(verbose_name='granted')),
                ('returned', models.BigIntegerField(default=0, verbose_name='returned')),
                ('remaining', models.BigIntegerField(verbose_name='remaining')),
                ('held', models.BigIntegerField(default=0, verbose_name='held')),
                ('redeemed', models.BigIntegerField(default=0, verbose_name='redeemed')),
                ('expired', models.BigIntegerField(default=0, verbose_name='expired')),
                ('clawed_back', models.BigIntegerField(default=0, verbose_name='taken back')),
                ('forfeited', models.BigIntegerField(default=0, verbose_name='forfeited')),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='ledger.account', verbose_name='account')),
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='lot', to='ledger.entry', verbose_name='entry')),
                ('expiry_policy', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to='ledger.expirypolicy', verbose_name='expiry policy')),
            ],
            options={
                'verbose_name': 'lot',
                'verbose_name_plural': 'lots',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='HoldPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('hold', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='ledger.hold', verbose_name='hold')),
                ('lot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hold_parts', to='ledger.lot', verbose_name='lot')),
            ],
            options={
                'verbose_name': 'part of a hold',
                'verbose_name_plural': 'parts of holds',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Allocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('entry', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='ledger.entry', verbose_name='entry')),
                ('lot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='ledger.lot', verbose_name='lot')),
            ],
            options={
                'verbose_name': 'allocation',
                'verbose_name_plural': 'allocations',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Anchor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day')),
                ('made_at', models.DateTimeField(verbose_name='made at')),
                ('last_entry', models.BigIntegerField(verbose_name='last entry')),
                ('accounts', models.BigIntegerField(verbose_name='accounts')),
                ('points', models.BigIntegerField(verbose_name='sum of all entries')),
                ('digest', models.CharField(max_length=64, verbose_name='digest')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='anchors', to='ledger.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'anchor',
                'verbose_name_plural': 'anchors',
                'ordering': ['-day'],
            },
        ),
        migrations.CreateModel(
            name='Wallet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(verbose_name='short name')),
                ('unit', models.CharField(default='point', max_length=40, verbose_name='name of one')),
                ('unit_id', models.CharField(blank=True, max_length=40, verbose_name='name of one in Indonesian')),
                ('unit_ms', models.CharField(blank=True, max_length=40, verbose_name='name of one in Malay')),
                ('units', models.CharField(default='points', max_length=40, verbose_name='name of many')),
                ('units_id', models.CharField(blank=True, max_length=40, verbose_name='name of many in Indonesian')),
                ('units_ms', models.CharField(blank=True, max_length=40, verbose_name='name of many in Malay')),
                ('decimals', models.PositiveSmallIntegerField(default=0, verbose_name='decimals')),
                ('is_main', models.BooleanField(default=False, verbose_name='main wallet')),
                ('money_per_unit', models.DecimalField(decimal_places=6, default=Decimal('0'), help_text="In the program's currency.", max_digits=14, verbose_name='money value of one')),
                ('notice_days', models.PositiveSmallIntegerField(default=14, verbose_name='days of notice before expiry')),
                ('activation_days', models.PositiveSmallIntegerField(default=0, verbose_name='days until points can be spent')),
                ('debt_policy', models.CharField(choices=[('pending', 'take from pending points only'), ('floor', 'stop at zero and write the rest off'), ('debt', 'let the member owe the rest')], default='debt', max_length=8, verbose_name='when returned goods leave too few points')),
                ('debt_limit', models.BigIntegerField(blank=True, null=True, verbose_name='most a member may owe')),
                ('transfer_limit', models.BigIntegerField(blank=True, help_text='Empty: points cannot be passed on.', null=True, verbose_name='most a member may pass on at once')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='wallets', to='ledger.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'wallet',
                'verbose_name_plural': 'wallets',
                'ordering': ['program_id', '-is_main', 'id'],
            },
        ),
        migrations.CreateModel(
            name='PeriodClose',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField(help_text='Its first day.', verbose_name='month')),
                ('closed_at', models.DateTimeField(verbose_name='closed at')),
                ('closed_by', models.CharField(max_length=64, verbose_name='closed by')),
                ('figures', models.JSONField(default=dict, verbose_name='roll-forward')),
                ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='period_closes', to='ledger.wallet', verbose_name='wallet')),
            ],
            options={
                'verbose_name': 'closed month',
                'verbose_name_plural': 'closed months',
                'ordering': ['-month'],
            },
        ),
        migrations.AddField(
            model_name='expirypolicy',
            name='wallet',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='expiry_policies', to='ledger.wallet', verbose_name='wallet'),
        ),
        migrations.AddField(
            model_name='account',
            name='wallet',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='ledger.wallet', verbose_name='wallet'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['recorded_at', 'kind'], name='entry_by_recording'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(condition=models.Q(('corrects__isnull', False)), fields=['corrects'], name='entry_by_corrected'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['reference'], name='entry_by_reference'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(fields=('account', 'number'), name='entry_number_once_per_account'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.UniqueConstraint(fields=('account', 'reference', 'kind'), name='entry_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(('number__gt', 0)), name='entry_number_positive'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('kind__in', ['accrual', 'reversal', 'reinstatement'])), models.Q(('amount__lt', 0), ('kind__in', ['redemption', 'expiry'])), models.Q(('amount__lte', 0), ('kind', 'claw_back')), ('kind__in', ['adjustment', 'transfer', 'extension', 'write_off']), _connector='OR'), name='entry_sign_fits_its_kind'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(condition=models.Q(('status', 'held')), fields=['account', 'expires_at'], name='hold_open_by_account'),
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(condition=models.Q(('status', 'held')), fields=['expires_at'], name='hold_open_by_end'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.UniqueConstraint(fields=('account', 'reference'), name='hold_once_per_reference'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='hold_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(('held_at__lt', models.F('expires_at'))), name='hold_ends_after_it_began'),
        ),
        migrations.AddConstraint(
            model_name='hold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('entry__isnull', False), ('status', 'captured')), models.Q(models.Q(('status', 'captured'), _negated=True), ('entry__isnull', True)), _connector='OR'), name='hold_captured_by_an_entry'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(condition=models.Q(('remaining__gt', 0)), fields=['account', 'expires_at', 'available_at', 'id'], name='lot_open_in_burn_order'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(condition=models.Q(('expires_at__isnull', False), ('remaining__gt', 0)), fields=['expires_at', 'id'], name='lot_open_by_expiry'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(condition=models.Q(('is_pending', True)), fields=['available_at', 'account'], name='lot_pending_by_activation'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(fields=['account', '-id'], name='lot_by_account'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(('granted__gt', 0)), name='lot_granted_positive'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(('remaining__gte', 0)), name='lot_remaining_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(('held__gte', 0), ('held__lte', models.F('remaining'))), name='lot_held_within_remaining'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(('clawed_back__gte', 0), ('expired__gte', 0), ('forfeited__gte', 0), ('redeemed__gte', 0), ('returned__gte', 0)), name='lot_parts_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(('remaining', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('granted'), '+', models.F('returned')), '-', models.F('redeemed')), '-', models.F('expired')), '-', models.F('clawed_back')), '-', models.F('forfeited')))), name='lot_parts_add_up'),
        ),
        migrations.AddConstraint(
            model_name='holdpart',
            constraint=models.UniqueConstraint(fields=('hold', 'lot'), name='hold_part_once_per_lot'),
        ),
        migrations.AddConstraint(
            model_name='holdpart',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='hold_part_positive'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.UniqueConstraint(fields=('entry', 'lot'), name='allocation_once_per_entry_and_lot'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='allocation_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='anchor',
            constraint=models.UniqueConstraint(fields=('program', 'day'), name='one_anchor_per_program_and_day'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.UniqueConstraint(fields=('program', 'slug'), name='wallet_slug_once_per_program'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.UniqueConstraint(condition=models.Q(('is_main', True)), fields=('program',), name='one_main_wallet_per_program'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('decimals__lte', 6)), name='wallet_at_most_six_decimals'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('money_per_unit__gte', 0)), name='wallet_worth_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='periodclose',
            constraint=models.UniqueConstraint(fields=('wallet', 'month'), name='month_closed_once_per_wallet'),
        ),
        migrations.AddConstraint(
            model_name='periodclose',
            constraint=models.CheckConstraint(condition=models.Q(('month__day', 1)), name='closed_month_by_its_first_day'),
        ),
        migrations.AddConstraint(
            model_name='expirypolicy',
            constraint=models.UniqueConstraint(fields=('wallet', 'version'), name='expiry_policy_version_once_per_wallet'),
        ),
        migrations.AddConstraint(
            model_name='expirypolicy',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['never', 'date']), ('count__gt', 0), _connector='OR'), name='expiry_policy_counts_something'),
        ),
        migrations.AddConstraint(
            model_name='expirypolicy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'date'), _negated=True), ('last_day__isnull', False), _connector='OR'), name='expiry_policy_date_has_a_day'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('available__gte', 0)), name='account_available_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('pending__gte', 0)), name='account_pending_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('held__gte', 0)), name='account_held_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('debt__gte', 0)), name='account_debt_not_negative'),
        ),
    ]

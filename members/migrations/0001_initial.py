# The first shape of these tables.

import django.db.models.deletion
import django.db.models.functions.text
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('ledger', '0001_initial'),
        ('pos', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Member',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=12, unique=True, verbose_name='member number')),
                ('source', models.CharField(blank=True, max_length=32, verbose_name='source')),
                ('source_key', models.CharField(blank=True, max_length=80, verbose_name='customer key at the source')),
                ('name', models.CharField(blank=True, max_length=120, verbose_name='name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('phone', models.CharField(blank=True, max_length=24, verbose_name='phone')),
                ('birthday', models.DateField(blank=True, null=True, verbose_name='birthday')),
                ('language', models.CharField(choices=[('en', 'English'), ('id', 'Bahasa Indonesia'), ('ms', 'Bahasa Melayu')], default='en', max_length=5, verbose_name='language')),
                ('status', models.CharField(choices=[('active', 'active'), ('closed', 'closed')], default='active', max_length=8, verbose_name='status')),
                ('enrolled_at', models.DateTimeField(verbose_name='enrolled at')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='members', to='ledger.program', verbose_name='program')),
                ('user', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='member', to=settings.AUTH_USER_MODEL, verbose_name='sign-in')),
            ],
            options={
                'verbose_name': 'member',
                'verbose_name_plural': 'members',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Tier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('name_id', models.CharField(blank=True, max_length=80, verbose_name='name in Indonesian')),
                ('name_ms', models.CharField(blank=True, max_length=80, verbose_name='name in Malay')),
                ('slug', models.SlugField(verbose_name='short name')),
                ('rank', models.PositiveSmallIntegerField(help_text='0 is the lowest.', verbose_name='rank')),
                ('threshold', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=16, verbose_name='reached from')),
                ('benefits', models.TextField(blank=True, help_text='One per line.', verbose_name='benefits')),
                ('benefits_id', models.TextField(blank=True, verbose_name='benefits in Indonesian')),
                ('benefits_ms', models.TextField(blank=True, verbose_name='benefits in Malay')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tiers', to='ledger.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'tier',
                'verbose_name_plural': 'tiers',
                'ordering': ['program_id', 'rank'],
            },
        ),
        migrations.CreateModel(
            name='Purchase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=32, verbose_name='source')),
                ('receipt', models.CharField(max_length=80, verbose_name='receipt')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred at')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded at')),
                ('channel', models.CharField(blank=True, max_length=16, verbose_name='channel')),
                ('currency', models.CharField(max_length=3, verbose_name='currency')),
                ('items', models.PositiveIntegerField(default=0, verbose_name='items')),
                ('total', models.DecimalField(decimal_places=2, max_digits=16, verbose_name='total')),
                ('eligible', models.DecimalField(decimal_places=2, max_digits=16, verbose_name='earning part')),
                ('points', models.BigIntegerField(default=0, verbose_name='points earned')),
                ('qualifying_points', models.BigIntegerField(default=0, verbose_name='qualifying points')),
                ('qualifying_spend', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=16, verbose_name='qualifying spend')),
                ('digest', models.CharField(max_length=64, verbose_name='digest of the content')),
                ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='purchases', to='members.member', verbose_name='member')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='purchases', to='ledger.program', verbose_name='program')),
                ('store', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='pos.store', verbose_name='store')),
                ('tier', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='members.tier', verbose_name='tier at the time')),
            ],
            options={
                'verbose_name': 'purchase',
                'verbose_name_plural': 'purchases',
                'ordering': ['-id'],
            },
        ),
        migrations.AddField(
            model_name='member',
            name='tier',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='members', to='members.tier', verbose_name='tier'),
        ),
        migrations.CreateModel(
            name='TierPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('metric', models.CharField(choices=[('points', 'qualifying points'), ('spend', 'qualifying spend')], default='points', max_length=8, verbose_name='counted')),
                ('window', models.CharField(choices=[('rolling', 'the last months'), ('calendar', 'this calendar year'), ('lifetime', 'since enrolment')], default='rolling', max_length=8, verbose_name='over')),
                ('months', models.PositiveSmallIntegerField(default=12, verbose_name='months')),
                ('program', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='tier_policy', to='ledger.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'tier policy',
                'verbose_name_plural': 'tier policies',
            },
        ),
        migrations.CreateModel(
            name='TierStay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField(verbose_name='since')),
                ('until', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded at')),
                ('cause', models.CharField(help_text='Reference of what made the change.', max_length=160, verbose_name='cause')),
                ('measured', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=16, verbose_name='measured')),
                ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tier_stays', to='members.member', verbose_name='member')),
                ('tier', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='members.tier', verbose_name='tier')),
            ],
            options={
                'verbose_name': 'tier stay',
                'verbose_name_plural': 'tier stays',
                'ordering': ['member_id', '-since', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=32, verbose_name='source')),
                ('key', models.CharField(max_length=80, verbose_name='event key')),
                ('kind', models.SlugField(max_length=40, verbose_name='kind')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred at')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded at')),
                ('points', models.BigIntegerField(default=0, verbose_name='points earned')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='ledger.program', verbose_name='program')),
                ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='members.member', verbose_name='member')),
            ],
            options={
                'verbose_name': 'event',
                'verbose_name_plural': 'events',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['member', 'occurred_at'], name='event_by_member')],
                'constraints': [models.UniqueConstraint(fields=('program', 'source', 'key'), name='event_once_per_source')],
            },
        ),
        migrations.CreateModel(
            name='MemberAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='member_account', to='ledger.account', verbose_name='account')),
                ('member', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='member_accounts', to='members.member', verbose_name='member')),
                ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='ledger.wallet', verbose_name='wallet')),
            ],
            options={
                'verbose_name': "member's account",
                'verbose_name_plural': "members' accounts",
                'constraints': [models.UniqueConstraint(fields=('member', 'wallet'), name='one_account_per_member_and_wallet')],
            },
        ),
        migrations.CreateModel(
            name='PurchaseLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='line')),
                ('product', models.CharField(blank=True, max_length=80, verbose_name='product')),
                ('category', models.CharField(blank=True, max_length=80, verbose_name='category')),
                ('quantity', models.DecimalField(decimal_places=3, default=Decimal('1'), max_digits=12, verbose_name='quantity')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=16, verbose_name='amount after discount')),
                ('eligible', models.DecimalField(decimal_places=2, max_digits=16, verbose_name='earning part')),
                ('points', models.BigIntegerField(default=0, verbose_name='points earned')),
                ('purchase', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='members.purchase', verbose_name='purchase')),
            ],
            options={
                'verbose_name': 'purchase line',
                'verbose_name_plural': 'purchase lines',
                'ordering': ['purchase_id', 'number'],
                'constraints': [models.UniqueConstraint(fields=('purchase', 'number'), name='line_number_once_per_purchase'), models.CheckConstraint(condition=models.Q(('quantity__gt', 0)), name='line_quantity_positive'), models.CheckConstraint(condition=models.Q(('amount__gte', 0), ('eligible__gte', 0)), name='line_amounts_not_negative')],
            },
        ),
        migrations.AddConstraint(
            model_name='tier',
            constraint=models.UniqueConstraint(fields=('program', 'slug'), name='tier_slug_once_per_program'),
        ),
        migrations.AddConstraint(
            model_name='tier',
            constraint=models.UniqueConstraint(fields=('program', 'rank'), name='tier_rank_once_per_program'),
        ),
        migrations.AddConstraint(
            model_name='tier',
            constraint=models.UniqueConstraint(fields=('program', 'threshold'), name='tier_threshold_once_per_program'),
        ),
        migrations.AddConstraint(
            model_name='tier',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('rank', 0), _negated=True), ('threshold', 0), _connector='OR'), name='lowest_tier_from_zero'),
        ),
        migrations.AddIndex(
            model_name='purchase',
            index=models.Index(fields=['member', 'occurred_at'], include=('qualifying_points', 'qualifying_spend'), name='purchase_by_member'),
        ),
        migrations.AddIndex(
            model_name='purchase',
            index=models.Index(fields=['program', 'occurred_at'], name='purchase_by_day'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.UniqueConstraint(fields=('program', 'source', 'receipt'), name='receipt_once_per_source'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.CheckConstraint(condition=models.Q(('eligible__gte', 0), ('total__gte', 0)), name='purchase_amounts_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='purchase',
            constraint=models.CheckConstraint(condition=models.Q(('points__gte', 0)), name='purchase_points_not_negative'),
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(fields=['program', '-enrolled_at'], name='member_by_enrolment'),
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(django.db.models.functions.text.Lower('email'), name='member_by_email'),
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(django.db.models.functions.text.Lower('name'), name='member_by_name'),
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(condition=models.Q(('phone', ''), _negated=True), fields=['phone'], name='member_by_phone'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.UniqueConstraint(condition=models.Q(('source_key', ''), _negated=True), fields=('program', 'source', 'source_key'), name='customer_once_per_source'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.UniqueConstraint(models.F('program'), django.db.models.functions.text.Lower('email'), condition=models.Q(('email', ''), _negated=True), name='email_once_per_program'),
        ),
        migrations.AddIndex(
            model_name='tierstay',
            index=models.Index(fields=['member', 'since'], name='stay_by_member'),
        ),
        migrations.AddConstraint(
            model_name='tierstay',
            constraint=models.UniqueConstraint(condition=models.Q(('until__isnull', True)), fields=('member',), name='one_open_stay_per_member'),
        ),
        migrations.AddConstraint(
            model_name='tierstay',
            constraint=models.CheckConstraint(condition=models.Q(('until__isnull', True), ('until__gte', models.F('since')), _connector='OR'), name='stay_ends_after_it_began'),
        ),
    ]

# The first shape of these tables.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('ledger', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Store',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(verbose_name='code')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('city', models.CharField(blank=True, max_length=80, verbose_name='city')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='stores', to='ledger.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'store',
                'verbose_name_plural': 'stores',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Who uses it, e.g. the web shop.', max_length=80, verbose_name='name')),
                ('prefix', models.CharField(max_length=12, verbose_name='begins with')),
                ('digest', models.CharField(max_length=64, unique=True, verbose_name='digest')),
                ('previous_digest', models.CharField(blank=True, editable=False, max_length=64, verbose_name='digest before the rotation')),
                ('previous_until', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='old secret taken until')),
                ('scopes', models.JSONField(default=list, verbose_name='may')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('created_by', models.CharField(blank=True, editable=False, max_length=64, verbose_name='created by')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='valid until')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked at')),
                ('revoked_by', models.CharField(blank=True, editable=False, max_length=64, verbose_name='revoked by')),
                ('last_used_on', models.DateField(blank=True, null=True, verbose_name='last used on')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_keys', to='ledger.program', verbose_name='program')),
                ('store', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='pos.store', verbose_name='store')),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Till',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(verbose_name='code')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('store', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tills', to='pos.store', verbose_name='store')),
            ],
            options={
                'verbose_name': 'till',
                'verbose_name_plural': 'tills',
                'ordering': ['store', 'code'],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=255, verbose_name='idempotency key')),
                ('request_digest', models.CharField(max_length=64, verbose_name='digest of the call')),
                ('status', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='status')),
                ('body', models.TextField(blank=True, verbose_name='answer')),
                ('created_at', models.DateTimeField(db_index=True, verbose_name='created at')),
                ('api_key', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='pos.apikey', verbose_name='API key')),
            ],
            options={
                'verbose_name': 'kept answer',
                'verbose_name_plural': 'kept answers',
                'constraints': [models.UniqueConstraint(fields=('api_key', 'key'), name='idempotency_key_once_per_api_key')],
            },
        ),
        migrations.AddConstraint(
            model_name='store',
            constraint=models.UniqueConstraint(fields=('program', 'code'), name='store_code_once_per_program'),
        ),
        migrations.AddIndex(
            model_name='apikey',
            index=models.Index(condition=models.Q(('previous_digest', ''), _negated=True), fields=['previous_digest'], name='api_key_by_previous_secret'),
        ),
        migrations.AddConstraint(
            model_name='till',
            constraint=models.UniqueConstraint(fields=('store', 'code'), name='till_code_once_per_store'),
        ),
    ]

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
            name='Heartbeat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40, unique=True, verbose_name='name')),
                ('seen_at', models.DateTimeField(verbose_name='seen at')),
            ],
            options={
                'verbose_name': 'sign of life',
                'verbose_name_plural': 'signs of life',
            },
        ),
        migrations.CreateModel(
            name='JobRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('job', models.CharField(max_length=40, verbose_name='job')),
                ('business_date', models.DateField(blank=True, null=True, verbose_name='business date')),
                ('as_of', models.DateTimeField(verbose_name='as of')),
                ('is_dry', models.BooleanField(default=False, verbose_name='preview only')),
                ('status', models.CharField(choices=[('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('stopped', 'stopped')], default='running', max_length=8, verbose_name='status')),
                ('started_by', models.CharField(max_length=64, verbose_name='started by')),
                ('started_at', models.DateTimeField(verbose_name='started at')),
                ('seen_at', models.DateTimeField(verbose_name='last sign of life')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('stop_requested_at', models.DateTimeField(blank=True, null=True, verbose_name='asked to stop at')),
                ('stop_requested_by', models.CharField(blank=True, default='', max_length=64, verbose_name='asked to stop by')),
                ('attempts', models.PositiveSmallIntegerField(default=1, verbose_name='attempts')),
                ('found', models.BigIntegerField(default=0, verbose_name='found')),
                ('done', models.BigIntegerField(default=0, verbose_name='done')),
                ('skipped', models.BigIntegerField(default=0, verbose_name='skipped')),
                ('report', models.JSONField(default=dict, verbose_name='report')),
                ('error', models.TextField(blank=True, verbose_name='error')),
                ('version', models.CharField(blank=True, max_length=40, verbose_name='version')),
                ('program', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='ledger.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'job run',
                'verbose_name_plural': 'job runs',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['job', '-id'], name='job_run_by_job'), models.Index(condition=models.Q(('status', 'running')), fields=['seen_at'], name='job_run_running'), models.Index(condition=models.Q(('business_date__isnull', False), ('status', 'failed')), fields=['ended_at'], name='job_run_to_retry')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('business_date__isnull', False)), fields=('job', 'program', 'business_date'), name='business_date_once_per_job')],
            },
        ),
    ]

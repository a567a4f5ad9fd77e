"""Every setting, read from the environment; the embedded defaults need no service at all.

Without any variable Setia runs on SQLite, a filesystem broker and console mail (`make demo`, tests). Production is
`DEBUG=false`; a missing secret then stops the start instead of falling back to something guessable.
"""

import sys
from pathlib import Path

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from loyalty.desk.theme import UNFOLD  # noqa: F401
from loyalty.wiring import *  # noqa: F403

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

DEMO = env.bool("SETIA_DEMO", default=False)
# A demo is looked at by customers: it shows the pages for errors that they would see, not the developer's.
DEBUG = env.bool("DEBUG", default=not DEMO)
TESTING = "pytest" in sys.modules
SETIA_VERSION = "0.1.0"
EMBEDDED_SECRET = "embedded-and-therefore-not-secret-" + "0" * 32
SECRET_KEY = env.str("SECRET_KEY", default=EMBEDDED_SECRET) if DEBUG or DEMO else env.str("SECRET_KEY")
# Key of the daily anchors over the books and of everything else that is signed for longer than a session.
BOOKS_KEY = env.str("BOOKS_KEY", default=SECRET_KEY) if DEBUG or DEMO else env.str("BOOKS_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG or DEMO else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SITE_URL = env.str("SITE_URL", default="http://localhost:8000").rstrip("/")
DATA_DIR = Path(env.str("SETIA_DATA_DIR", default=str(BASE_DIR / "var")))
DATA_DIR.mkdir(parents=True, exist_ok=True)

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the default one would put its own admin site in place of the desk
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "loyalty.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_celery_beat",
    "loyalty",
    "loyalty.ledger",
    "loyalty.mail",
    "loyalty.pos",
    "loyalty.jobs",
    "members",
    "members.segments",
    "rewards",
    "campaigns",
    "campaigns.ways",
    "campaigns.partners",
    "campaigns.notices",
    "campaigns.letters",
    "campaigns.mailings",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "loyalty.middleware.RequestIdMiddleware",
    "loyalty.pos.middleware.ApiProblemMiddleware",
    "csp.middleware.CSPMiddleware",
    "loyalty.middleware.AdminContentPolicyMiddleware",
    "loyalty.middleware.BusyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "loyalty.desk.sessions.StaffSessionMiddleware",
    "loyalty.desk.sessions.ProgramClockMiddleware",
]

ROOT_URLCONF = "loyalty.urls"
WSGI_APPLICATION = "loyalty.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    }
]

# --- Database -------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'setia.sqlite3'}")}
_database = DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE makes the transaction itself the lock: select_for_update does nothing on SQLite (RELIABILITY R-2).
    # Closing the last connection empties the write-ahead log, which costs more than a request.
    _database["CONN_MAX_AGE"] = 60
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    _database["CONN_MAX_AGE"] = 0
    _database["OPTIONS"] = _database.get("OPTIONS", {}) | {
        "options": "-c lock_timeout=5s -c statement_timeout="
        + env.str("STATEMENT_TIMEOUT", default="15s")
        + " -c idle_in_transaction_session_timeout=30s",
        "pool": False if TESTING else {"min_size": 1, "max_size": env.int("DATABASE_POOL", default=8), "timeout": 10},
    }

# Hot statements are prepared on PostgreSQL; false behind a pooler that cannot keep prepared statements.
KEEP_PLANS = env.bool("KEEP_PLANS", default=True)

# The login limits and other counters must be shared between processes: in the database unless Redis is named.
CACHES = {"default": env.cache_url("CACHE_URL", default="dbcache://setia_cache")}

# --- Scheduled work -------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str("BROKER_URL", default="filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem"):
    _broker = DATA_DIR / "broker"
    for _folder in ("queue", "processed", "control"):
        (_broker / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker / "queue"),
        "data_folder_out": str(_broker / "queue"),
        "processed_folder": str(_broker / "processed"),
        "control_folder": str(_broker / "control"),
        "store_processed": False,
    }
else:
    # A silent broker must not hold anybody up.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 5, "visibility_timeout": 3600}
CELERY_BROKER_CONNECTION_TIMEOUT = 5
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for as long as it takes: an outage of a night is not given up
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_TIMEZONE = "UTC"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# A folder outside of the database server's reach that gets a copy of every day's anchor; empty: none is kept.
SETIA_ANCHOR_DIR = env.str("SETIA_ANCHOR_DIR", default="")
# Minutes that due work may wait before /readyz and the jobs page call it late.
SETIA_LATE_AFTER_MINUTES = env.int("SETIA_LATE_AFTER_MINUTES", default=30)
# Days after which it is forgotten where a delivered or cancelled parcel went; 0: never.
SETIA_PARCEL_ADDRESS_DAYS = env.int("SETIA_PARCEL_ADDRESS_DAYS", default=180)
# Days after which it is forgotten what stood in letters to staff and partners; 0: never. Each program says it for its members.
SETIA_LETTER_DAYS = env.int("SETIA_LETTER_DAYS", default=400)
# Megabytes that must be left where the data is, or /readyz complains.
SETIA_DISK_FREE_MB = env.int("SETIA_DISK_FREE_MB", default=500)
# Called with JSON when a job is late or fails, and when that is over; empty: only letters to those who may run jobs.
SETIA_ALERT_URL = env.str("SETIA_ALERT_URL", default="")
if SETIA_ALERT_URL and not SETIA_ALERT_URL.startswith(("https://", "http://")):
    raise ImproperlyConfigured("SETIA_ALERT_URL must begin with https:// or http://")

# --- Mail -----------------------------------------------------------------------------------------------------------
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
if DEMO and "EMAIL_URL" not in env.ENVIRON:
    EMAIL_BACKEND = "loyalty.mail.demo.DemoMailboxBackend"
# A mail system other than SMTP, by the path of its class, such as anymail's; its own settings are ANYMAIL, a JSON object.
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="") or EMAIL_BACKEND
ANYMAIL = {"REQUESTS_TIMEOUT": 10} | env.json("ANYMAIL", default={})
EMAIL_TIMEOUT = 10
# The secret with which the mail provider signs its list of bounces and complaints; empty: that call does not exist.
SETIA_MAIL_EVENTS_SECRET = env.str("SETIA_MAIL_EVENTS_SECRET", default="")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Setia <loyalty@setia.example>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Sign-in --------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 600
ACCOUNT_LOGIN_BY_CODE_FORMAT = {"numeric": True, "length": 6, "dashed": False}
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_FORMS = {
    "request_login_code": "members.signin.RequestCodeForm",
    "reset_password": "members.signin.StaffPasswordForm",
}
# Five tries per code and fifteen codes an hour leave a guesser one chance in five hundred a day.
ACCOUNT_RATE_LIMITS = {"request_login_code": "20/m/ip,3/m/key,15/h/key"}
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 1
# How many proxies of ours stand in front: the login limits count per address of the client, not of the proxy.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0)
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_ADAPTER = "members.signin.SignInAdapter"
MFA_ADAPTER = "members.signin.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Setia"
MFA_TOTP_TOLERANCE = (
    1  # the code of the half minute before or after counts too: clocks of phones differ (RFC 6238, 5.2)
)
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG or DEMO
SESSION_COOKIE_AGE = 60 * 60 * 12
SESSION_SAVE_EVERY_REQUEST = False

# --- Languages ------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("id", "Bahasa Indonesia"), ("ms", "Bahasa Melayu")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["loyalty.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = True
# Named by string, because the campaigns stand above the portal: how an entry's explanation reads, and what runs now.
SETIA_EXPLAIN = "campaigns.explanations.sentence"
SETIA_EXPLAIN_LIMITS = "campaigns.explanations.limits"
SETIA_EXPLAIN_NEAR = "campaigns.explanations.near_misses"
SETIA_NEWS = "campaigns.news.running"
SETIA_CHALLENGES = "campaigns.challenges.showing.teaser"
SETIA_NOTICES = "campaigns.notices.showing.told_to"
# What tiers give by rules: read, kept, and what an edit of it would have come to.
SETIA_TIER_BENEFITS = "campaigns.tier_benefits.benefits_of"
SETIA_KEEP_TIER_BENEFITS = "campaigns.tier_benefits.keep_benefits"
SETIA_TIER_WORTH = "campaigns.tier_worth.worth_of"
# Told of waiting points that were confirmed or cancelled by themselves: what they count for follows.
SETIA_POINTS_RELEASED = "campaigns.releasing"
# Told of new members in the transaction of their enrolment: what joining earns, and who brought them.
SETIA_JOINED = "campaigns.ways.joining.joined"
# Who answers which members are in which segments (campaigns.audience); empty: rules cannot ask for segments.
SETIA_SEGMENTS_OF = "members.segments.membership.stays_of"

# --- Static files ---------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or (DEBUG and not DEMO)
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG and not DEMO

# --- Security -------------------------------------------------------------------------------------------------------
PRODUCTION = not DEBUG and not DEMO
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=PRODUCTION)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_HTTPONLY = False
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- Logs -----------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "loyalty.common.logs.formatter", "json": PRODUCTION},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": []},  # through the root, not twice
        "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
    },
}

# --- Desk -----------------------------------------------------------------------------------------------------------
# Minutes without a request after which a staff session ends.
SETIA_STAFF_IDLE_MINUTES = env.int("SETIA_STAFF_IDLE_MINUTES", default=60)

# An index may carry columns along: PostgreSQL reads them from it, SQLite leaves them out.
SILENCED_SYSTEM_CHECKS = ["models.W040"]

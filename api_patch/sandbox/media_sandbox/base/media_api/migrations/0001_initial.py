"""The tables of the first release."""

import django.db.models.deletion
import oauth2_provider.generators
import oauth2_provider.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    # Tokens refer to the application model of this app.
    run_before = [("oauth2_provider", "0001_initial")]

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Audio",
            fields=[
                ("title", models.CharField(max_length=300)),
                ("identifier", models.UUIDField(primary_key=True, serialize=False)),
                ("indexed_on", models.DateTimeField()),
                ("foreign_landing_url", models.URLField(max_length=300)),
                ("url", models.URLField(max_length=300)),
                ("creator", models.CharField(max_length=200)),
                ("creator_url", models.URLField(max_length=300)),
                ("license", models.CharField(max_length=20)),
                ("license_version", models.CharField(max_length=10)),
                ("provider", models.CharField(max_length=80)),
                ("source", models.CharField(max_length=80)),
                ("category", models.CharField(db_index=True, max_length=40)),
                ("filesize", models.PositiveIntegerField()),
                ("filetype", models.CharField(max_length=10)),
                ("tag_names", models.CharField(help_text="between commas, with one at each end", max_length=300)),
                ("mature", models.BooleanField(default=False)),
                ("duration", models.PositiveIntegerField(help_text="milliseconds")),
                ("bit_rate", models.PositiveIntegerField(help_text="bits per second")),
                ("sample_rate", models.PositiveIntegerField(help_text="hertz")),
                ("has_artwork", models.BooleanField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Image",
            fields=[
                ("title", models.CharField(max_length=300)),
                ("identifier", models.UUIDField(primary_key=True, serialize=False)),
                ("indexed_on", models.DateTimeField()),
                ("foreign_landing_url", models.URLField(max_length=300)),
                ("url", models.URLField(max_length=300)),
                ("creator", models.CharField(max_length=200)),
                ("creator_url", models.URLField(max_length=300)),
                ("license", models.CharField(max_length=20)),
                ("license_version", models.CharField(max_length=10)),
                ("provider", models.CharField(max_length=80)),
                ("source", models.CharField(max_length=80)),
                ("category", models.CharField(db_index=True, max_length=40)),
                ("filesize", models.PositiveIntegerField()),
                ("filetype", models.CharField(max_length=10)),
                ("tag_names", models.CharField(help_text="between commas, with one at each end", max_length=300)),
                ("mature", models.BooleanField(default=False)),
                ("height", models.PositiveIntegerField()),
                ("width", models.PositiveIntegerField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="OAuth2Registration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=150, unique=True)),
                ("description", models.CharField(max_length=10000)),
                ("email", models.EmailField(max_length=254)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ThrottledApplication",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "client_id",
                    models.CharField(
                        db_index=True,
                        default=oauth2_provider.generators.generate_client_id,
                        max_length=255,
                        unique=True,
                        verbose_name="client ID",
                    ),
                ),
                (
                    "redirect_uris",
                    models.TextField(blank=True, help_text="Allowed URIs list, space separated", verbose_name="redirect URIs"),
                ),
                (
                    "post_logout_redirect_uris",
                    models.TextField(
                        blank=True,
                        default="",
                        help_text="Allowed Post Logout URIs list, space separated",
                        verbose_name="post logout redirect URIs",
                    ),
                ),
                (
                    "client_type",
                    models.CharField(
                        choices=[("confidential", "Confidential"), ("public", "Public")],
                        max_length=32,
                        verbose_name="client type",
                    ),
                ),
                (
                    "authorization_grant_type",
                    models.CharField(
                        choices=[
                            ("authorization-code", "Authorization code"),
                            ("urn:ietf:params:oauth:grant-type:device_code", "Device Code"),
                            ("implicit", "Implicit"),
                            ("password", "Resource owner password-based"),
                            ("client-credentials", "Client credentials"),
                            ("openid-hybrid", "OpenID connect hybrid"),
                        ],
                        max_length=44,
                        verbose_name="authorization grant type",
                    ),
                ),
                (
                    "client_secret",
                    oauth2_provider.models.ClientSecretField(
                        blank=True,
                        db_index=True,
                        default=oauth2_provider.generators.generate_client_secret,
                        help_text="Client secret for authentication",
                        max_length=255,
                        verbose_name="client secret",
                    ),
                ),
                ("hash_client_secret", models.BooleanField(default=True, verbose_name="hash client secret")),
                ("name", models.CharField(blank=True, max_length=255, verbose_name="name")),
                ("skip_authorization", models.BooleanField(default=False, verbose_name="skip authorization")),
                ("created", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated", models.DateTimeField(auto_now=True, verbose_name="updated")),
                (
                    "algorithm",
                    models.CharField(
                        blank=True,
                        choices=[("", "No OIDC support"), ("RS256", "RSA with SHA-2 256"), ("HS256", "HMAC with SHA-2 256")],
                        default="",
                        max_length=5,
                        verbose_name="algorithm",
                    ),
                ),
                (
                    "allowed_origins",
                    models.TextField(
                        blank=True,
                        default="",
                        help_text="Allowed origins list to enable CORS, space separated",
                        verbose_name="allowed origins",
                    ),
                ),
                (
                    "registration_source",
                    models.CharField(
                        choices=[
                            ("manual", "Manual"),
                            ("dcr", "Dynamic Client Registration"),
                            ("cimd", "Client ID Metadata Document"),
                        ],
                        default="manual",
                        help_text="How this application was registered (manual, DCR per RFC 7591, or CIMD)",
                        max_length=32,
                        verbose_name="registration source",
                    ),
                ),
                (
                    "cimd_expires_at",
                    models.DateTimeField(
                        blank=True,
                        default=None,
                        help_text="When the cached Client ID Metadata Document should be re-fetched",
                        null=True,
                        verbose_name="CIMD expires at",
                    ),
                ),
                (
                    "rate_limit_model",
                    models.CharField(
                        choices=[("standard", "standard"), ("enhanced", "enhanced"), ("exempt", "exempt")],
                        default="standard",
                        max_length=20,
                    ),
                ),
                ("verified", models.BooleanField(default=False)),
                ("revoked", models.BooleanField(default=False)),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="%(app_label)s_%(class)s",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="OAuth2Verification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=254)),
                ("code", models.CharField(db_index=True, max_length=256)),
                (
                    "associated_application",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL),
                ),
            ],
        ),
    ]

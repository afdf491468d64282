"""Contacts with the Django REST framework, in the style of its tutorial, in one module."""

import os
import sys
from pathlib import Path

import django
from django.apps import AppConfig
from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.configure(
    SECRET_KEY="of a bench",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=[f"{__name__}.Contacts", "rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"{os.environ['PEER_DATA']}/django.db",
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    REST_FRAMEWORK={
        "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
        "PAGE_SIZE": 20,
        "UNAUTHENTICATED_USER": None,
        "DEFAULT_AUTHENTICATION_CLASSES": [],
    },
)


class Contacts(AppConfig):
    name = __name__
    label = "contacts"
    path = str(Path(__file__).parent)


django.setup()

from django.db import connection, models  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import routers, serializers, viewsets  # noqa: E402


class Tag(models.Model):
    name = models.CharField(max_length=100, unique=True)

    class Meta:
        app_label = "contacts"


class Contact(models.Model):
    phone = models.CharField(max_length=20, unique=True)
    first_name = models.CharField(max_length=200, null=True, db_index=True)
    last_name = models.CharField(max_length=200, null=True, db_index=True)
    email = models.EmailField(null=True, db_index=True)
    custom_fields = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)
    tags = models.ManyToManyField(Tag)

    class Meta:
        app_label = "contacts"
        ordering = ("id",)


class ContactSerializer(serializers.ModelSerializer):
    tags = serializers.SlugRelatedField(slug_field="name", many=True, queryset=Tag.objects.all())

    class Meta:
        model = Contact
        fields = "__all__"


class ContactViewSet(viewsets.ModelViewSet):
    serializer_class = ContactSerializer

    def get_queryset(self):
        contacts = Contact.objects.prefetch_related("tags")
        tag = self.request.query_params.get("tag")
        return contacts.filter(tags__name=tag) if tag else contacts


router = routers.DefaultRouter()
router.register("contacts", ContactViewSet, basename="contact")
urlpatterns = [path("", include(router.urls))]
application = get_wsgi_application()
sys.modules.setdefault("django_app", sys.modules[__name__])


def fill(contacts):
    """Make the tables, and contacts for the lists to show."""
    with connection.schema_editor() as editor:
        for model in (Tag, Contact):
            editor.create_model(model)
    tags = [Tag.objects.create(name=name) for name in ("Lead", "High-Priority")]
    rows = [
        Contact(**{name: value for name, value in given.items() if name != "tags"})
        for given in contacts
    ]
    Contact.objects.bulk_create(rows)
    through = Contact.tags.through
    through.objects.bulk_create(
        through(contact_id=row.pk, tag_id=tag.pk) for row in rows for tag in tags
    )

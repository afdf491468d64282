"""A Singer tap: reads contacts incrementally, and pages by the Link header."""

from urllib.parse import parse_qsl

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import HeaderLinkPaginator


class Contacts(RESTStream):
    name = "contacts"
    path = "/v1/contacts"
    primary_keys = ("id",)
    replication_key = "updated_at"
    is_sorted = True
    records_jsonpath = "$.contacts[*]"
    schema = th.PropertiesList(
        th.Property("id", th.StringType, required=True),
        th.Property("phone", th.StringType),
        th.Property("first_name", th.StringType),
        th.Property("last_name", th.StringType),
        th.Property("email", th.StringType),
        th.Property("tags", th.ArrayType(th.StringType)),
        th.Property("created_at", th.DateTimeType),
        th.Property("updated_at", th.DateTimeType),
        th.Property("custom_fields", th.ObjectType(additional_properties=True)),
    ).to_dict()

    @property
    def url_base(self):
        return self.config["url"]

    @property
    def authenticator(self):
        return BearerTokenAuthenticator(token=self.config["key"])

    def get_new_paginator(self):
        return HeaderLinkPaginator()

    def get_url_params(self, context, next_page_token):
        if next_page_token:
            return dict(parse_qsl(next_page_token.query))
        since = self.get_starting_replication_key_value(context)
        return {
            "cursor": "start",
            "sort": "updated_at",
            "include": "custom_fields,updated_at",
            "limit": 7,
        } | ({"updated_since": since} if since else {})


class ContactsTap(Tap):
    name = "tap-contacts"
    config_jsonschema = th.PropertiesList(
        th.Property("url", th.StringType, required=True),
        th.Property("key", th.StringType, required=True, secret=True),
    ).to_dict()

    def discover_streams(self):
        return [Contacts(self)]


if __name__ == "__main__":
    ContactsTap.cli()

"""Lists the described features in the order of the document."""

from app.api_docs import (
    api_keys,
    bulk,
    contacts,
    custom_fields,
    find,
    journal,
    phone,
    segments,
    service,
    tags,
    transfer,
    webhooks,
)

FEATURES = tuple(
    each.FEATURE
    for each in (
        *(contacts, phone, find, bulk, transfer, tags, custom_fields, segments, journal, webhooks),
        *(api_keys, service),
    )
)

"""Uses the client that openapi-python-client makes."""

import json
import sys

from contacts_api_client import AuthenticatedClient, models
from contacts_api_client.api.changes import get_changes
from contacts_api_client.api.contacts import patch_contact, post_contact
from contacts_api_client.api.find import get_contacts, post_contacts_search

url, key = sys.argv[1:]
client = AuthenticatedClient(base_url=url, token=key)
created = []
for number in range(3):
    body = models.PostContactBody.from_dict(
        {
            "phone": f"91885687918{number}",
            "tags": ["Lead"],
            "custom_fields": {"plan": "pro", "score": number, "big": 16_777_217},
        }
    )
    created.append(post_contact.sync(client=client, body=body).created)
listed, cursor = [], "start"
while cursor is not None:
    include = [models.GetContactsIncludeItem.CUSTOM_FIELDS]
    page = get_contacts.sync(client=client, limit=1, cursor=cursor, include=include)
    listed += [each.custom_fields["score"] for each in page.contacts]
    cursor = page.pagination.next_cursor
patch = models.PatchContactBody.from_dict({"last_name": "Sharma", "custom_fields": {"plan": None}})
patched = patch_contact.sync("918856879180", client=client, body=patch).contact
tree = models.Filter(
    all_=[
        models.Filter(field="tag", op=models.FilterOp.EQ, value="Lead"),
        models.Filter(
            not_=models.Filter(field="custom_fields.score", op=models.FilterOp.LT, value=1)
        ),
    ]
)
search = models.PostContactsSearchBody(
    filter_=tree, sort=models.PostContactsSearchBodySort("-phone")
)
found = post_contacts_search.sync(client=client, body=search)
plan = models.GetContactsCustomFields.from_dict({"custom_fields[plan]": "pro"})
asked = get_contacts.sync(client=client, custom_fields=plan).pagination.total
changes = get_changes.sync(client=client, limit=2).changes
refused = post_contact.sync_detailed(client=client, body=models.PostContactBody(phone="12"))
sys.stdout.write(
    json.dumps(
        {
            "created": created,
            "listed": listed,
            "patched": [patched.last_name, patched.custom_fields.to_dict()],
            "found": [each.phone for each in found.contacts],
            "asked": asked,
            "changes": [each.data.phone for each in changes],
            "error": [
                refused.status_code,
                refused.parsed.error.code,
                list(refused.parsed.error.details.to_dict()),
            ],
        }
    )
)

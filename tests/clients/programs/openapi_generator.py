"""Uses the client that openapi-generator makes for Python."""

import json
import sys

import openapi_client as api

url, key = sys.argv[1:]
with api.ApiClient(api.Configuration(host=url, access_token=key)) as client:
    contacts, find = api.ContactsApi(client), api.FindApi(client)
    created = []
    for number in range(3):
        body = api.PostContactRequest(
            phone=f"91885687918{number}",
            tags=["Lead"],
            custom_fields={"plan": "pro", "score": number, "big": 16_777_217},
        )
        created.append(contacts.post_contact(body).created)
    listed, cursor = [], "start"
    while cursor is not None:
        page = find.get_contacts(limit=1, cursor=cursor, include=["custom_fields"])
        listed += [each.custom_fields["score"] for each in page.contacts]
        cursor = page.pagination.next_cursor
    patch = api.PatchContactRequest(last_name="Sharma", custom_fields={"plan": None})
    patched = contacts.patch_contact("918856879180", patch).contact
    tree = api.Filter(
        all=[
            api.Filter(field="tag", op="eq", value="Lead"),
            api.Filter(var_not=api.Filter(field="custom_fields.score", op="lt", value=1)),
        ]
    )
    found = find.post_contacts_search(api.PostContactsSearchRequest(filter=tree, sort="-phone"))
    asked = find.get_contacts(custom_fields={"custom_fields[plan]": "pro"}).pagination.total
    changes = api.ChangesApi(client).get_changes(limit=2).changes
    try:
        contacts.post_contact(api.PostContactRequest(phone="12"))
    except api.ApiException as error:
        status, code, details = error.status, error.data.error.code, error.data.error.details
sys.stdout.write(
    json.dumps(
        {
            "created": created,
            "listed": listed,
            "patched": [patched.last_name, patched.custom_fields],
            "found": [each.phone for each in found.contacts],
            "asked": asked,
            "changes": [each.actual_instance.data.actual_instance.phone for each in changes],
            "error": [status, code, list(details)],
        }
    )
)

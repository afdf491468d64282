// Uses the types that openapi-typescript makes, with openapi-fetch.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const [url, key] = process.argv.slice(2);
const client = createClient<paths>({
  baseUrl: url,
  headers: { Authorization: `Bearer ${key}` },
});

function sure<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const created: boolean[] = [];
for (const score of [0, 1, 2]) {
  const body = {
    phone: `91885687918${score}`,
    tags: ["Lead"],
    custom_fields: { plan: "pro", score, big: 16777217 },
  };
  created.push(sure(await client.POST("/v1/contacts", { body })).created);
}
const listed: unknown[] = [];
async function page(cursor: string) {
  const query = { limit: 1, cursor, include: ["custom_fields" as const] };
  return sure(await client.GET("/v1/contacts", { params: { query } }));
}
let cursor: string | null | undefined = "start";
while (cursor) {
  const found: Awaited<ReturnType<typeof page>> = await page(cursor);
  listed.push(...found.contacts.map((each) => each.custom_fields?.["score"]));
  cursor = found.pagination.next_cursor;
}
const patched = sure(
  await client.PATCH("/v1/contacts/{id}", {
    params: { path: { id: "918856879180" } },
    body: { last_name: "Sharma", custom_fields: { plan: null } },
  }),
).contact;
const found = sure(
  await client.POST("/v1/contacts/search", {
    body: {
      filter: {
        all: [
          { field: "tag", op: "eq", value: "Lead" },
          { not: { field: "custom_fields.score", op: "lt", value: 1 } },
        ],
      },
      sort: "-phone",
    },
  }),
);
const feed = sure(await client.GET("/v1/changes", { params: { query: { limit: 2 } } }));
const refused = await client.POST("/v1/contacts", { body: { phone: "12" } });
if (!refused.error) throw new Error("accepted");
console.log(
  JSON.stringify({
    created,
    listed,
    patched: [patched.last_name, patched.custom_fields],
    found: found.contacts.map((each) => each.phone),
    changes: feed.changes.map((each) => ("phone" in each.data ? each.data.phone : null)),
    error: [
      refused.response.status,
      refused.error.error.code,
      Object.keys(refused.error.error.details ?? {}),
    ],
  }),
);

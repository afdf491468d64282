// Uses the client that openapi-generator makes for TypeScript with axios.
import axios from "axios";
import { ChangesApi, Configuration, ContactsApi, FindApi } from "./generated";

const [url, key] = process.argv.slice(2);
const configuration = new Configuration({ basePath: url, accessToken: key });
const contacts = new ContactsApi(configuration);
const find = new FindApi(configuration);

const created: boolean[] = [];
for (const score of [0, 1, 2]) {
  const answer = await contacts.postContact({
    phone: `91885687918${score}`,
    tags: ["Lead"],
    custom_fields: { plan: "pro", score, big: 16777217 },
  });
  created.push(answer.data.created);
}
const listed: unknown[] = [];
async function page(cursor: string) {
  const include = ["custom_fields" as const];
  return find.getContacts(1, undefined, undefined, undefined, cursor, include);
}
let cursor: string | null | undefined = "start";
while (cursor) {
  const { data }: Awaited<ReturnType<typeof page>> = await page(cursor);
  listed.push(...data.contacts.map((each) => each.custom_fields?.score));
  cursor = data.pagination.next_cursor;
}
const patch = { last_name: "Sharma", custom_fields: { plan: null } };
const patched = (await contacts.patchContact("918856879180", patch)).data.contact;
const found = await find.postContactsSearch({
  filter: {
    all: [
      { field: "tag", op: "eq", value: "Lead" },
      { not: { field: "custom_fields.score", op: "lt", value: 1 } },
    ],
  },
  sort: "-phone",
});
const plan = { "custom_fields[plan]": "pro" };
const nothing = undefined;
const { data: asked } = await find.getContacts(
  ...([nothing, nothing, nothing, nothing, nothing, nothing, nothing] as const),
  ...([nothing, nothing, nothing, nothing, nothing, nothing, nothing] as const),
  plan,
);
const { data: feed } = await new ChangesApi(configuration).getChanges(nothing, 2);
const phones = feed.changes.map((each) => ("phone" in each.data ? each.data.phone : null));
let error: unknown[] = [];
try {
  await contacts.postContact({ phone: "12" });
} catch (caught) {
  if (!axios.isAxiosError(caught) || !caught.response) throw caught;
  const { code, details } = caught.response.data.error;
  error = [caught.response.status, code, Object.keys(details)];
}
console.log(
  JSON.stringify({
    created,
    listed,
    patched: [patched.last_name, patched.custom_fields],
    found: found.data.contacts.map((each) => each.phone),
    asked: asked.pagination.total,
    changes: phones,
    error,
  }),
);

// Pages as the HTTP Request node of n8n does, in each of its modes; prints the numbers of contacts.
import axios from "axios";

const [url, key] = process.argv.slice(2);
const http = axios.create({ baseURL: url, headers: { Authorization: `Bearer ${key}` } });
const total = async (pages) => {
  const ids = [];
  for await (const { data } of pages) ids.push(...data.contacts.map((each) => each.id));
  return [ids.length, new Set(ids).size];
};

// "Update a parameter in each request": the cursor of the body, until it is empty.
async function* byParameter() {
  const params = { limit: 10, cursor: "start" };
  do {
    const response = await http.get("/v1/contacts", { params });
    yield response;
    params.cursor = response.data.pagination.next_cursor;
  } while (params.cursor);
}

// "Response contains next URL": from the header Link.
async function* byLink(path) {
  for (let next = path; next; ) {
    const response = await http.get(next);
    yield response;
    next = /<([^>]+)>; rel="next"/.exec(response.headers.link ?? "")?.[1];
  }
}

// An offset that grows with $pageCount, until a page is empty.
async function* byOffset() {
  for (let page = 0; ; page++) {
    const response = await http.get("/v1/contacts", { params: { limit: 10, offset: page * 10 } });
    if (response.data.contacts.length === 0) return;
    yield response;
  }
}

// Other programs begin with an empty cursor: it must not return the first page.
const empty = await http.get("/v1/contacts", { params: { cursor: "" }, validateStatus: () => true });
console.log(
  JSON.stringify({
    parameter: await total(byParameter()),
    link: await total(byLink("/v1/contacts?limit=10")),
    cursorLink: await total(byLink("/v1/contacts?limit=10&cursor=start")),
    offset: await total(byOffset()),
    empty: [empty.status, empty.data.error.details.cursor[0].includes("cursor=start")],
  }),
);

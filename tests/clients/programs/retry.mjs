// Upserts and lists with axios-retry, which waits as long as Retry-After; prints the statuses.
import axios from "axios";
import axiosRetry from "axios-retry";

const [url, key] = process.argv.slice(2);
const http = axios.create({ baseURL: url, headers: { Authorization: `Bearer ${key}` } });
const retried = [];
axiosRetry(http, {
  retries: 3,
  retryDelay: (count, error) => axiosRetry.exponentialDelay(count, error, 100),
  // An upsert is safe to repeat.
  retryCondition: (error) => axiosRetry.isNetworkError(error) || axiosRetry.isRetryableError(error),
  onRetry: (_, error) => {
    const after = error.response?.headers["retry-after"];
    retried.push([error.response?.status ?? "network", after === undefined ? null : Number(after)]);
  },
});
const upserted = await http.post("/v1/contacts", { phone: "918856879188", tags: ["Lead"] });
const listed = await http.get("/v1/contacts");
console.log(
  JSON.stringify({
    retried,
    statuses: [upserted.status, listed.status],
    contacts: listed.data.contacts.length,
  }),
);

// Verifies deliveries with the Standard Webhooks library; reads {secret, body, headers} by line.
import { createInterface } from "node:readline";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, body, headers } = JSON.parse(line);
  let event = null;
  try {
    event = new Webhook(secret).verify(body, headers).event;
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
  }
  console.log(JSON.stringify(event));
}

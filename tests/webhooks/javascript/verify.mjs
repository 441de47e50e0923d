// Verifies received webhooks by the JavaScript library.

import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const received = JSON.parse(readFileSync(process.argv[2], "utf8"));
for (const { headers, body, secret } of received) {
  const event = new Webhook(secret).verify(body, headers);
  if (event.type !== "photo.ready") throw new Error(`Another event: ${body}`);
  try {
    new Webhook(secret).verify(body.replace("photo.ready", "photo.ruined"), headers);
  } catch {
    continue;
  }
  throw new Error("A forged webhook was accepted");
}
console.log(`JavaScript: ${received.length} webhooks verified, and forged ones refused`);

// Verifies messages with the official library: one JSON object a line, {"secret", "headers", "body"}; answers true or false a line.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, headers, body } = JSON.parse(line);
  let verified = true;
  try {
    new Webhook(secret).verify(body, headers);
  } catch {
    verified = false;
  }
  process.stdout.write(`${verified}\n`);
}

// Takes the tour with the TypeScript SDK 1.x.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ResourceUpdatedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { takeTours } from "./tour_visits.mjs";

const capabilities = { elicitation: { form: {} }, sampling: {} };

await takeTours({
  client() {
    const client = new Client({ name: "ts1", version: "1" }, { capabilities });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Ada" } }));
    const greeting = { role: "assistant", content: { type: "text", text: "Hi!" }, model: "none" };
    client.setRequestHandler(CreateMessageRequestSchema, () => greeting);
    return client;
  },
  transport: (url, headers) => new StreamableHTTPClientTransport(url, { requestInit: { headers } }),
  onUpdate: (client, see) => client.setNotificationHandler(ResourceUpdatedNotificationSchema, see),
  protocol: (client) => client.transport.protocolVersion,
  call: (client, params, options) => client.callTool(params, undefined, options),
  visits: (client) => (client.getServerCapabilities().tasks ? { task: () => task(client) } : {}),
});

async function task(client) {
  const { tasks } = client.experimental;
  const params = { name: "sum_up", arguments: { to: 4 } };
  const seen = [];
  let id;
  for await (const message of tasks.callToolStream(params, CallToolResultSchema, { task: { ttl: 60000 } })) {
    id ??= message.task?.taskId;
    seen.push(message.result?.content[0].text ?? message.error?.message ?? message.task.status);
  }
  const { tasks: listed } = await tasks.listTasks();
  return { seen: [...new Set(seen)], listed: listed.some(({ taskId }) => taskId === id) };
}

// The tour's server of the TypeScript SDK 1.x: /mcp/ answers on event streams, /json/ as JSON.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import {
  InMemoryTaskMessageQueue,
  InMemoryTaskStore,
} from "@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js";
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  ListToolsRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { listen } from "./note.mjs";
import { Events, furnish } from "./tour_tools.mjs";

const REQUESTS = {
  "tools/list": ListToolsRequestSchema,
  "resources/subscribe": SubscribeRequestSchema,
  "resources/unsubscribe": UnsubscribeRequestSchema,
};
const FORM = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };

const sdk = {
  object: (members) => members,
  template: (uri) => new ResourceTemplate(uri, { list: undefined }),
  handle: (made, method, run) => made.server.setRequestHandler(REQUESTS[method], run),
  meta: (extra) => extra._meta,
  signal: (extra) => extra.signal,
  notify: (extra, note) => extra.sendNotification(note),
  touch: (made, uri) => made.server.sendResourceUpdated({ uri }),
  hangUp: (extra) => extra.closeSSEStream?.(),
  async askPerson(made, extra, message, text) {
    const asked = { relatedRequestId: extra.requestId };
    const answer = await made.server.elicitInput({ mode: "form", message, requestedSchema: FORM }, asked);
    return text(`Hello, ${answer.content.name}!`);
  },
  async askModel(made, extra, words, text) {
    const messages = [{ role: "user", content: { type: "text", text: words } }];
    const asked = { relatedRequestId: extra.requestId };
    return text((await made.server.createMessage({ messages, maxTokens: 100 }, asked)).content.text);
  },
};

function server() {
  const tasks = { list: {}, cancel: {}, requests: { tools: { call: {} } } };
  const stores = { taskStore: new InMemoryTaskStore(), taskMessageQueue: new InMemoryTaskMessageQueue() };
  const capabilities = { resources: { subscribe: true }, tasks };
  const made = new McpServer({ name: "tour", version: "1" }, { capabilities, ...stores });
  const described = { description: "Adds the first numbers, as a task.", inputSchema: { to: z.number().int() } };
  made.experimental.tasks.registerToolTask("sum_up", described, {
    async createTask({ to }, { taskStore, taskRequestedTtl }) {
      const task = await taskStore.createTask({ ttl: taskRequestedTtl, pollInterval: 50 });
      const content = [{ type: "text", text: String((to * (to + 1)) / 2) }];
      setTimeout(() => taskStore.storeTaskResult(task.taskId, "completed", { content }), 100);
      return { task };
    },
    getTask: (_, { taskId, taskStore }) => taskStore.getTask(taskId),
    getTaskResult: (_, { taskId, taskStore }) => taskStore.getTaskResult(taskId),
  });
  furnish(made, z, sdk);
  return made;
}

const transports = new Map();

// Longer than any pause, so that no connection ends while Envoy sends the next request on it.
const keepAliveTimeout = 60000;

listen(
  createServer({ keepAliveTimeout }, async (request, response) => {
    let transport = transports.get(request.headers["mcp-session-id"]);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        enableJsonResponse: request.url.startsWith("/json/"),
        eventStore: new Events(),
        retryInterval: 100,
        onsessioninitialized: (id) => transports.set(id, transport),
      });
      await server().connect(transport);
    }
    await transport.handleRequest(request, response);
  }),
);

// The tour's server of the TypeScript SDK 2.x: /mcp/ answers on event streams, /json/ as JSON.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import {
  McpServer,
  ResourceTemplate,
  WebStandardStreamableHTTPServerTransport,
  acceptedContent,
  createMcpHandler,
  inputRequired,
  isLegacyRequest,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { listen } from "./note.mjs";
import { Events, furnish } from "./tour_tools.mjs";

const NAMED = z.object({ name: z.string() });

function sdk(touch) {
  return {
    touch,
    object: (members) => z.object(members),
    template: (uri) => new ResourceTemplate(uri, { list: undefined }),
    handle: (made, method, run) => made.server.setRequestHandler(method, run),
    meta: (ctx) => ctx.mcpReq._meta,
    signal: (ctx) => ctx.mcpReq.signal,
    notify: (ctx, note) => ctx.mcpReq.notify(note),
    hangUp: (ctx) => ctx.http?.closeSSE?.(),
    // Before 2026-07-28, the SDK itself asks and calls again.
    askPerson(_, ctx, message, text) {
      const answer = acceptedContent(ctx.mcpReq.inputResponses, "name", NAMED);
      const name = () => inputRequired.elicit({ message, requestedSchema: NAMED });
      return answer ? text(`Hello, ${answer.name}!`) : inputRequired({ inputRequests: { name: name() } });
    },
    askModel(_, ctx, words, text) {
      const answer = ctx.mcpReq.inputResponses?.greeting;
      const messages = [{ role: "user", content: { type: "text", text: words } }];
      const greeting = () => inputRequired.createMessage({ messages, maxTokens: 100 });
      return answer ? text(answer.content.text) : inputRequired({ inputRequests: { greeting: greeting() } });
    },
  };
}

function server(touch) {
  const made = new McpServer({ name: "tour", version: "1" }, { capabilities: { resources: { subscribe: true } } });
  furnish(made, z, sdk(touch));
  return made;
}

// One path: stateless requests since 2026-07-28, and sessions before.
function served(asJson) {
  const modern = createMcpHandler(() => server((_, uri) => modern.notify.resourceUpdated(uri)), {
    legacy: "reject",
    responseMode: asJson ? "json" : "sse",
  });
  const transports = new Map();
  return async (request) => {
    if (!(await isLegacyRequest(request))) {
      return modern.fetch(request);
    }
    let transport = transports.get(request.headers.get("mcp-session-id"));
    if (!transport) {
      transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        enableJsonResponse: asJson,
        eventStore: new Events(),
        retryInterval: 100,
        onsessioninitialized: (id) => transports.set(id, transport),
      });
      await server((made, uri) => made.server.sendResourceUpdated({ uri })).connect(transport);
    }
    return transport.handleRequest(request);
  };
}

const paths = { "/mcp/": served(false), "/json/": served(true) };

// Longer than any pause, so that no connection ends while Envoy sends the next request on it.
const keepAliveTimeout = 60000;

listen(
  createServer({ keepAliveTimeout }, async (request, response) => {
    const { method, headers } = request;
    const url = new URL(request.url, "http://127.0.0.1");
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    const body = method === "POST" ? await buffer(request) : undefined;
    const answer = await paths[url.pathname](new Request(url, { method, headers, body, signal: gone.signal }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.flushHeaders();
    if (!answer.body) {
      response.end();
      return;
    }
    // A client that goes away ends the stream.
    await pipeline(Readable.fromWeb(answer.body), response).catch(() => {});
  }),
);

// Runs one MCP session with the TypeScript SDK 1.x.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { readJob, run } from "./session.mjs";

const { url, token, transport: kind, calls } = await readJob();
const Transport = kind === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;
const transport = new Transport(new URL(url), {
  requestInit: { headers: { authorization: `Bearer ${token}` } },
});
await run(new Client({ name: "ts1", version: "1" }), transport, calls);

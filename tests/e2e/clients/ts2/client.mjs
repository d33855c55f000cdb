// Runs one MCP session with the TypeScript SDK 2.x.
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { readJob, run } from "./session.mjs";

const { url, token, mode, transport: kind, calls } = await readJob();
const Transport = kind === "sse" ? SSEClientTransport : StreamableHTTPClientTransport;
const transport = new Transport(new URL(url), {
  requestInit: { headers: { authorization: `Bearer ${token}` } },
});
const client = new Client(
  { name: "ts2", version: "1" },
  { versionNegotiation: { mode: mode === "legacy" || mode === "auto" ? mode : { pin: mode } } },
);
await run(client, transport, calls);

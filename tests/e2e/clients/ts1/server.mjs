// A server of the TypeScript SDK 1.x that offers one tool; started with `changed`, it offers another under its name.
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";
import { listen, readNote } from "./note.mjs";

function server() {
  const notes = new McpServer({ name: "notes", version: "1" });
  const { name, members, ...tool } = readNote(z);
  notes.registerTool(name, { ...tool, inputSchema: members }, () => ({ content: [] }));
  return notes;
}

listen(
  createServer(async (request, response) => {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await server().connect(transport);
    await transport.handleRequest(request, response);
  }),
);

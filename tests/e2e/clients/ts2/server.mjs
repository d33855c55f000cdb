// A server of the TypeScript SDK 2.x that offers one tool; started with `changed`, it offers another under its name.
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { McpServer, createMcpHandler } from "@modelcontextprotocol/server";
import { z } from "zod";
import { listen, readNote } from "./note.mjs";

function server() {
  const notes = new McpServer({ name: "notes", version: "1" });
  const { name, members, ...tool } = readNote(z);
  notes.registerTool(name, { ...tool, inputSchema: z.object(members) }, () => ({ content: [] }));
  return notes;
}

const handler = createMcpHandler(server);

listen(
  createServer(async (request, response) => {
    const { method, headers } = request;
    const body = await buffer(request);
    const answer = await handler.fetch(new Request(`http://127.0.0.1${request.url}`, { method, headers, body }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    // The answer to a notification has no body.
    response.end(answer.body && (await buffer(answer.body)));
  }),
);

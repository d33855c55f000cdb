// One tool of the demo over HTTP with SSE, the transport of 2024-11-05, which only the TypeScript SDK 1.x serves.
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { z } from "zod";
import { listen } from "./note.mjs";

const executed = [];
const transports = new Map();

function server() {
  const crm = new McpServer({ name: "crm", version: "1" });
  const inputSchema = { account: z.string(), contact_id: z.string() };
  crm.registerTool("get_contact", { inputSchema }, (_, { requestInfo }) => {
    executed.push({ tool: "get_contact", decision: requestInfo.headers["toolgate-decision"] });
    return { content: [{ type: "text", text: "Ada Park" }] };
  });
  return crm;
}

listen(
  createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    if (pathname === "/crm/sse") {
      const transport = new SSEServerTransport("/crm/messages/", response);
      transports.set(transport.sessionId, transport);
      await server().connect(transport);
    } else if (pathname === "/crm/messages/") {
      await transports.get(searchParams.get("sessionId")).handlePostMessage(request, response);
    } else {
      response.end(JSON.stringify(executed));
    }
  }),
);

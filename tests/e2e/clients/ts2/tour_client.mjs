// Takes the tour with the TypeScript SDK 2.x.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { takeTours } from "./tour_visits.mjs";

const capabilities = { elicitation: { form: {} }, sampling: {} };

await takeTours({
  client({ mode }) {
    const options = { capabilities, versionNegotiation: { mode } };
    const client = new Client({ name: "ts2", version: "1" }, options);
    client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { name: "Ada" } }));
    const greeting = { role: "assistant", content: { type: "text", text: "Hi!" }, model: "none" };
    client.setRequestHandler("sampling/createMessage", () => greeting);
    return client;
  },
  transport: (url, headers) => new StreamableHTTPClientTransport(url, { requestInit: { headers } }),
  onUpdate: (client, see) => client.setNotificationHandler("notifications/resources/updated", see),
  protocol: (client) => client.getNegotiatedProtocolVersion(),
  call: (client, params, options) => client.callTool(params, options),
  visits: (client, note, soon) => (client.getProtocolEra() === "modern" ? modern(client, note, soon) : {}),
});

// Since 2026-07-28, streams are not resumed, and a client subscribes with a stream.
function modern(client, note, soon) {
  return {
    hang_up: undefined,
    async subscribe() {
      const updates = [];
      client.setNotificationHandler("notifications/resources/updated", ({ params }) => updates.push(params.uri));
      const subscription = await client.listen({ resourceSubscriptions: [note] });
      await client.callTool({ name: "touch", arguments: { uri: note } });
      const seen = await soon(() => updates[0]);
      await subscription.close();
      return [subscription.honoredFilter, seen];
    },
  };
}

// What the tour's servers of both TypeScript SDKs share. `sdk` is what differs between the SDKs.
const cancelled = new Set();
const PAGE = 4;

const text = (words) => ({ content: [{ type: "text", text: words }] });
const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Adds the tools, resources and prompts to a server.
export function furnish(made, z, sdk) {
  const add = (name, description, members, run, more) =>
    made.registerTool(name, { description, inputSchema: sdk.object(members), ...more }, run);
  const number = z.number().int();
  const sum = { outputSchema: sdk.object({ result: number }) };
  add("add", "Adds two numbers.", { a: number, b: number }, ({ a, b }) => structured({ result: a + b }), sum);
  const person = { outputSchema: sdk.object({ id: z.string(), email: z.string() }) };
  add("find_person", "Finds a person.", { id: z.string() }, async ({ id }, ctx) => {
    await progress(sdk, ctx, 1, 2);
    return structured({ id, email: "ada@example.org" });
  }, person);
  add("count", "Counts.", { to: number }, async ({ to }, ctx) => {
    for (let counted = 1; counted <= to; counted++) {
      await progress(sdk, ctx, counted, to, `${counted} of ${to}`);
      await later(20);
    }
    return text("counted");
  });
  add("wait", "Waits until it is cancelled.", { key: z.string() }, ({ key }, ctx) => wait(key, sdk.signal(ctx)));
  const wasCancelled = ({ key }) => text(String(cancelled.has(key)));
  add("was_cancelled", "Whether a call was cancelled.", { key: z.string() }, wasCancelled);
  add("ask_person", "Asks the user for a name.", {}, (_, ctx) => sdk.askPerson(made, ctx, "What is your name?", text));
  add("ask_model", "Asks the client's model.", {}, (_, ctx) => sdk.askModel(made, ctx, "Write a greeting.", text));
  add("touch", "Says that a resource has changed.", { uri: z.string() }, async ({ uri }) => {
    await sdk.touch(made, uri);
    return text("touched");
  });
  add("hang_up", "Breaks its stream off, and goes on.", {}, async (_, ctx) => {
    await progress(sdk, ctx, 1, 2, "before");
    sdk.hangUp(ctx);
    await later(200);
    return text("after");
  });
  add("fail", "Fails.", {}, () => {
    throw new Error("it failed");
  });
  add("erase", "Does what nobody may.", {}, () => text("erased"));
  furnishRest(made, z, sdk);
}

function furnishRest(made, z, sdk) {
  const note = (uri) => ({ contents: [{ uri: uri.href, text: `the note ${uri.href}` }] });
  made.registerResource("first", "note://desk/first", { description: "The first note." }, note);
  made.registerResource("secret", "note://safe/secret", { description: "Nobody may read it." }, note);
  made.registerResource("note", sdk.template("note://desk/{id}"), { description: "A note." }, note);
  const said = (words) => ({ messages: [{ role: "user", content: { type: "text", text: words } }] });
  const argsSchema = sdk.object({ topic: z.string() });
  made.registerPrompt("summary", { description: "A summary.", argsSchema }, ({ topic }) => said(`Sum up ${topic}.`));
  made.registerPrompt("confession", { description: "Nobody may get it." }, () => said("Confess."));
  for (const method of ["resources/subscribe", "resources/unsubscribe"]) {
    sdk.handle(made, method, () => ({}));
  }
  const whole = made.server._requestHandlers.get("tools/list");
  sdk.handle(made, "tools/list", async (request, ctx) => {
    const { tools, ...rest } = await whole(request, ctx);
    const start = Number(request.params?.cursor ?? 0);
    const more = start + PAGE < tools.length ? { nextCursor: String(start + PAGE) } : {};
    return { ...rest, tools: tools.slice(start, start + PAGE), ...more };
  });
}

function structured(data) {
  return { ...text(JSON.stringify(data)), structuredContent: data };
}

async function progress(sdk, ctx, number, total, message) {
  const progressToken = sdk.meta(ctx)?.progressToken;
  if (progressToken !== undefined) {
    const params = { progressToken, progress: number, total, ...(message && { message }) };
    await sdk.notify(ctx, { method: "notifications/progress", params });
  }
}

function wait(key, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(text("nobody cancelled")), 20000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      cancelled.add(key);
      resolve(text("cancelled"));
    });
  });
}

// Keeps events in memory, for clients that come back.
export class Events {
  #events = [];

  async storeEvent(stream, message) {
    return String(this.#events.push({ stream, message }));
  }

  async getStreamIdForEventId(id) {
    return this.#events[id - 1]?.stream;
  }

  async replayEventsAfter(last, { send }) {
    const { stream } = this.#events[last - 1];
    for (const [index, event] of this.#events.entries()) {
      // What opens a stream is no message.
      if (index >= last && event.stream === stream && event.message.jsonrpc) {
        await send(String(index + 1), event.message);
      }
    }
    return stream;
  }
}

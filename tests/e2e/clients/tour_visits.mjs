// Takes the tour with a client of either TypeScript SDK; `tour/client.py` says what goes in and comes out.
// `sdk` is what differs between the SDKs.
import { text } from "node:stream/consumers";

const NOTE = "note://desk/first";
const SOON = 5000;
const STEP = 20000;

const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function takeTours(sdk) {
  const tours = JSON.parse(await text(process.stdin));
  await Promise.all(tours.map((tour, number) => take(sdk, tour, number)));
  process.exit(0);
}

async function take(sdk, tour, number) {
  const client = sdk.client(tour);
  const updates = [];
  client._requestMessageId = tour.first_id;
  sdk.onUpdate(client, ({ params }) => updates.push(params.uri));
  await client.connect(sdk.transport(new URL(tour.url), { authorization: `Bearer ${tour.token}` }));
  const steps = { ...visits(sdk, client, tour.key, updates), ...sdk.visits?.(client, NOTE, soon) };
  for (const step of tour.steps) {
    if (steps[step]) {
      process.stdout.write(`${JSON.stringify({ tour: number, step, outcome: await outcome(steps[step]) })}\n`);
    }
  }
}

async function outcome(visit) {
  try {
    return await Promise.race([visit(), later(STEP).then(() => ({ error: "no answer" }))]);
  } catch ({ code, message }) {
    return { error: { code, message } };
  }
}

function visits(sdk, client, key, updates) {
  const call = (name, args = {}, options) => sdk.call(client, { name, arguments: args }, options);
  const withProgress = async (tool, args) => {
    const progress = [];
    const result = await call(tool, args, { onprogress: (each) => progress.push(each) });
    return { progress, result };
  };
  return {
    initialize: () => [client.getServerCapabilities(), client.getServerVersion(), sdk.protocol(client)],
    tools: () => pages((params) => client.listTools(params), "tools"),
    add: () => call("add", { a: 1, b: 2 }),
    find_person: () => withProgress("find_person", { id: "p-1" }),
    count: () => withProgress("count", { to: 3 }),
    fail: () => call("fail"),
    cancel: async () => {
      const cancelled = new AbortController();
      const waiting = call("wait", { key }, { signal: cancelled.signal }).catch(() => {});
      await later(300);
      cancelled.abort();
      await waiting;
      const was = async () => (await call("was_cancelled", { key })).content[0].text === "true";
      return { cancelled: await soon(was) };
    },
    ask_person: () => call("ask_person"),
    ask_model: () => call("ask_model"),
    hang_up: () => withProgress("hang_up"),
    resources: () => pages((params) => client.listResources(params), "resources"),
    templates: () => pages((params) => client.listResourceTemplates(params), "resourceTemplates"),
    read: () => client.readResource({ uri: NOTE }),
    read_nothing: () => client.readResource({ uri: "note://nowhere/none" }),
    subscribe: async () => {
      const taken = await client.subscribeResource({ uri: NOTE });
      await call("touch", { uri: NOTE });
      const seen = await soon(() => updates[0]);
      return [taken, await client.unsubscribeResource({ uri: NOTE }), seen];
    },
    prompts: () => pages((params) => client.listPrompts(params), "prompts"),
    prompt: () => client.getPrompt({ name: "summary", arguments: { topic: "rain" } }),
  };
}

async function pages(ask, member) {
  const found = [];
  let cursor;
  do {
    const page = await ask(cursor === undefined ? undefined : { cursor });
    found.push(page[member]);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return found;
}

// What the condition is once it is true, or after a while.
async function soon(condition) {
  for (const end = Date.now() + SOON; Date.now() < end; await later(50)) {
    const seen = await condition();
    if (seen) {
      return seen;
    }
  }
  return null;
}

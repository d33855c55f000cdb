// What the TypeScript clients share: reading the job, making the calls, and telling what came of them.
// See `harness/sdk.py` for what goes in and comes out.
import { text } from "node:stream/consumers";

export async function readJob() {
  return JSON.parse(await text(process.stdin));
}

export async function run(client, transport, calls) {
  await client.connect(transport);
  const { tools } = await client.listTools();
  say({ protocol: transport.protocolVersion ?? null, tools: tools.map((tool) => tool.name) });
  for (const { tool, arguments: args } of calls) {
    const began = performance.now();
    let outcome;
    try {
      outcome = { result: await client.callTool({ name: tool, arguments: args }) };
    } catch (error) {
      outcome = { exception: { code: error.code, message: error.message, data: error.data } };
    }
    say({ ...outcome, seconds: (performance.now() - began) / 1000 });
  }
  await client.close();
}

export function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// Runs the Inspector's command line once per request, as a person does; see `harness/sdk.py`.
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readJob, say } from "./session.mjs";

const cli = fileURLToPath(new URL("node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js", import.meta.url));
// It keeps files in the home directory.
const home = mkdtempSync(join(tmpdir(), "inspector-"));

const { url, token, mode, calls } = await readJob();

function inspect(method, ...options) {
  const target = [url, "--transport", "http", "--header", `Authorization: Bearer ${token}`, "--protocol-era", mode];
  const output = ["--quiet", "--format", "json"];
  const command = [cli, "--cli", ...target, ...output, "--method", method, ...options];
  const { stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8", env: { ...process.env, HOME: home } });
  return stdout ? JSON.parse(stdout).result : Promise.reject(new Error(stderr));
}

const { protocolVersion } = await inspect("initialize");
const { tools } = await inspect("tools/list");
say({ protocol: protocolVersion, tools: tools.map((tool) => tool.name) });
for (const { tool, arguments: args } of calls) {
  say({ result: await inspect("tools/call", "--tool-name", tool, "--tool-args-json", JSON.stringify(args)) });
}

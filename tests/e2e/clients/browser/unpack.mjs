// Unpacks Chromium, with the libraries and fonts that it needs, into the directory for temporary files.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inflate } from "@sparticuz/chromium";

const packed = join(dirname(fileURLToPath(import.meta.resolve("@sparticuz/chromium"))), "..", "bin");
for (const file of readdirSync(packed)) {
  await inflate(join(packed, file));
}

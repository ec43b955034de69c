/** Serves the built page: `npm run browser -- [--port 8080]`. `dist` is a folder of static files that any host can serve. */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { servePage } from "./server.mjs";

try {
  const { values } = parseArgs({ options: { port: { type: "string", default: "8080" } } });
  const { address } = await servePage(portOf(values.port));
  console.log(
    `${address} (Ctrl-C ends); ${fileURLToPath(new URL("dist", import.meta.url))} is the whole page, for any host.`,
  );
} catch (error) {
  console.error(`Error: ${error instanceof Error ? error.message : error}`);
  process.exit(2);
}

function portOf(text) {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new Error(`--port: expected a number from 0 to 65535, got ${JSON.stringify(text)}.`);
  }
  return port;
}

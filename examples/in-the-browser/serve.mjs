/**
 * Copies a run's model into the built page and serves it: `npm run browser:small -- [--checkpoints DIR] [--port 8080]`.
 * `dist` is then a folder of static files that any host can serve.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { context } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const page = join(here, "dist");

try {
  const { values } = parseArgs({
    options: { checkpoints: { type: "string" }, port: { type: "string", default: "8080" } },
  });
  const run = values.checkpoints
    ? resolve(process.env.INIT_CWD ?? ".", values.checkpoints)
    : join(here, "../full-pipeline");
  copyModel(join(run, "checkpoints"));
  const server = await (await context({})).serve({ servedir: page, port: portOf(values.port), host: "127.0.0.1" });
  console.log(`http://localhost:${server.port} (Ctrl-C ends); ${page} is the whole page, for any host.`);
} catch (error) {
  console.error(`Error: ${error instanceof Error ? error.message : error}`);
  process.exit(2);
}

function copyModel(from) {
  mkdirSync(join(page, "models"), { recursive: true });
  for (const file of ["tokenizer.json", "vqvae.safetensors", "transformer.safetensors"]) {
    const source = join(from, file);
    if (!existsSync(source)) {
      throw new Error(`There is no ${source}. Train a model first with "npm start".`);
    }
    copyFileSync(source, join(page, "models", file));
  }
  // Sampling defaults, which runs of `npm start` go without: then the file is empty, as browsers log one that is missing.
  const sampling = "model.json";
  const source = join(from, sampling);
  writeFileSync(join(page, "models", sampling), existsSync(source) ? readFileSync(source) : "");
}

function portOf(text) {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new Error(`--port: expected a number from 1 to 65535, got ${JSON.stringify(text)}.`);
  }
  return port;
}

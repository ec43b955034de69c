import { once } from "node:events";
import { ConfigError } from "@mmgen/core";
import type { Command } from "commander";
import { startServer } from "../server/start-server.js";
import { openModel } from "./open-model.js";
import { addComputeOptions, type ComputeFlags, positiveNumber, wholeNumber } from "./option-groups.js";
import { sayDefect } from "./report-error.js";
import { interruptible, type Terminal } from "./terminal.js";

interface ServeFlags extends ComputeFlags {
  readonly host: string;
  readonly port: number;
  readonly cors?: string;
  readonly maxImages: number;
}

/** Adds `mmgen serve`. */
export function addServeCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command("serve")
    .description("Serves a model over HTTP, with a page to try it.")
    .argument("<model>", "folder of a model, or its address on the web")
    .option("--host <address>", "address to listen on; 0.0.0.0 lets other machines in, without a password", "127.0.0.1")
    .option("--port <number>", "port to listen on; 0 takes a free one", portOf, 3000)
    .option("--cors <origin>", "let pages of this origin use it: https://example.com, or * (default: none)", originOf)
    .option("--max-images <number>", "images that one request may ask for", positiveNumber, 64);
  addComputeOptions(command).action((path: string, flags: ServeFlags) => serve({ path, flags }, terminal));
}

async function serve(
  { flags, path }: { readonly path: string; readonly flags: ServeFlags },
  terminal: Terminal,
): Promise<void> {
  const { cors, host, maxImages, port } = flags;
  using model = await openModel(path, flags, terminal);
  await interruptible(terminal, async (signal) => {
    const onDefect = (error: unknown) => sayDefect(error, terminal);
    const server = await startServer(model, { host, port, cors, maxImages, onDefect });
    terminal.stdout.write(`Serving ${path} at ${server.url} (Ctrl-C stops)\n`);
    if (!signal.aborted) {
      await once(signal, "abort");
    }
    await server.close();
  });
}

function portOf(text: string): number {
  const port = wholeNumber(text);
  if (port > 65_535) {
    throw new ConfigError(`--port: expected a port from 0 to 65535, got ${text}.`);
  }
  return port;
}

function originOf(text: string): string {
  const origin = URL.canParse(text) ? new URL(text).origin : undefined;
  if (text !== "*" && (origin === undefined || origin === "null" || origin !== text.replace(/\/$/, ""))) {
    throw new ConfigError(`--cors: expected an origin such as https://example.com, or *, got ${text}.`);
  }
  return origin ?? text;
}

import { DataError } from "@mmgen/core";
import type { Command } from "commander";
import { clearCachedModels, listCachedModels } from "../folder/cached-models.js";
import { modelsFolder } from "../folder/folder-cache.js";
import { modelAddress } from "../published/model-address.js";
import type { Terminal } from "./terminal.js";

/** Adds `mmgen cache`. */
export function addCacheCommand(program: Command, terminal: Terminal): void {
  program
    .command("cache")
    .description("Lists the models that were loaded from the web and kept on this machine, or removes them.")
    .argument("[address]", "one model's; without it, all")
    .option("--clear", "remove them", false)
    .action((url: string | undefined, { clear }: { readonly clear: boolean }) => manage({ url, clear }, terminal));
}

async function manage(
  { clear, url }: { readonly url: string | undefined; readonly clear: boolean },
  { stderr, stdout }: Terminal,
): Promise<void> {
  const all = await listCachedModels();
  const address = url === undefined ? undefined : modelAddress(url).shown("");
  const models = all.models.filter((model) => address === undefined || model.address === address);
  if (address !== undefined && models.length === 0) {
    throw new DataError(`${address}: no model of this address is kept. mmgen cache lists those that are.`);
  }
  if (clear) {
    const { bytes } = await clearCachedModels({ url });
    stderr.write(`Removed ${count(models.length)} from ${modelsFolder()}: ${sizeOf(bytes)} freed\n`);
    return;
  }
  for (const model of models) {
    stdout.write(`${sizeOf(model.bytes).padStart(9)}  ${model.address ?? "of an unknown address"}\n`);
  }
  stderr.write(`${count(all.models.length)}, ${sizeOf(all.bytes)}, in ${modelsFolder()}\n`);
}

function count(models: number): string {
  return models === 1 ? "1 model" : `${models} models`;
}

function sizeOf(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

import type { ImageBatch } from "@mmgen/core";
import { readImages } from "@mmgen/datasets/node";
import { loadUrl } from "../folder/load-url.js";
import { loadFrom } from "../folder/model-folder.js";
import { selectBackend } from "../folder/select-backend.js";
import type { MultimodalModel } from "../model/multimodal-model.js";
import type { ComputeFlags } from "./option-groups.js";
import { interruptible, type Terminal } from "./terminal.js";

/**
 * Starts what computes, and loads a model.
 *
 * @param source - Its folder, or the address of one, whose files are then kept in the user's cache.
 */
export async function openModel(
  source: string,
  { backend, device, replay }: ComputeFlags,
  terminal: Terminal,
): Promise<MultimodalModel> {
  terminal.stderr.write(`Backend: ${await selectBackend(backend, device, { replay })}.\n`);
  return /^https?:\/\//i.test(source) ? fetchModel(source, terminal) : loadFrom(source);
}

/** Loads a model from the web; one line tells how far it is, which a file or a pipe gets once. */
async function fetchModel(url: string, terminal: Terminal): Promise<MultimodalModel> {
  const { stderr } = terminal;
  const shown = url.replace(/[?#].*$/s, "");
  const line = (bytes: number, total: number) => {
    const [unit, size] = total < 1e6 ? ["kB", 1e3] : ["MB", 1e6];
    return `Loading ${shown}: ${(bytes / size).toFixed(1)} of ${(total / size).toFixed(1)} ${unit}`;
  };
  let last = "";
  const onProgress = (bytes: number, total: number) => {
    const now = line(bytes, total);
    if (stderr.isTTY && now !== last) {
      stderr.write(`\r${now}`);
    }
    last = now;
  };
  try {
    return await interruptible(terminal, (signal) => loadUrl(url, { signal, onProgress }));
  } finally {
    stderr.write(last === "" ? "" : stderr.isTTY ? "\n" : `${last}\n`);
  }
}

/** Image files of any size and format as images of a model's shape: the middle of each, where its form is another. */
export function readModelImages(files: readonly string[], { vqvae }: MultimodalModel): Promise<ImageBatch> {
  return readImages(files, vqvae.imageShape, { fit: "cover" });
}

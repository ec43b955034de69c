import type { ImageBatch } from "@mmgen/core";
import { readImages } from "@mmgen/datasets/node";
import { loadFrom } from "../folder/model-folder.js";
import { selectBackend } from "../folder/select-backend.js";
import type { MultimodalModel } from "../model/multimodal-model.js";
import type { ComputeFlags } from "./option-groups.js";
import type { Terminal } from "./terminal.js";

/**
 * Starts what computes, and loads a model.
 *
 * @param source - Its folder.
 */
export async function openModel(
  source: string,
  { backend, device }: ComputeFlags,
  { stderr }: Terminal,
): Promise<MultimodalModel> {
  stderr.write(`Backend: ${await selectBackend(backend, device)}.\n`);
  return loadFrom(source);
}

/** Image files of any size and format as images of a model's shape: the middle of each, where its form is another. */
export function readModelImages(files: readonly string[], { vqvae }: MultimodalModel): Promise<ImageBatch> {
  return readImages(files, vqvae.imageShape, { fit: "cover" });
}

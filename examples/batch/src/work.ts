import { join } from "node:path";
import { type CodeBatch, sliceImages, writeSafetensors } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import { readImages } from "@mmgen/datasets/node";
import { imagePixels } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { generate, rowSeeds } from "@mmgen/samplers";
import type { MultimodalModel } from "mmgen";
import { type Plan, shardFile, shardRange } from "./plan.js";

/** Images that are encoded, or captions that are drawn, at once. */
const rowsAtOnce = 64;

/** Where a shard belongs, and what is told after each part of it. */
export interface ShardTask {
  readonly out: string;
  readonly shard: number;
  /** Receives the number of items done. */
  readonly onProgress: (done: number) => Promise<void>;
}

/**
 * Does a shard and writes its file: the codes of its items, `[items, height, width]` int32.
 *
 * The file depends on the plan alone, neither on the worker nor on the other shards, and is whole as soon as it is there:
 * a shard may be begun by one worker and done by another, or even by both.
 */
export async function doShard(
  model: MultimodalModel,
  plan: Plan,
  { onProgress, out, shard }: ShardTask,
): Promise<void> {
  const [first, end] = shardRange(plan, shard);
  const { height, width } = model.vqvae.codeGrid;
  const data = new Int32Array((end - first) * height * width);
  for (let start = first; start < end; start += rowsAtOnce) {
    const stop = Math.min(start + rowsAtOnce, end);
    const codes =
      plan.task === "encode" ? await encode(model, plan, start, stop) : await draw(model, plan, start, stop);
    if (plan.task === "draw") {
      await writeImages(model, codes, { out, start });
    }
    data.set(codes.data, (start - first) * height * width);
    await onProgress(stop - first);
  }
  const tensors = new Map([["codes", { dtype: "int32" as const, shape: [end - first, height, width], data }]]);
  await writeFileAtomic(shardFile(out, shard), writeSafetensors({ tensors, metadata: {} }));
}

async function encode(model: MultimodalModel, plan: Plan, start: number, end: number): Promise<CodeBatch> {
  const paths = plan.items.slice(start, end).map((name) => join(plan.folder!, name));
  return model.vqvae.encode(await readImages(paths, model.vqvae.imageShape));
}

/** As `model.draw` of all captions at once: a row's seed depends on its number in the whole list. */
async function draw(
  { config, tokenizer, transformer }: MultimodalModel,
  plan: Plan,
  start: number,
  end: number,
): Promise<CodeBatch> {
  const ids = await generate({
    ...config.sampling,
    model: transformer,
    prompt: tokenizer.promptForImages(plan.items.slice(start, end)),
    grammar: tokenizer.grammar(),
    seeds: rowSeeds(plan.seed, end - start, start),
  });
  return tokenizer.decode(ids).codes;
}

async function writeImages(
  { vqvae }: MultimodalModel,
  codes: CodeBatch,
  { out, start }: { readonly out: string; readonly start: number },
): Promise<void> {
  const images = await vqvae.decode(codes);
  for (let row = 0; row < images.count; row++) {
    const name = `${String(start + row).padStart(8, "0")}.png`;
    await writePng(join(out, name), imagePixels(sliceImages(images, row, row + 1), 0));
  }
}

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, DataError } from "@mmgen/core";
import { readFileBytes, readFileText, writeFileAtomic } from "@mmgen/core/node";
import { modelFiles } from "mmgen";

/** What is to be done, kept as `plan.json` in the folder of the results. All machines see the paths in it. */
export interface Plan {
  readonly task: "encode" | "draw";
  /** Folder of the model, and the SHA-256 of its files. */
  readonly model: string;
  readonly modelSha256: string;
  /** Names of image files in `folder`, or captions. */
  readonly items: readonly string[];
  readonly folder?: string;
  readonly shardSize: number;
  /** Of the images that are drawn. */
  readonly seed: number;
}

/** A shard as a job of the queue: the folder of its plan, and its number. */
export interface ShardJob {
  readonly out: string;
  readonly shard: number;
}

export const queueName = "mmgen-batch";

const planFile = "plan.json";

/** Makes the plan of a folder of PNG files, in the order of their names, or of the lines of a file of captions. */
export async function makePlan(
  source: Pick<Plan, "task" | "shardSize" | "seed"> & { readonly from: string; readonly model: string },
): Promise<Plan> {
  const { from, model, ...settings } = source;
  const modelSha256 = await hashModel(model);
  if (settings.task === "encode") {
    const names = await readdir(from).catch((cause) => {
      throw new DataError(`${from}: expected a folder of PNG files, got: ${cause.message}`, { cause });
    });
    const items = names.filter((name) => /\.png$/i.test(name)).sort();
    return checked({ ...settings, model, modelSha256, folder: from, items });
  }
  const text = await readFileText(from, "caption file");
  return checked({ ...settings, model, modelSha256, items: text.split(/\r?\n/).filter((line) => line.trim() !== "") });
}

function checked(plan: Plan): Plan {
  if (plan.items.length === 0) {
    throw new DataError(
      `There is nothing to ${plan.task}: expected PNG files in the folder, or a caption on each line.`,
    );
  }
  return plan;
}

/** SHA-256 of a model's files, in hexadecimal digits: workers refuse another model under the same path. */
export async function hashModel(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of [modelFiles.vqvae, modelFiles.tokenizer, modelFiles.transformer]) {
    hash.update(await readFileBytes(join(folder, name), "model file"));
  }
  return hash.digest("hex");
}

export async function readPlan(out: string): Promise<Plan> {
  return JSON.parse(await readFileText(join(out, planFile), "plan"));
}

/**
 * Writes the plan, or makes sure that the one there is the same: a submission that was stopped goes on.
 *
 * @throws a {@link ConfigError} when the folder holds the results of another plan.
 */
export async function keepPlan(out: string, plan: Plan): Promise<void> {
  if (!existsSync(join(out, planFile))) {
    await writeFileAtomic(join(out, planFile), JSON.stringify(plan));
  } else if (planId(await readPlan(out)) !== planId(plan)) {
    throw new ConfigError(
      `${out} holds the results of another plan: other items, settings or another model. Choose another folder (--out).`,
    );
  }
}

/** Names a plan in the queue. */
export function planId(plan: Plan): string {
  return createHash("sha256").update(JSON.stringify(plan)).digest("hex").slice(0, 16);
}

export function shardCount({ items, shardSize }: Plan): number {
  return Math.ceil(items.length / shardSize);
}

/** First item of a shard, and the one after its last. */
export function shardRange({ items, shardSize }: Plan, shard: number): readonly [start: number, end: number] {
  return [shard * shardSize, Math.min((shard + 1) * shardSize, items.length)];
}

/** Where a shard's result is, as soon as it is whole. */
export function shardFile(out: string, shard: number): string {
  return join(out, `shard-${String(shard).padStart(6, "0")}.safetensors`);
}

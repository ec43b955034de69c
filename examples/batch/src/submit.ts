import { existsSync } from "node:fs";
import { join } from "node:path";
import { AbortedError, DataError, readSafetensors, writeSafetensors } from "@mmgen/core";
import { readFileBytes, writeFileAtomic } from "@mmgen/core/node";
import { type ConnectionOptions, Queue, QueueEvents } from "bullmq";
import { keepPlan, type Plan, planId, queueName, type ShardJob, shardCount, shardFile, shardRange } from "./plan.js";

/** Options of {@link submit}. */
export interface Submission {
  readonly connection: ConnectionOptions;
  /** Folder of the results. */
  readonly out: string;
  readonly attempts: number;
  readonly signal: AbortSignal;
  /** Receives the number of items done, of all. */
  readonly onProgress: (done: number, count: number) => void;
}

/**
 * Puts the shards of a plan that are not done into the queue, waits for them, and joins their codes as `codes.safetensors`.
 *
 * What is done is what lies in the folder: the same call goes on where an earlier one was stopped, whoever did the work
 * meanwhile.
 *
 * @throws a {@link DataError} naming the shards that failed in every attempt; an {@link AbortedError} when the signal fires.
 */
export async function submit(plan: Plan, submission: Submission): Promise<void> {
  const { attempts, connection, onProgress, out, signal } = submission;
  await keepPlan(out, plan);
  const [id, count] = [planId(plan), shardCount(plan)];
  const done = new Map<number, number>();
  const failed = new Map<number, string>();
  const sizeOf = (shard: number) => shardRange(plan, shard)[1] - shardRange(plan, shard)[0];
  const report = () =>
    onProgress(
      [...done.values()].reduce((sum, items) => sum + items, 0),
      plan.items.length,
    );
  const shardOf = (jobId: string) => (jobId.startsWith(`${id}-`) ? Number(jobId.slice(id.length + 1)) : undefined);

  const queue = new Queue<ShardJob>(queueName, { connection });
  const events = new QueueEvents(queueName, { connection });
  try {
    await events.waitUntilReady();
    const finished = new Promise<void>((resolve, reject) => {
      const settle = (jobId: string, change: (shard: number) => void) => {
        const shard = shardOf(jobId);
        if (shard !== undefined) {
          change(shard);
          report();
          if (isOver()) {
            resolve();
          }
        }
      };
      const isOver = () =>
        missing.every(
          (shard) => failed.has(shard) || (done.get(shard) === sizeOf(shard) && existsSync(shardFile(out, shard))),
        );
      events.on("progress", ({ jobId, data }) => settle(jobId, (shard) => done.set(shard, Number(data))));
      events.on("completed", ({ jobId }) => settle(jobId, (shard) => done.set(shard, sizeOf(shard))));
      events.on("failed", ({ jobId, failedReason }) => settle(jobId, (shard) => failed.set(shard, failedReason)));
      const stop = () => reject(new AbortedError("Stopped. The workers go on; the same command shows their progress."));
      signal.addEventListener("abort", stop);
      if (signal.aborted) {
        stop();
      }
    });
    // Awaited below, where there is something to wait for.
    finished.catch(() => {});
    // From here on every change is told, so that nothing is missed between the look into the folder and the wait.
    const missing: number[] = [];
    for (let shard = 0; shard < count; shard++) {
      if (existsSync(shardFile(out, shard))) {
        done.set(shard, sizeOf(shard));
      } else {
        missing.push(shard);
      }
    }
    report();
    if (missing.length > 0) {
      const options = {
        attempts,
        backoff: { type: "exponential", delay: 500 },
        removeOnComplete: true,
        removeOnFail: true,
      };
      const jobs = missing.map((shard) => ({
        ...{ name: plan.task, data: { out, shard } },
        // A job that is in the queue already is not added again.
        opts: { ...options, jobId: `${id}-${shard}` },
      }));
      await queue.addBulk(jobs);
      await finished;
    }
  } finally {
    await Promise.all([queue.close(), events.close()]);
  }
  const [shard] = failed.keys();
  if (shard !== undefined) {
    throw new DataError(
      `${failed.size} of ${count} shards failed ${attempts} times; shard ${shard}: ${failed.get(shard)} The same command tries them again.`,
    );
  }
  await joinShards(plan, out);
}

/** All codes as one file, `[items, height, width]` int32, in the plan's order. */
async function joinShards(plan: Plan, out: string): Promise<void> {
  const parts: Int32Array[] = [];
  let grid: readonly number[] = [];
  for (let shard = 0; shard < shardCount(plan); shard++) {
    const codes = readSafetensors(await readFileBytes(shardFile(out, shard), "shard")).tensors.get("codes")!;
    grid = codes.shape.slice(1);
    parts.push(codes.data as Int32Array);
  }
  const data = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  const shape = [plan.items.length, ...grid];
  const file = writeSafetensors({ tensors: new Map([["codes", { dtype: "int32", shape, data }]]), metadata: {} });
  await writeFileAtomic(join(out, "codes.safetensors"), file);
}

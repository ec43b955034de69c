import { hostname } from "node:os";
import { CheckpointError, ConfigError } from "@mmgen/core";
import { type ConnectionOptions, type Job, Worker } from "bullmq";
import type { MultimodalModel } from "mmgen";
import { loadFrom } from "mmgen/node";
import { hashModel, type Plan, queueName, readPlan, type ShardJob } from "./plan.js";
import { doShard } from "./work.js";

/** Times that a shard may be taken over from workers that died. */
const maxTakenOver = 20;

/** Options of {@link runWorker}. */
export interface WorkerSettings {
  readonly connection: ConnectionOptions;
  /** Seconds without a sign of life after which a worker's shard is another's. */
  readonly lockSeconds: number;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/** Takes shards from the queue, one after the other, until the signal fires; then ends after the one under way. */
export async function runWorker({ connection, lockSeconds, log, signal }: WorkerSettings): Promise<void> {
  const models = new Map<string, Promise<MultimodalModel>>();
  const modelOf = ({ model, modelSha256 }: Plan) => {
    let loaded = models.get(modelSha256);
    if (loaded === undefined) {
      loaded = loadModel(model, modelSha256, log);
      models.set(modelSha256, loaded);
      // The next attempt may find it.
      loaded.catch(() => models.delete(modelSha256));
    }
    return loaded;
  };
  const work = async (job: Job<ShardJob>): Promise<number> => {
    const { out, shard } = job.data;
    log(`shard ${shard}`);
    const plan = await readPlan(out);
    let done = 0;
    const onProgress = async (items: number) => {
      done = items;
      await job.updateProgress(items);
    };
    await doShard(await modelOf(plan), plan, { out, shard, onProgress });
    return done;
  };
  const worker = new Worker<ShardJob, number>(queueName, work, {
    connection,
    name: `${hostname()} ${process.pid}`,
    lockDuration: 1000 * lockSeconds,
    stalledInterval: 500 * lockSeconds,
    maxStalledCount: maxTakenOver,
  });
  worker.on("error", (error) => log(error.message));
  worker.on("failed", (job, error) => log(`shard ${job?.data.shard}: ${error.message}`));
  worker.on("stalled", (id) => log(`${id} is taken over from a worker that is gone`));
  await worker.waitUntilReady();
  log("ready");
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  await worker.close();
  for (const model of models.values()) {
    (await model).dispose();
  }
}

async function loadModel(folder: string, sha256: string, log: (line: string) => void): Promise<MultimodalModel> {
  if ((await hashModel(folder)) !== sha256) {
    throw new CheckpointError(`${folder}: expected the model of the plan, got files with another SHA-256.`);
  }
  const model = await loadFrom(folder, { onBackend: log });
  if (model.config.family === "diffusion") {
    model.dispose();
    throw new ConfigError(`${folder}: expected a model of the family "autoregressive", got "diffusion".`);
  }
  return model;
}

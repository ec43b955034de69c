import {
  addComputeOptions,
  type ComputeFlags,
  fromCaller,
  interruptSignal,
  positiveNumber,
  runCommand,
  wholeNumber,
} from "@mmgen/example-harness";
import { Command } from "commander";
import { type BackendChoice, backendChoices, type OnnxDevice, onnxDevices, selectBackend } from "mmgen/node";
import { makePlan, type Plan } from "./plan.js";
import { submit } from "./submit.js";
import { runWorker } from "./worker.js";

interface RedisFlags {
  readonly redis: string;
}

interface WorkerFlags extends RedisFlags, ComputeFlags {
  readonly lockSeconds: number;
}

interface SubmitFlags extends RedisFlags {
  readonly model: string;
  readonly out: string;
  readonly shard: number;
  readonly attempts: number;
  readonly seed?: number;
}

const program = new Command("npm run batch --").exitOverride();
program.description("Encodes folders of images, and draws long lists of captions, on many machines.");

const defaultRedis = process.env.REDIS_URL ?? "redis://127.0.0.1:6379";
const withRedis = (command: Command) =>
  command.option("--redis <url>", "address of the queue", defaultRedis).exitOverride();
const withTask = (command: Command) =>
  withRedis(command)
    .requiredOption("--model <dir>", "folder of the model, under the same path on all machines")
    .requiredOption("--out <dir>", "folder of the results, under the same path on all machines")
    .option("--attempts <number>", "times that a shard is tried", positiveNumber, 3);

addComputeOptions(withRedis(program.command("worker")), { backends: backendChoices, devices: onnxDevices })
  .description("Takes shards from the queue until Ctrl-C; start as many as there are machines.")
  .option(
    "--lock-seconds <number>",
    "without a sign of life after so long, a shard is another worker's",
    positiveNumber,
    30,
  )
  .action(work);

withTask(program.command("encode"))
  .argument("<folder>", "PNG files of the model's size")
  .description("Encodes the images of a folder: codes.safetensors, in the order of their names.")
  .option("--shard <number>", "images of a shard", positiveNumber, 1024)
  .action((folder: string, flags: SubmitFlags) => hand("encode", folder, flags));

withTask(program.command("draw"))
  .argument("<captions>", "a text file, a caption a line")
  .description("Draws each line of a file: 00000000.png …, and their codes.")
  .option("--shard <number>", "captions of a shard", positiveNumber, 256)
  .option("--seed <number>", "seed of the draws", wholeNumber, 0)
  .action((captions: string, flags: SubmitFlags) => hand("draw", captions, flags));

await runCommand(async () => {
  await program.parseAsync(process.argv.slice(2), { from: "user" });
});

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Without a limit on retries, as workers wait for a queue that is away. */
function connectionTo(url: string) {
  return { url, maxRetriesPerRequest: null };
}

async function work({ backend, device, lockSeconds, redis, replay }: WorkerFlags): Promise<void> {
  const { signal } = interruptSignal();
  log(`Backend: ${await selectBackend(backend as BackendChoice, device as OnnxDevice, { replay })}.`);
  await runWorker({ connection: connectionTo(redis), lockSeconds, signal, log });
}

async function hand(task: Plan["task"], from: string, flags: SubmitFlags): Promise<void> {
  const { attempts, redis, seed = 0, shard: shardSize } = flags;
  const [model, out] = [fromCaller(flags.model), fromCaller(flags.out)];
  const plan = await makePlan({ task, from: fromCaller(from), model, shardSize, seed });
  let shown = -1;
  const onProgress = (done: number, count: number) => {
    const percent = Math.floor((100 * done) / count);
    if (percent !== shown) {
      log(`${done} of ${count} (${percent} %)`);
      shown = percent;
    }
  };
  const { signal } = interruptSignal();
  await submit(plan, { connection: connectionTo(redis), out, attempts, signal, onProgress });
  log(`Wrote ${out}`);
}

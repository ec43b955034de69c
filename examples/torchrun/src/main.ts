import { join } from "node:path";
import { ConfigError, describeValue } from "@mmgen/core";
import {
  addComputeOptions,
  type ComputeFlags,
  fromCaller,
  positiveNumber,
  runCommand,
  wholeNumber,
} from "@mmgen/example-harness";
import { imagePixels } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  type BackendChoice,
  backendChoices,
  loadFrom,
  type OnnxDevice,
  onnxDevices,
  saveTo,
  selectBackend,
} from "mmgen/node";
import { readTrained } from "./read.js";
import { loadImages, writeTransformer, writeVqVae } from "./write.js";

interface WriteFlags extends ComputeFlags {
  readonly model: string;
  readonly images: string;
  readonly stage: "transformer" | "vqvae";
  readonly seed: number;
  readonly width?: number;
  readonly heads?: number;
  readonly layers?: number;
  readonly dropout?: number;
  readonly goOn: boolean;
  readonly exported: boolean;
  readonly processes: number;
  readonly weightDecay: number;
  readonly clip: number;
}

interface ReadFlags extends ComputeFlags {
  readonly model: string;
  readonly out: string;
  readonly draw?: string;
  readonly seed: number;
}

const program = new Command("npm run torchrun --").exitOverride();
program.description("Writes what train.py trains on, and reads what it has trained.");

const share = (text: string) => {
  const number = Number(text);
  if (!(number >= 0 && number < 1)) {
    throw new InvalidArgumentError(`expected a number from 0 up to and without 1, got ${describeValue(text)}.`);
  }
  return number;
};
const positive = (text: string) => {
  const number = Number(text);
  if (!(number >= 0 && Number.isFinite(number))) {
    throw new InvalidArgumentError(`expected a number of at least 0, got ${describeValue(text)}.`);
  }
  return number;
};

const withCompute = (command: Command) =>
  addComputeOptions(command, { backends: backendChoices, devices: onnxDevices });

withCompute(program.command("write"))
  .argument("<folder>", "folder for train.py")
  .description("Encodes images with a model's codec, and writes their codes and captions as sequences.")
  .requiredOption("--model <dir>", "folder of a trained model")
  .requiredOption("--images <dir>", "images with captions")
  .addOption(new Option("--stage <name>", "what is trained").choices(["transformer", "vqvae"]).default("transformer"))
  .option("--width <number>", "of the transformer (default: the model's)", positiveNumber)
  .option("--heads <number>", "of the transformer (default: the model's)", positiveNumber)
  .option("--layers <number>", "of the transformer (default: the model's)", positiveNumber)
  .option("--dropout <rate>", "of the transformer (default: the model's)", share)
  .option("--seed <number>", "seed of the first weights", wholeNumber, 1)
  .option("--go-on", "begin with the model's weights, not with new ones", false)
  .option("--exported", "write the training step too, for ONNX Runtime", false)
  .option("--processes <number>", "that will run the exported step", positiveNumber, 1)
  .option("--weight-decay <number>", "of the exported step, of matrices", positive, 0.01)
  .option("--clip <norm>", "of the exported step's gradients", positive, 1)
  .exitOverride()
  .action(write);

withCompute(program.command("read"))
  .argument("<folder>", "folder of train.py")
  .description("Evaluates the transformer that train.py trained, and writes the whole model.")
  .requiredOption("--model <dir>", "folder of the model whose codec wrote the codes")
  .requiredOption("--out <dir>", "folder for the model")
  .option("--draw <caption>", "draw this too, as drawn.png in the model's folder")
  .option("--seed <number>", "seed of the drawing", wholeNumber, 1)
  .exitOverride()
  .action(read);

await runCommand(async () => {
  await program.parseAsync(process.argv.slice(2), { from: "user" });
});

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function load({ backend, device, model, replay }: ComputeFlags & { readonly model: string }) {
  log(`Backend: ${await selectBackend(backend as BackendChoice, device as OnnxDevice, { replay })}.`);
  return loadFrom(fromCaller(model));
}

async function write(folder: string, flags: WriteFlags): Promise<void> {
  const { clip, dropout, exported, goOn, heads, layers, processes, seed, stage, weightDecay, width } = flags;
  using model = await load(flags);
  const images = await loadImages(fromCaller(flags.images), model.vqvae.imageShape, log);
  const step = exported || stage === "vqvae" ? { parts: processes, weightDecay, clipNorm: clip } : undefined;
  const path = fromCaller(folder);
  if (stage === "vqvae") {
    await writeVqVae(path, { model, images, seed, goOn, step: step! });
  } else {
    const given = Object.entries({ width, heads, layers, dropout }).filter(([, value]) => value !== undefined);
    if (goOn && given.length > 0) {
      throw new ConfigError(
        `--go-on keeps the model as it is; leave out ${given.map(([name]) => `--${name}`).join(", ")}.`,
      );
    }
    await writeTransformer(path, { model, images, seed, goOn, step, changes: Object.fromEntries(given) });
  }
  log(`Wrote ${path}`);
}

async function read(folder: string, { draw, seed, ...flags }: ReadFlags): Promise<void> {
  using base = await load(flags);
  const { loss, model, trainedLoss } = await readTrained(fromCaller(folder), base);
  const out = fromCaller(flags.out);
  await saveTo(out, model);
  log(`Loss ${loss.toFixed(6)} nats per id here, ${trainedLoss?.toFixed(6) ?? "not computed"} there. Wrote ${out}`);
  if (draw !== undefined) {
    await writePng(join(out, "drawn.png"), imagePixels(await model.draw([draw], { seed }), 0));
  }
}

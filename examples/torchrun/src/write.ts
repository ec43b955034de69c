import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { exportOnnx } from "@mmgen/backend-onnx";
import { ConfigError, type ImageBatch, Random, type StoredTensor, writeSafetensors } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import type { CaptionedImages } from "@mmgen/datasets";
import { loadImageFolder } from "@mmgen/datasets/node";
import type { ExportableFunction, Module } from "@mmgen/nn";
import { TinyTransformer, type TransformerOptions } from "@mmgen/tiny-transformer";
import { adamW, type ExportablePartsOptions, exportableState, exportableStepParts, Optimizer } from "@mmgen/training";
import { VqVae } from "@mmgen/vqvae";
import { type MultimodalModel, runIdOf } from "mmgen";
import { files } from "./files.js";

/** What the training's folder is made of. */
export interface TrainingSource {
  /** Trained before; borrowed. */
  readonly model: MultimodalModel;
  readonly images: CaptionedImages;
  /** Of the first weights. */
  readonly seed: number;
  /** Whether the first weights are the model's. */
  readonly goOn: boolean;
  /** The training step as files; undefined where train.py has the model itself. */
  readonly step: StepSettings | undefined;
}

/** A training step as files for ONNX Runtime. */
export interface StepSettings {
  /** Processes. */
  readonly parts: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
}

/** All images of a folder and of those in it, in a codec's form. */
export async function loadImages(
  folder: string,
  { height, width, channels, maxValue }: Pick<ImageBatch, "height" | "width" | "channels" | "maxValue">,
  onMessage: (line: string) => void,
): Promise<CaptionedImages> {
  const form = { side: { height, width }, channels: channels as 1 | 3, maxValue };
  const { train } = await loadImageFolder({ folder, ...form, onMessage });
  return train;
}

/** Writes the transformer's training: each pair as a sequence of every order that the model knows. */
export async function writeTransformer(
  folder: string,
  source: TrainingSource & { readonly changes: Partial<TransformerOptions> },
): Promise<void> {
  const { changes, goOn, images, model, seed, step } = source;
  const { config, tokenizer, vqvae } = model;
  if (config.family === "diffusion") {
    throw new ConfigError('--model: expected a model of the family "autoregressive", got "diffusion".');
  }
  const codes = await vqvae.encode(images.images);
  const batches = tokenizer.orders.map((order) =>
    tokenizer.toTrainingBatch(
      tokenizer.encode({ codes, captions: images.captions, order }),
      config.training?.sequences.weights,
    ),
  );
  const { length } = batches[0]!.inputs;
  const shape = [codes.count * batches.length, length];
  const joined = <Data extends Int32Array | Float32Array>(data: Data, parts: readonly Data[]) => {
    for (const [i, part] of parts.entries()) {
      data.set(part, i * part.length);
    }
    return data;
  };
  const ids = (field: "inputs" | "targets"): StoredTensor => {
    const data = joined(
      new Int32Array(shape[0]! * length),
      batches.map((batch) => batch[field].data),
    );
    return { dtype: "int32", shape, data };
  };
  const examples = new Map<string, StoredTensor>([
    ["inputs", ids("inputs")],
    ["targets", ids("targets")],
  ]);
  const weighted = batches.some(({ weights }) => weights !== undefined);
  if (weighted) {
    const all = batches.map(({ weights }) => weights ?? new Float32Array(codes.count * length).fill(1));
    examples.set("weights", { dtype: "float32", shape, data: joined(new Float32Array(shape[0]! * length), all) });
  }
  const options = { ...config.transformer, ...changes, ...("width" in changes && { feedForwardWidth: undefined }) };
  using fresh = goOn ? undefined : TinyTransformer.create(options, { random: Random.fromSeed(seed) });
  const transformer = fresh ?? model.transformer;
  const run = await runIdOf(model);
  const idInput = { shape: ["batch", length], dtype: "int32" } as const;
  const inputs = {
    inputs: idInput,
    targets: idInput,
    ...(weighted && { weights: { ...idInput, dtype: "float32" } as const }),
  };
  await writeTraining(folder, {
    examples,
    trained: transformer,
    bytes: await transformer.toSafetensors({ run }),
    inputs,
    step,
  });
}

/** Writes the image codec's training: its images, and its step, as train.py has no such model. */
export async function writeVqVae(
  folder: string,
  { goOn, images: { images }, model, seed, step }: TrainingSource & { readonly step: StepSettings },
): Promise<void> {
  const random = Random.fromSeed(seed);
  using fresh = goOn ? undefined : VqVae.create(model.vqvae.config, { random });
  const vqvae = fresh ?? model.vqvae;
  await vqvae.initialize(images, random.fork("initialize"));
  const { count, data, ...form } = images;
  const size = [form.height, form.width, form.channels];
  const examples = new Map([["levels", { dtype: "uint8", shape: [count, ...size], data }]] as const);
  const inputs = { levels: { shape: ["batch", ...size], dtype: "int32" } } as const;
  await writeTraining(folder, { examples, trained: vqvae, bytes: await vqvae.toSafetensors(), inputs, step });
}

interface Training<Aux> {
  readonly examples: ReadonlyMap<string, StoredTensor>;
  readonly trained: ExportablePartsOptions<Aux>["model"] & Pick<Module, "weights">;
  /** The model as its file. */
  readonly bytes: Uint8Array;
  readonly inputs: ExportableFunction["inputs"];
  readonly step: StepSettings | undefined;
}

async function writeTraining<Aux>(
  folder: string,
  { bytes, examples, inputs, step, trained }: Training<Aux>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  // What an earlier training left belongs to other examples.
  await Promise.all(Object.values(files).map((name) => rm(join(folder, name), { force: true })));
  const write = (name: string, content: Uint8Array) => writeFileAtomic(join(folder, name), content);
  await write(files.examples, writeSafetensors({ tensors: examples, metadata: {} }));
  await write(files.model, bytes);
  if (step !== undefined) {
    const { parts, ...settings } = step;
    using optimizer = Optimizer.create(trained.parameters, adamW(settings));
    const { gradients, update } = exportableStepParts({ model: trained, optimizer, inputs, parts });
    await write(files.gradients, await exportOnnx(gradients));
    await write(files.update, await exportOnnx(update));
    // In a file filters lie as PyTorch has them, in the step as TensorFlow.js has them.
    const layouts = Object.fromEntries([...trained.weights].map(([name, { fileLayout }]) => [name, fileLayout]));
    await write(
      files.state,
      await exportOnnx(exportableState(update), { metadata: { layouts: JSON.stringify(layouts) } }),
    );
  }
}

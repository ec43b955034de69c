import {
  CheckpointError,
  type CodeBatch,
  fingerprint,
  type Grammar,
  type ImageBatch,
  type Random,
  type TokenBatch,
} from "@mmgen/core";
import type { AttributeClassifier } from "@mmgen/evaluation";
import type { RunFolder } from "@mmgen/example-harness";
import { type DenoisedRound, denoise, generate, type KernelOptions } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { AdversarialVqVae, VqVae } from "@mmgen/vqvae";
import {
  type DiffusionName,
  diffusionNames,
  type RunConfig,
  type SamplingConfig,
  samplerOptions,
  type TransformerConfig,
} from "./config.js";
import { asTokens, distinctShare, legalCodes } from "./data.js";

/** Files of a finished run's models in `checkpoints/`. */
export const modelFiles = {
  "squared-error": "vqvae.safetensors",
  adversarial: "vqvae-adversarial.safetensors",
  sequential: "sequential.safetensors",
  absorbing: "absorbing.safetensors",
  chain: "chain.safetensors",
} as const;

/** The image tokenizer and the transformers that learned its codes. */
export interface Models {
  readonly tokenizer: VqVae;
  readonly sequential: TinyTransformer;
  /** Diffusion by masks. */
  readonly absorbing: TinyTransformer;
  /** Diffusion by random codes. */
  readonly chain: TinyTransformer;
}

/** Ways to draw codes: one after the other, or by a sampler of one of the diffusion models. */
export const samplerNames = ["sequential", ...diffusionNames] as const;
export type SamplerName = (typeof samplerNames)[number];

/** The samplers as people are shown them. */
export const samplerTitles: Readonly<Record<SamplerName, string>> = {
  sequential: "sequential",
  chain: "original chain",
  ancestral: "absorbing, ancestral",
  confidence: "absorbing, confidence",
  remasking: "absorbing, remasking",
};

/** Images of which the first codes are kept; the others are drawn. */
export interface Beginning {
  /** `[count, height, width]`; borrowed. */
  readonly codes: CodeBatch;
  /** First codes that are kept, row by row. */
  readonly kept: number;
}

/** How codes are drawn. */
export interface Drawing {
  readonly sampling: SamplingConfig;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** Images of which nothing is known. */
export function nothingKept({ codeGrid }: VqVae, count: number): Beginning {
  return { codes: { data: new Int32Array(count * codeGrid.height * codeGrid.width), count, ...codeGrid }, kept: 0 };
}

/** Draws the codes that are not kept; a whole batch, kept codes included. */
export async function drawCodes(
  models: Models,
  sampler: SamplerName,
  beginning: Beginning,
  drawing: Drawing,
): Promise<CodeBatch> {
  return sampler === "sequential"
    ? drawSequentially(models, beginning, drawing)
    : diffuse(models, sampler, beginning, drawing);
}

/** How varied and fast a way to draw is. */
export interface SamplerMetrics {
  /** Share of the samples whose codes no sample before had. */
  readonly distinct: number;
  readonly millisecondsPerImage: number;
}

/** Images drawn without a beginning, by sampler. */
export type Samples = Readonly<Record<SamplerName, ImageBatch>>;

/** Draws images without a beginning by every sampler. */
export async function drawSamples(
  models: Models,
  count: number,
  drawing: Drawing,
): Promise<{ readonly metrics: Readonly<Record<SamplerName, SamplerMetrics>>; readonly samples: Samples }> {
  const metrics: Partial<Record<SamplerName, SamplerMetrics>> = {};
  const samples: Partial<Record<SamplerName, ImageBatch>> = {};
  for (const sampler of samplerNames) {
    const started = performance.now();
    const codes = await drawCodes(models, sampler, nothingKept(models.tokenizer, count), drawing);
    samples[sampler] = await models.tokenizer.decode(codes);
    const millisecondsPerImage = (performance.now() - started) / count;
    metrics[sampler] = { distinct: distinctShare(codes), millisecondsPerImage };
  }
  return { metrics: metrics as Record<SamplerName, SamplerMetrics>, samples: samples as Samples };
}

async function drawSequentially(
  { sequential, tokenizer }: Models,
  { codes, kept }: Beginning,
  { sampling, seed, signal }: Drawing,
): Promise<CodeBatch> {
  const { codebookSize } = tokenizer;
  const { length } = asTokens(codes);
  const prompt: TokenBatch = { data: new Int32Array(codes.count * (kept + 1)), count: codes.count, length: kept + 1 };
  for (let row = 0; row < codes.count; row++) {
    prompt.data[row * prompt.length] = codebookSize;
    prompt.data.set(codes.data.subarray(row * length, row * length + kept), row * prompt.length + 1);
  }
  const { temperature, topK, topP } = sampling;
  const ids = await generate({
    ...{ model: sequential, prompt, steps: length - kept, grammar: codesAlone(codebookSize), seed, temperature, topP },
    ...(topK !== undefined && { topK: Math.min(topK, codebookSize) }),
    signal,
  });
  const data = new Int32Array(codes.count * length);
  for (let row = 0; row < codes.count; row++) {
    data.set(ids.data.subarray(row * ids.length + 1, (row + 1) * ids.length), row * length);
  }
  return { ...codes, data };
}

/** Draws by diffusion, and hands over the state before the first round and after each. */
export async function diffuse(
  { absorbing, chain, tokenizer }: Models,
  sampler: DiffusionName,
  { codes, kept }: Beginning,
  { onRound, sampling, seed, signal }: Drawing & { readonly onRound?: ((state: DenoisedRound) => void) | undefined },
): Promise<CodeBatch> {
  const { codebookSize } = tokenizer;
  const ids = asTokens(codes);
  const { masks, topK, topP } = sampling;
  const temperature = sampler === "chain" ? sampling.temperature : masks.temperature;
  const { data } = await denoise({
    model: sampler === "chain" ? chain : absorbing,
    ids,
    known: Uint8Array.from({ length: ids.length }, (_, i) => (i < kept ? 1 : 0)),
    legal: legalCodes(ids.length, codebookSize),
    ...(sampler !== "chain" && { maskId: codebookSize }),
    ...{ kernel: kernelOf(sampler), sampler: samplerOptions(sampler, sampling) },
    ...(topK !== undefined && { topK: Math.min(topK, codebookSize) }),
    ...{ temperature, topP, seed, onRound, signal },
  });
  return { ...codes, data };
}

/** The kernel of the model that a sampler draws with. */
export function kernelOf(sampler: DiffusionName): KernelOptions {
  return sampler === "chain" ? { type: "chain" } : { type: "absorbing" };
}

/** Sequences of a start, whose id is `codebookSize`, and codes. */
function codesAlone(codebookSize: number): Grammar {
  const vocabularySize = codebookSize + 1;
  const allowed = new Uint8Array(2 * vocabularySize).fill(1);
  allowed.fill(0, 0, codebookSize);
  allowed[2 * vocabularySize - 1] = 0;
  return { vocabularySize, stateCount: 2, start: 0, allowed, next: new Int32Array(2 * vocabularySize).fill(1) };
}

/** What of an image can be kept: its upper half, its upper quarter, or its first code. */
export const keptParts = ["half", "quarter", "first"] as const;
export type KeptPart = (typeof keptParts)[number];

/** Codes that a part has. */
export function keptCount({ height, width }: VqVae["codeGrid"], part: KeptPart): number {
  const rows = { half: Math.ceil(height / 2), quarter: Math.ceil(height / 4), first: 0 };
  return part === "first" ? 1 : rows[part] * width;
}

/** Draws what is not kept of images. */
export function completePart(
  models: Models,
  { codes, part, sampler }: { readonly codes: CodeBatch; readonly part: KeptPart; readonly sampler: SamplerName },
  { config, seed, signal }: Omit<Drawing, "sampling"> & { readonly config: Pick<RunConfig, "sampling"> },
): Promise<CodeBatch> {
  const beginning = { codes, kept: keptCount(models.tokenizer.codeGrid, part) };
  return drawCodes(models, sampler, beginning, { sampling: config.sampling, seed, signal });
}

/**
 * The models of a run.
 *
 * @param read - A file of its checkpoints by name; undefined where there is none.
 * @returns Yours to dispose.
 * @throws a {@link CheckpointError} when one is missing, damaged or of another run.
 */
export async function loadModels(
  read: (name: string) => Promise<Uint8Array | undefined>,
  { codesOf }: RunConfig,
): Promise<Models> {
  const bytesOf = async (name: string) => {
    const bytes = await read(name);
    if (bytes === undefined) {
      throw new CheckpointError(`There is no ${name}.`);
    }
    return bytes;
  };
  const bytes = await bytesOf(modelFiles[codesOf]);
  const run = fingerprint([bytes]);
  const transformer = async (name: "sequential" | "absorbing" | "chain") => {
    const model = TinyTransformer.fromSafetensors(await bytesOf(modelFiles[name]));
    if (model.run !== run) {
      model.dispose();
      throw new CheckpointError(`${modelFiles[name]} learned the codes of another image tokenizer.`);
    }
    return model;
  };
  return {
    tokenizer: VqVae.fromSafetensors(bytes),
    sequential: await transformer("sequential"),
    absorbing: await transformer("absorbing"),
    chain: await transformer("chain"),
  };
}

/** One of a run's image tokenizers; yours to dispose. */
export function loadTokenizer(folder: RunFolder, name: "squared-error" | "adversarial"): Promise<VqVae> {
  return folder.load(async (read) => VqVae.fromSafetensors((await read(modelFiles[name]))!));
}

/** Frees the models. */
export function disposeModels(models: Models): void {
  for (const model of Object.values(models)) {
    (model as VqVae | TinyTransformer).dispose();
  }
}

/** A new image tokenizer for images of this shape. */
export function newTokenizer({ tokenizer }: RunConfig, images: ImageBatch, random: Random): VqVae {
  const { channels, height, maxValue, width } = images;
  const { codeDimension, codebookSize, network } = tokenizer;
  const options = {
    ...{ imageSide: { height, width }, channels, maxValue },
    network: {
      ...{ ...network, type: "convolutional" as const, residualFilter: 3 as const, normalization: "group" as const },
      ...{ activation: "silu" as const, upsampling: "nearest" as const },
    },
    quantizer: { type: "vector" as const, codebookSize, codeDimension },
  };
  return VqVae.create(options, { random: random.fork("weights") });
}

/** A new transformer over a tokenizer's codes and one id more: the start of a causal one's sequences, else the mask. */
export function newTransformer(
  { codebookSize, codeGrid }: VqVae,
  { dropout, heads, layers, width }: TransformerConfig,
  { causal, random }: { readonly causal: boolean; readonly random: Random },
): TinyTransformer {
  const length = codeGrid.height * codeGrid.width + (causal ? 1 : 0);
  const options = {
    ...{ vocabularySize: codebookSize + 1, contextLength: length, width, heads, layers, dropout, causal },
    ...{ positions: "rotary-2d" as const, grid: { ...codeGrid, start: causal ? 1 : 0 } },
    ...{ normalization: "rms" as const, feedForward: "swiglu" as const, queryKeyNorm: true, bias: false },
  };
  return TinyTransformer.create(options, { random: random.fork("weights") });
}

/** A discriminator for a tokenizer; without a classifier, which is borrowed, it compares reconstructions with originals itself. */
export function newAdversary(
  vqvae: VqVae,
  config: RunConfig["adversarial"],
  { classifier, random }: { readonly classifier: AttributeClassifier | undefined; readonly random: Random },
): AdversarialVqVae {
  const { classifierWeight, discriminatorChannels, featureWeight, rampSteps, startStep, weight } = config;
  const common = { discriminator: { baseChannels: discriminatorChannels }, startStep, rampSteps };
  if (classifier === undefined) {
    const options = { ...common, learns: "decoder", perceptual: { weight: featureWeight } } as const;
    return AdversarialVqVae.create(vqvae, options, { random });
  }
  const perceptual = { features: "own", weight: classifierWeight } as const;
  const options = { ...common, perceptual, weighting: { type: "constant", weight } } as const;
  return AdversarialVqVae.create(vqvae, options, { random, features: (pixels) => classifier.layers(pixels) });
}

import {
  CheckpointError,
  type CodeBatch,
  fingerprint,
  type Grammar,
  type ImageBatch,
  MmgenError,
  parseJson,
  Random,
  type TokenBatch,
} from "@mmgen/core";
import type { AttributeClassifier } from "@mmgen/evaluation";
import type { RunFolder } from "@mmgen/example-harness";
import { type DenoisedRound, denoise, generate } from "@mmgen/samplers";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { AdversarialVqVae, VqVae } from "@mmgen/vqvae";
import { spreadLabels } from "mmgen";
import {
  type DiffusionName,
  diffusionNames,
  type RunConfig,
  type RunSettings,
  type SamplingConfig,
  samplerOptions,
} from "./config.js";
import { rowForm, withKinds } from "./data.js";

/** Files of a finished run's models in `checkpoints/`. */
export const modelFiles = {
  "squared-error": "vqvae.safetensors",
  adversarial: "vqvae-adversarial.safetensors",
  sequential: "sequential.safetensors",
  absorbing: "absorbing.safetensors",
  chain: "chain.safetensors",
} as const;
/** The kinds of the training images, beside them. */
export const kindsFile = "kinds.json";

/** What a run writes, and a new one in the same folder therefore removes. */
export const earlierFiles = {
  checkpoints: [
    /^(squared-error|adversarial|vqvae|vqvae-adversarial|sequential|absorbing|chain|(perceptual-)?classifier)(-training)?\.safetensors$/,
    /^codes-[0-9a-f]{32}\.safetensors$/,
    /^kinds\.json$/,
  ],
  results: [/\.jsonl$/, /^evaluation\.json$/],
};

/** The image tokenizer and the transformers that learned its codes. */
export interface Models {
  readonly tokenizer: VqVae;
  readonly sequential: TinyTransformer;
  /** Diffusion by masks. */
  readonly absorbing: TinyTransformer;
  /** Diffusion by random codes. */
  readonly chain: TinyTransformer;
  /** The kinds of the training images; what is drawn is of the kind of one of them. Empty: they have none. */
  readonly kinds: readonly number[];
}

/** The models of codes. */
export type TransformerName = "sequential" | "absorbing" | "chain";

/** Ways to draw codes: one after the other, or by a sampler of one of the diffusion models. */
export const samplerNames = ["sequential", ...diffusionNames] as const;
export type SamplerName = (typeof samplerNames)[number];
/** What is measured: every sampler, and the original chain at its low temperature too. */
export const drawnNames = ["sequential", "chain-low", ...diffusionNames] as const;
export type DrawnName = (typeof drawnNames)[number];

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

async function drawSequentially(models: Models, beginning: Beginning, drawing: Drawing): Promise<CodeBatch> {
  const { codes, kept } = beginning;
  const { sequential: model, tokenizer } = models;
  const { data, length } = rowsOf(models, beginning, drawing);
  const prompt: TokenBatch = { data: data.filter((_, i) => i % length <= kept), count: codes.count, length: kept + 1 };
  const { sampling, seed, signal } = drawing;
  const { temperature, topK, topP } = sampling;
  const grammar = codesAlone(tokenizer.codebookSize, model.vocabularySize);
  const ids = await generate({
    ...{ model, prompt, steps: length - 1 - kept, grammar, seed, temperature, topP, signal },
    ...(topK !== undefined && { topK: Math.min(topK, tokenizer.codebookSize) }),
  });
  return { ...codes, data: ids.data.filter((_, i) => i % length > 0) };
}

/** Draws by diffusion, and hands over the state of the codes before the first round and after each. */
export async function diffuse(
  models: Models,
  sampler: DiffusionName,
  beginning: Beginning,
  drawing: Drawing & { readonly onRound?: ((state: DenoisedRound) => void) | undefined },
): Promise<CodeBatch> {
  const { absorbing, chain, tokenizer } = models;
  const { codeGrid } = tokenizer;
  const { codes, kept } = beginning;
  const hasKind = haveKinds(models, beginning);
  const { onRound, sampling, seed, signal } = drawing;
  const ids = rowsOf(models, beginning, drawing);
  const { masks, topK, topP } = sampling;
  const { legal, maskId } = rowForm(tokenizer);
  const isCode = (_: number, i: number) => i % ids.length > 0;
  const { data } = await denoise({
    model: sampler === "chain" ? chain : absorbing,
    ...{ ids, legal, known: Uint8Array.from({ length: ids.length }, (_, i) => (i <= kept ? 1 : 0)) },
    ...(sampler !== "chain" && { maskId }),
    ...{
      kernel: { type: sampler === "chain" ? "chain" : "absorbing" },
      sampler: samplerOptions(sampler, sampling, { codeGrid, hasKind }),
    },
    ...(topK !== undefined && { topK: Math.min(topK, tokenizer.codebookSize) }),
    ...{ temperature: sampler === "chain" ? sampling.highTemperature : masks.temperature, topP, seed, signal },
    ...(onRound && {
      onRound: ({ ids, known, masked, ...round }) =>
        onRound({ ...round, ids: ids.filter(isCode), known: known.filter(isCode), masked: masked.filter(isCode) }),
    }),
  });
  return { ...codes, data: data.filter(isCode) };
}

/** New images are of kinds as often as training images are; those of which something is kept are of any. */
const haveKinds = ({ kinds }: Models, { kept }: Beginning) => kept === 0 && kinds.length > 0;

/** Rows to go on from. */
function rowsOf(models: Models, beginning: Beginning, { seed }: Drawing): TokenBatch {
  const { codes } = beginning;
  const kinds = haveKinds(models, beginning) ? spreadLabels(models.kinds, { count: codes.count, seed }) : undefined;
  return withKinds(models.tokenizer, codes, kinds);
}

/** Rows of a kind and codes. */
function codesAlone(codebookSize: number, vocabularySize: number): Grammar {
  const allowed = Uint8Array.from({ length: 2 * vocabularySize }, (_, i) =>
    Number(i < vocabularySize ? i >= codebookSize : i - vocabularySize < codebookSize),
  );
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
  const part = async <Part>(name: string, parse: (bytes: Uint8Array) => Part): Promise<Part> => {
    const bytes = await read(name);
    if (bytes === undefined) {
      throw new CheckpointError(`There is no ${name}.`);
    }
    try {
      return parse(bytes);
    } catch (error) {
      throw MmgenError.isInstance(error) ? new CheckpointError(`${name}: ${error.message}`, { cause: error }) : error;
    }
  };
  const bytes = await part(modelFiles[codesOf], (bytes) => bytes);
  const run = fingerprint([bytes]);
  const transformer = async (name: TransformerName) => {
    const model = await part(modelFiles[name], (bytes) => TinyTransformer.fromSafetensors(bytes));
    if (model.run !== run) {
      model.dispose();
      throw new CheckpointError(`${modelFiles[name]} learned the codes of another image tokenizer.`);
    }
    return model;
  };
  const kinds = await part(kindsFile, parseKinds);
  return {
    tokenizer: await part(modelFiles[codesOf], (bytes) => VqVae.fromSafetensors(bytes)),
    sequential: await transformer("sequential"),
    absorbing: await transformer("absorbing"),
    chain: await transformer("chain"),
    kinds,
  };
}

/** The kinds of the training images, as a run stored them. */
function parseKinds(bytes: Uint8Array): number[] {
  const { problem, value } = parseJson(new TextDecoder().decode(bytes));
  if (!(Array.isArray(value) && value.every((kind) => Number.isSafeInteger(kind) && kind >= 0))) {
    throw new CheckpointError(`${problem ? `it ${problem}` : "expected a list of kinds"}.`);
  }
  return value;
}

/** One of a run's image tokenizers; yours to dispose. */
export function loadTokenizer(folder: RunFolder, name: "squared-error" | "adversarial"): Promise<VqVae> {
  return folder.load(async (read) => VqVae.fromSafetensors((await read(modelFiles[name]))!));
}

/** Frees the models. */
export function disposeModels(models: Models): void {
  for (const name of ["tokenizer", "sequential", "absorbing", "chain"] as const) {
    models[name].dispose();
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

/** A new transformer of rows of a kind and a tokenizer's codes. */
export function newTransformer(
  { codebookSize, codeGrid }: VqVae,
  { config, seed }: Pick<RunSettings, "config" | "seed">,
  name: TransformerName,
): TinyTransformer {
  const { dropout, heads, layers, width } = config[name];
  const contextLength = 1 + codeGrid.height * codeGrid.width;
  const causal = name === "sequential";
  const options = {
    ...{ vocabularySize: codebookSize + 2 + config.kinds, contextLength, width, heads, layers, dropout, causal },
    ...{ positions: "rotary-2d" as const, grid: { ...codeGrid, start: 1 } },
    ...{ normalization: "rms" as const, feedForward: "swiglu" as const, queryKeyNorm: true, bias: false },
  };
  return TinyTransformer.create(options, { random: Random.fromSeed(seed).fork(name).fork("weights") });
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

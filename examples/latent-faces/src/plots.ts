import { join } from "node:path";
import { type CodeBatch, gatherCodes, type ImageBatch } from "@mmgen/core";
import { writeFileAtomic } from "@mmgen/core/node";
import type { RunContext } from "@mmgen/example-harness";
import {
  animateImages,
  completionRows,
  filmStrip,
  imageGrid,
  imageRows,
  maskedImages,
  trainingCurves,
} from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import type { DenoisedRound } from "@mmgen/samplers";
import type { TrainingHistory } from "@mmgen/training";
import type { VqVae } from "@mmgen/vqvae";
import { type DiffusionName, type RunSettings, sampledAs } from "./config.js";
import { firstCodes, firstImages } from "./data.js";
import { completers, type EvaluationOptions, type Histories, type ModelMetrics, type Samples } from "./evaluate.js";
import {
  completePart,
  type DrawnName,
  diffuse,
  drawnNames,
  type KeptPart,
  keptCount,
  keptParts,
  nothingKept,
} from "./generate.js";

/** What draws, as people are shown it. */
export const samplerTitles: Readonly<Record<DrawnName, string>> = {
  sequential: "sequential",
  "chain-low": "original chain, low temperature",
  chain: "original chain",
  ancestral: "absorbing, ancestral",
  confidence: "absorbing, confidence",
  remasking: "absorbing, remasking",
  halton: "absorbing, Halton order",
};

/** What the images of a run show. */
export interface ImageOptions extends EvaluationOptions {
  readonly histories: Histories;
  readonly metrics: ModelMetrics;
  readonly samples: Samples;
}

/** The images of a run as PNG bytes, `diffusion` as a GIF. */
export type RunImages = Readonly<
  Record<
    | "reconstructions"
    | `completions_${KeptPart}`
    | "samples_sequential"
    | "samples_diffusion"
    | "diffusion_strip_low"
    | "diffusion_strip_high"
    | "training_curves"
    | "diffusion",
    Uint8Array
  >
>;

/** Images side by side in a row, and completions of each image. */
const shown = 8;
const shownCompletions = 3;

/** Draws and writes every image of a run. */
export async function writeImages({ folder }: RunContext<RunSettings>, options: ImageOptions): Promise<RunImages> {
  const { config, histories, samples } = options;
  const write = async (name: string, svg: string) => writePng(join(folder.results, `${name}.png`), svg);
  const completions: Partial<Record<`completions_${KeptPart}`, Uint8Array>> = {};
  for (const part of keptParts) {
    completions[`completions_${part}`] = await write(`completions_${part}`, await completionsOf(options, part));
  }
  const { highTemperature, lowTemperature } = config.sampling;
  const diffusionRows = drawnNames.slice(1).map((name) => sampleRow(samples, name));
  return {
    ...(completions as Record<`completions_${KeptPart}`, Uint8Array>),
    reconstructions: await write("reconstructions", await reconstructions(options)),
    samples_sequential: await write(
      "samples_sequential",
      imageGrid({
        images: firstImages(samples.sequential, 2 * shown),
        ...{ columns: shown, scale: scaleOf(samples.sequential), title: "Samples of the sequential transformer" },
      }),
    ),
    samples_diffusion: await write(
      "samples_diffusion",
      imageRows({ rows: diffusionRows, columns: shown, title: "Samples of the diffusion transformers" }),
    ),
    diffusion_strip_low: await write("diffusion_strip_low", await chainStrip(options, lowTemperature)),
    diffusion_strip_high: await write("diffusion_strip_high", await chainStrip(options, highTemperature)),
    training_curves: await write("training_curves", learningCurves(histories)),
    diffusion: await animateDiffusion(join(folder.results, "diffusion.gif"), options),
  };
}

const scaleOf = ({ width }: ImageBatch) => Math.max(1, Math.round(96 / width));

function sampleRow(samples: Samples, name: DrawnName) {
  return { label: samplerTitles[name], images: firstImages(samples[name], shown) };
}

async function reconstructions({ data, tokenizers }: ImageOptions): Promise<string> {
  const original = firstImages(data.test.images, shown);
  const rows = [
    { label: "original", images: original },
    { label: "squared error", images: await tokenizers["squared-error"].reconstruct(original) },
    { label: "adversarial", images: await tokenizers.adversarial.reconstruct(original) },
  ];
  return imageRows({ rows, columns: shown, title: "Test images and their reconstructions" });
}

const partTitles: Readonly<Record<KeptPart, string>> = {
  half: "Completed from the upper half",
  quarter: "Completed from the upper quarter",
  first: "Completed from the first code",
};

/** Test images, what is kept of them, and completions by both families. */
async function completionsOf(options: ImageOptions, part: KeptPart): Promise<string> {
  const { codes, data, models } = options;
  const images = firstImages(data.test.images, shown);
  const first = firstCodes(codes.test, images.count);
  const repeated = repeatCodes(first, shownCompletions);
  const completed: Record<string, CodeBatch> = {};
  for (const sampler of completers) {
    const label = sampler === "sequential" ? "sequential" : "diffusion";
    completed[label] = await completePart(models, { codes: repeated, part, sampler }, options);
  }
  const kept = keptCount(models.tokenizer.codeGrid, part);
  return drawCompletions(models.tokenizer, { images, codes: first, kept, completed, title: partTitles[part] });
}

/** What {@link drawCompletions} shows. */
export interface Completions {
  /** `[count, …]`; borrowed. */
  readonly images: ImageBatch;
  /** Of the images. */
  readonly codes: CodeBatch;
  /** First codes that are kept of each. */
  readonly kept: number;
  /** By label, several completions of each image one after the other, as `repeatCodes` repeats codes. */
  readonly completed: Readonly<Record<string, CodeBatch>>;
  readonly title: string;
}

/** Each of some images' codes, several times in a row. */
export function repeatCodes(codes: CodeBatch, times: number): CodeBatch {
  return gatherCodes(
    codes,
    Int32Array.from({ length: codes.count * times }, (_, i) => Math.floor(i / times)),
  );
}

/** Draws originals, what was kept of them, and completions below each other, as SVG. */
export async function drawCompletions(tokenizer: VqVae, shownOf: Completions): Promise<string> {
  const { codes, completed, images, kept, title } = shownOf;
  const masked = Uint8Array.from({ length: codes.height * codes.width }, (_, i) => (i < kept ? 0 : 1));
  const completions = [];
  for (const [label, batch] of Object.entries(completed)) {
    completions.push({ label, images: await tokenizer.decode(batch) });
  }
  return completionRows({
    original: images,
    kept: maskedImages(await tokenizer.decode(codes), { grid: tokenizer.codeGrid, masked }),
    ...{ completions, columns: shown, title },
  });
}

/** Frames of a diffusion: the images before its first round and after each, masked codes in gray. */
async function diffusionFrames(
  { config, models, seed, signal }: ImageOptions,
  sampler: DiffusionName,
  { count, temperature }: { readonly count: number; readonly temperature: number },
): Promise<{ readonly label: string; readonly images: ImageBatch }[]> {
  const { tokenizer } = models;
  const states: DenoisedRound[] = [];
  const beginning = nothingKept(tokenizer, count);
  const sampling = sampledAs(config.sampling, { temperature });
  await diffuse(models, sampler, beginning, { sampling, seed, signal, onRound: (state) => void states.push(state) });
  const frames = [];
  for (const { ids, masked, round } of states) {
    // A masked code is none of the codebook's; what it would show is painted over.
    const codes = { ...beginning.codes, data: ids.map((id, i) => (masked[i] === 1 ? 0 : id)) };
    const images = maskedImages(await tokenizer.decode(codes), { grid: tokenizer.codeGrid, masked });
    frames.push({ label: `round ${round}`, images });
  }
  return frames;
}

/** The original chain from noise to images, some rounds from left to right, as SVG. */
async function chainStrip(options: ImageOptions, temperature: number): Promise<string> {
  const frames = await diffusionFrames(options, "chain", { count: 4, temperature });
  return filmStrip({
    ...{ frames, title: "The original chain, from random codes", subtitle: `temperature ${temperature}` },
  });
}

/** Sixteen images that come out of masks, as a GIF; its bytes. */
async function animateDiffusion(path: string, options: ImageOptions): Promise<Uint8Array> {
  const { temperature } = options.config.sampling.masks;
  const frames = (await diffusionFrames(options, "ancestral", { count: 16, temperature })).map(({ images }) => images);
  const sheet = { columns: 4, scale: scaleOf(frames[0]!) };
  const bytes = animateImages(frames, { ...sheet, frameMilliseconds: 200, lastMilliseconds: 2000 });
  await writeFileAtomic(path, bytes);
  return bytes;
}

const stageTitles: Readonly<Record<keyof Histories, string>> = {
  "squared-error": "Image tokenizer, squared error",
  adversarial: "Image tokenizer, adversarial",
  sequential: "Sequential transformer",
  absorbing: "Diffusion transformer, masks",
  chain: "Diffusion transformer, original chain",
};

/** Loss of each training, the tokenizers' reconstruction, and the discriminator's scores; as SVG. */
function learningCurves(histories: Histories): string {
  const { adversarial } = histories;
  const losses = Object.entries(histories).map(([name, history]) => ({
    title: stageTitles[name as keyof Histories],
    yLabel: name === "squared-error" || name === "adversarial" ? "loss" : "nats per code",
    series: [
      { label: "train", style: "steps" as const, ...byStep(history, ({ loss }) => loss) },
      ...("natsPerCode" in (history.epochs[0]?.metrics ?? {})
        ? [{ label: "test", style: "points" as const, ...byEpoch(history, "natsPerCode") }]
        : []),
    ],
    learningRate: byStep(history, ({ learningRate }) => learningRate),
  }));
  const decibels = (name: "squared-error" | "adversarial") => ({
    ...{ title: `Reconstruction, ${name.replace("-", " ")}`, yLabel: "dB, test" },
    series: [{ label: "test", style: "points" as const, ...byEpoch(histories[name], "decibels") }],
  });
  const scores = {
    ...{ title: "The discriminator's mean scores", yLabel: "score" },
    series: [
      { label: "originals", style: "steps" as const, ...byStep(adversarial, ({ metrics }) => metrics.realScore!) },
      {
        label: "reconstructions",
        style: "steps" as const,
        ...byStep(adversarial, ({ metrics }) => metrics.fakeScore!),
      },
    ],
  };
  const panels = [
    losses[0]!,
    decibels("squared-error"),
    losses[1]!,
    decibels("adversarial"),
    scores,
    ...losses.slice(2),
  ];
  return trainingCurves({ title: "Training", panels });
}

function byStep({ steps }: TrainingHistory, value: (record: TrainingHistory["steps"][number]) => number) {
  return { x: steps.map(({ step }) => step), y: steps.map(value) };
}

function byEpoch({ epochs }: TrainingHistory, name: string) {
  return { x: epochs.map(({ step }) => step), y: epochs.map(({ metrics }) => metrics[name]!) };
}

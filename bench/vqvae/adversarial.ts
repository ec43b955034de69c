import { parseArgs } from "node:util";
import { useOnnx } from "@mmgen/backend-onnx";
import {
  type AttributeTable,
  concatImages,
  gatherAttributes,
  gatherImages,
  type ImageBatch,
  Random,
  sliceImages,
} from "@mmgen/core";
import { loadAvatars, loadImageFolder } from "@mmgen/datasets/node";
import { type AttributeClassifier, CodeUsage, frechetDistance, psnr, tableLabels } from "@mmgen/evaluation";
import { imageGrid } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { augmentedImages, constantSchedule, cosineSchedule, imageExamples, muon, train } from "@mmgen/training";
import { type AdversarialOptions, AdversarialVqVae, VqVae, type VqVaeOptions, vqVaePresets } from "@mmgen/vqvae";
import { trainAttributeClassifier } from "mmgen";
import "@mmgen/nn/gradients";
import { formatSpread, meanOf } from "./spread.js";

/**
 * Trains the preset `faces-64` by squared error and Muon, once a seed, and goes on from there by AdamW with one loss after
 * the other, with the same seeds, steps and batches, keeping the average of the weights. The row of another quantizer is
 * trained from the start, for as many steps in all.
 *
 * Prints a Markdown table of means over the seeds given (default 1) with their standard deviations, on images that play no
 * part in the training: dB; `contrast`, the mean difference of neighboring pixels as a share of the originals', which falls
 * as images blur; the Fréchet distance to the training images by a classifier that no loss used, and as a share of the
 * squared error's before; perplexity; milliseconds a step. `--out FILE.png` shows eight originals and each row's
 * reconstructions.
 *
 * `--folder DIR`: images with CelebA's table of attributes, a tenth of them, 1000 at most, for the test; avatars when
 * absent. `--rows 0,1,4`: some of the rows.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: "string" },
    base: { type: "string", default: "1000" },
    steps: { type: "string", default: "300" },
    classifier: { type: "string", default: "300" },
    rows: { type: "string" },
    out: { type: "string" },
  },
});
const seeds = positionals.length > 0 ? positionals.map(Number) : [1];
const [baseSteps, steps, classifierSteps] = [values.base, values.steps, values.classifier].map(Number) as [
  number,
  number,
  number,
];
const batchSize = 8;

/** A row of the table: the losses of the reconstruction, those that need a discriminator, or another quantizer. */
interface Row {
  readonly name: string;
  readonly quantizer?: VqVaeOptions["quantizer"];
  readonly reconstruction?: VqVaeOptions["reconstruction"];
  readonly adversarial?: AdversarialOptions;
}

const constant = (weight: number) => ({ type: "constant", weight }) as const;
const layers = { features: "own", weight: 10 } as const;
const rows: readonly Row[] = [
  { name: "squared error, as many steps more" },
  { name: "half squared error, half L1", reconstruction: { l1: 0.5, squared: 0.5 } },
  { name: "+ feature matching", adversarial: { weighting: constant(0) } },
  { name: "+ feature matching, adversarial, constant weight .05", adversarial: { weighting: constant(0.05) } },
  { name: "+ feature matching, adversarial, adaptive weight", adversarial: {} },
  { name: "+ feature matching, adversarial, adaptive weight, decoder alone", adversarial: { learns: "decoder" } },
  { name: "+ a classifier's layers", adversarial: { perceptual: layers, weighting: constant(0) } },
  {
    name: "+ a classifier's layers, decoder alone",
    adversarial: { perceptual: layers, weighting: constant(0), learns: "decoder" },
  },
  {
    name: "+ a classifier's layers, adversarial, constant weight .04",
    adversarial: { perceptual: layers, weighting: constant(0.04) },
  },
  {
    name: "squared error from the start, codebook by index backpropagation",
    quantizer: { ...vqVaePresets["faces-64"].quantizer, codebook: "index" },
  },
];
const chosen = values.rows?.split(",").map(Number) ?? rows.map((_, i) => i);

await useOnnx();
const data = await readImages();
const isMirrored = values.folder !== undefined;
const shown = sliceImages(data.test.images, 0, 8);
const grids = [shown];
/** A row's measures, seed by seed. */
const measured = new Map<string, number[][]>();
let floor = 0;
for (const seed of seeds) {
  using judge = await classifierOf(seed);
  using compared = await classifierOf(seed + 1);
  const features = await judge.features(data.train.images);
  const measure = async (vqvae: VqVae) => {
    const codes = await vqvae.encode(data.test.images);
    const made = await vqvae.decode(codes);
    const usage = new CodeUsage(vqvae.codeLayout);
    usage.add(codes.data);
    if (seed === seeds[0]) {
      grids.push(sliceImages(made, 0, 8));
    }
    const distance = await distanceOf(made);
    return [
      psnr(data.test.images, made),
      contrastOf(made) / contrastOf(data.test.images),
      distance,
      usage.perplexity(),
    ];
  };
  const distanceOf = async (images: ImageBatch) =>
    frechetDistance(features, await judge.features(images), { dimension: judge.featureWidth });
  floor += (await distanceOf(data.test.images)) / seeds.length;
  const { milliseconds, ...started } = await trainFromTheStart(seed, vqVaePresets["faces-64"], baseSteps);
  using base = started.vqvae;
  const file = await base.toSafetensors();
  const before = [...(await measure(base)), milliseconds];
  add("squared error", before, before);
  for (const index of chosen) {
    const row = rows[index]!;
    const found =
      row.quantizer === undefined
        ? await goOn(file, row, { seed, compared })
        : await trainFromTheStart(seed, { ...vqVaePresets["faces-64"], quantizer: row.quantizer }, baseSteps + steps);
    using vqvae = found.vqvae;
    add(row.name, [...(await measure(vqvae)), found.milliseconds], before);
  }
}
console.log(`Test images: a distance of ${floor.toPrecision(3)}.\n`);
console.log("| loss | dB | contrast | Fréchet distance | of the squared error's | perplexity | ms a step |");
console.log("|---|---|---|---|---|---|---|");
for (const [name, all] of measured) {
  const cell = (column: number, digits: number) => {
    const found = all.map((row) => row[column]!);
    return meanOf(found).toFixed(digits) + formatSpread(found, digits);
  };
  const cells = [cell(0, 2), cell(1, 2), cell(2, 2), cell(5, 2), cell(3, 0), cell(4, 0)];
  console.log(`| ${[name, ...cells].join(" | ")} |`);
}
if (values.out !== undefined) {
  await writePng(values.out, imageGrid({ images: concatImages(grids), columns: 8 }));
}

/** Adds a seed's measures to a row, and the distance's share of that before. */
function add(name: string, measures: readonly number[], before: readonly number[]): void {
  measured.set(name, [...(measured.get(name) ?? []), [...measures, measures[2]! / before[2]!]]);
  console.error(`${name}: ${measures.map((value) => value.toPrecision(4)).join(" ")}`);
}

function classifierOf(seed: number): Promise<AttributeClassifier> {
  const { attributes, images } = data.train;
  return trainAttributeClassifier({ ...tableLabels(attributes), images, trunk: "image", steps: classifierSteps, seed });
}

async function trainFromTheStart(
  seed: number,
  options: VqVaeOptions,
  steps: number,
): Promise<{ readonly vqvae: VqVae; readonly milliseconds: number }> {
  const random = Random.fromSeed(seed);
  const vqvae = VqVae.create(options, { random: random.fork("weights") });
  const settings = common(random.fork("training"), { steps, learningRate: 3e-3, warmUpSteps: 100 });
  const started = performance.now();
  await train({ model: vqvae, ...settings, optimizer: muon(settings.optimizer) });
  return { vqvae, milliseconds: (performance.now() - started) / steps };
}

async function goOn(
  file: Uint8Array,
  { adversarial, reconstruction }: Row,
  { compared, seed }: { readonly compared: AttributeClassifier; readonly seed: number },
): Promise<{ readonly vqvae: VqVae; readonly milliseconds: number }> {
  const random = Random.fromSeed(seed).fork("going on");
  const vqvae = reconstruction === undefined ? VqVae.fromSafetensors(file) : await withLoss(file, reconstruction);
  const settings = {
    ...common(random.fork("training"), { steps, learningRate: 1e-3, warmUpSteps: 50 }),
    weightAverage: { decay: 0.99 },
  };
  const started = performance.now();
  if (adversarial === undefined) {
    await train({ model: vqvae, ...settings });
  } else {
    const isOwn = adversarial.perceptual?.features === "own";
    using model = AdversarialVqVae.create(
      vqvae,
      { startStep: 50, rampSteps: 100, ...adversarial },
      { random: random.fork("adversary"), ...(isOwn && { features: (pixels) => compared.layers(pixels) }) },
    );
    const adversary = {
      optimizer: { beta1: 0.5, beta2: 0.9, weightDecay: 0 },
      schedule: constantSchedule(5e-4),
    };
    await train({ model, ...settings, adversary });
  }
  return { vqvae, milliseconds: (performance.now() - started) / steps };
}

/** The same weights under another loss of the reconstruction. */
async function withLoss(file: Uint8Array, reconstruction: VqVaeOptions["reconstruction"]): Promise<VqVae> {
  using from = VqVae.fromSafetensors(file);
  const vqvae = VqVae.create({ ...from.config, reconstruction }, { random: Random.fromSeed(0) });
  for (const of of ["parameters", "buffers"] as const) {
    for (const [name, variable] of from[of]) {
      vqvae[of].get(name)!.assign(variable);
    }
  }
  return vqvae;
}

function common(
  random: Random,
  {
    learningRate,
    steps,
    warmUpSteps,
  }: { readonly steps: number; readonly learningRate: number; readonly warmUpSteps: number },
) {
  return {
    examples: augmentedImages(imageExamples(data.train.images), { flip: isMirrored }),
    ...{ batchSize, steps, random },
    schedule: cosineSchedule({ learningRate, totalSteps: steps, warmUpSteps: Math.min(warmUpSteps, steps) }),
    optimizer: { clipNorm: 1, weightDecay: 0, beta2: 0.99 },
  };
}

interface Captioned {
  readonly images: ImageBatch;
  readonly attributes: AttributeTable;
}

async function readImages(): Promise<{ readonly train: Captioned; readonly test: Captioned }> {
  if (values.folder === undefined) {
    return loadAvatars({ seed: 1, trainCount: 5000, testCount: 1000, side: 64 });
  }
  const { train: all } = await loadImageFolder({
    ...{ folder: values.folder, side: 64, captions: "celeba-attributes", seed: 1 },
  });
  const { count } = all.images;
  const order = Random.fromSeed(1).permutation(count);
  const pick = (indices: Int32Array) => ({
    images: gatherImages(all.images, indices),
    attributes: gatherAttributes(all.attributes!, indices),
  });
  const tested = Math.min(1000, Math.floor(count / 10));
  return { train: pick(order.subarray(tested)), test: pick(order.subarray(0, tested)) };
}

/** Mean absolute difference of neighbors in a row, in levels. */
function contrastOf({ channels, data, width }: ImageBatch): number {
  let sum = 0;
  let count = 0;
  for (let i = channels; i < data.length; i++) {
    if (Math.floor(i / channels) % width > 0) {
      sum += Math.abs(data[i]! - data[i - channels]!);
      count++;
    }
  }
  return sum / count;
}

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type CodeBatch, sliceImages } from "@mmgen/core";
import { readFileText, writeFileAtomic } from "@mmgen/core/node";
import { formatPercent, type RunContext, type RunFolder } from "@mmgen/example-harness";
import {
  type CurvePanel,
  codebookUsage,
  confusionMatrix,
  imageGrid,
  reconstructionGrid,
  timingChart,
  trainingCurves,
} from "@mmgen/plots";
import { writeGif, writePng } from "@mmgen/plots/node";
import type { TrainingHistory } from "@mmgen/training";
import { codeUsage, type FamilyParts, type PairScore } from "mmgen";
import type { RunSettings } from "./config.js";
import { type AttributeName, attributeTitle, digitAttributes, type RunDataset } from "./data.js";
import { completeParts, methodsOf } from "./generate.js";
import type { ModelMetrics, Readings, RunMetrics, Samples, ShownSamples } from "./measure.js";

/** What the images of a run show. */
export interface ImageOptions extends Pick<RunMetrics, "histories"> {
  readonly data: RunDataset;
  readonly models: FamilyParts;
  /** The test images' codes. */
  readonly codes: CodeBatch;
  readonly metrics: ModelMetrics;
  readonly samples: Samples;
}

/** The images of a run, by the name of their file, as PNG bytes; `samples_by_epoch` is a GIF. */
export type RunImages = NamedImages & {
  /** By attribute, where there are attributes. */
  readonly confusion?: Readonly<Record<`${"drawn" | "captioned"}_${AttributeName}`, Uint8Array>> | undefined;
  readonly samples_by_epoch: Uint8Array;
  /** What a model of the family `diffusion` made of parts of images. */
  readonly completed: readonly Uint8Array[];
};

type NamedImages = { readonly [Name in keyof ReturnType<typeof imagesOf>]: Uint8Array };

/** Test images shown beside their reconstructions. */
const shownReconstructions = 10;

const drawnTitles = { title: "Drawn from a caption", rowTitle: "asked for", columnTitle: "read as" };
const captionedTitles = { title: "Captions written for an image", rowTitle: "shown", columnTitle: "said" };

/** Draws and writes every image of a run. */
export async function writeImages(
  { folder, settings }: RunContext<RunSettings>,
  options: ImageOptions,
): Promise<RunImages> {
  const { data, models, samples } = options;
  const write = async (name: string, svg: string | Promise<string>) =>
    writePng(join(folder.results, `${name}.png`), await svg);
  const compared = sliceImages(data.test.images, 0, Math.min(shownReconstructions, data.test.images.count));
  const reconstructed = await models.vqvae.reconstruct(compared);
  const written: [string, Uint8Array][] = [];
  for (const [name, svg] of Object.entries(imagesOf(options, { compared, reconstructed }))) {
    written.push([name, await write(name, svg)]);
  }
  const completed: Uint8Array[] = [];
  for (const [name, svg] of Object.entries(await completeParts(options.models, options.data.test.images, settings))) {
    completed.push(await write(`completions_${name}`, svg));
  }
  const images = Object.fromEntries(written) as NamedImages;
  const [drawn, captioned] = [samples.textToImage.readings, samples.imageToText.readings];
  const confusion: Record<string, Uint8Array> = {};
  for (const [name, classes] of Object.entries(data.attributes?.classes ?? {})) {
    if (drawn && captioned) {
      const file = confusionFiles[name] ?? name.replace(/\W+/g, "_");
      confusion[`drawn_${name}`] = await write(
        `confusion_${file}`,
        confusionOf(name, drawn, { ...drawnTitles, classes }),
      );
      confusion[`captioned_${name}`] = await write(
        `confusion_captioned_${file}`,
        confusionOf(name, captioned, { ...captionedTitles, classes }),
      );
    }
  }
  return {
    ...images,
    completed,
    ...(drawn && { confusion: confusion as NonNullable<RunImages["confusion"]> }),
    samples_by_epoch: await animateEpochSamples(folder),
  };
}

const confusionFiles: Readonly<Record<AttributeName, string>> = {
  digitColor: "digit_color",
  backgroundColor: "background",
};

function imagesOf(
  { codes, data, histories, metrics, models, samples }: ImageOptions,
  reconstructions: Record<"compared" | "reconstructed", ImageOptions["data"]["test"]["images"]>,
) {
  const { captions, images } = data.train;
  return {
    dataset_samples: imageGrid({
      images: sliceImages(images, 0, Math.min(9, images.count)),
      captions: captions.slice(0, 9),
      title: "What the models learn from",
    }),
    training_curves: learningCurves(histories),
    reconstructions: reconstructionGrid({
      original: reconstructions.compared,
      reconstruction: reconstructions.reconstructed,
      subtitle: "test images above their reconstructions from codes",
    }),
    text_conditioned_samples: samplesGrid(drawnTitles.title, samples.textToImage),
    image_conditioned_samples: samplesGrid(captionedTitles.title, samples.imageToText),
    unconditional_samples: samplesGrid("Invented, image and caption", samples.unconditional),
    codebook_usage: codebookUsage({ counts: codeUsage(models.vqvae, codes).counts }),
    ...(metrics.likelihood.byOrder && { likelihood_by_position: positionCurves(metrics.likelihood.byOrder) }),
    generation_timing: timingChart({
      title: `Generating ${metrics.timing.rows} pairs`,
      xLabel: metrics.timing.counted,
      series: metrics.timing.series,
    }),
  };
}

function samplesGrid(title: string, { captions, images, marks, readings }: ShownSamples): string {
  return imageGrid({
    images,
    captions,
    title,
    ...(marks && { marks }),
    ...(readings && { subtitle: agreementLine(readings) }),
  });
}

/** "right of 200: digit 97 %, digit color 95 %, background 100 %, all 93 %". */
export function agreementLine({ agreement }: Pick<Readings, "agreement">): string {
  const shares = Object.entries(agreement.accuracy).map(
    ([name, share]) => `${attributeTitle(name)} ${formatPercent(share)}`,
  );
  return `right of ${agreement.count}: ${shares.join(", ")}, all ${formatPercent(agreement.allRight)}`;
}

/** What was asked for against what was found, as SVG. What cannot be read at all has a column of its own. */
export function confusionOf(
  name: AttributeName,
  readings: Pick<Readings, "asked" | "found">,
  {
    classes: labels = digitAttributes.classes[name]!,
    ...titles
  }: {
    readonly title: string;
    readonly rowTitle: string;
    readonly columnTitle: string;
    /** Names of the attribute's classes; a digit's when absent. */
    readonly classes?: readonly string[];
  },
): string {
  const [asked, found] = [readings.asked[name]!, readings.found[name]!];
  const hasUnread = Array.from(found).some((label) => label < 0);
  const columnLabels = hasUnread ? [...labels, "none"] : labels;
  const counts = labels.map(() => new Array<number>(columnLabels.length).fill(0));
  for (let i = 0; i < asked.length; i++) {
    const column = found[i]! < 0 ? labels.length : found[i]!;
    // A caption that names nothing asks for nothing.
    if (asked[i]! >= 0) {
      counts[asked[i]!]![column]!++;
    }
  }
  const title = `${titles.title}: ${attributeTitle(name)}`;
  return confusionMatrix({ counts, labels, columnLabels, ...titles, title, subtitle: "per cent of a row" });
}

/** Loss and learning rate by step, and test metrics by epoch, of the models that were trained; as SVG. */
function learningCurves({ transformer, vqvae }: RunMetrics["histories"]) {
  const isOrdered = transformer.epochs[0]?.metrics["text-first"] !== undefined;
  return trainingCurves({
    title: "Training",
    panels: [
      ...(vqvae ? tokenizerPanels(vqvae) : []),
      {
        title: "Transformer",
        yLabel: "nats per id",
        series: [
          { label: "train, as weighted", style: "steps", ...byStep(transformer, ({ loss }) => loss) },
          { label: "test", style: "points", ...byEpoch(transformer, "natsPerId") },
        ],
        learningRate: byStep(transformer, ({ learningRate }) => learningRate),
      },
      ...(isOrdered
        ? [
            {
              title: "Transformer by order",
              yLabel: "nats per id, test",
              series: [
                { label: "text first", style: "points" as const, ...byEpoch(transformer, "text-first") },
                { label: "image first", style: "points" as const, ...byEpoch(transformer, "image-first") },
              ],
            },
          ]
        : []),
    ],
  });
}

/** Test loss by the predicted id's place in the sequence; as SVG. */
function positionCurves(byOrder: NonNullable<PairScore["byOrder"]>) {
  return trainingCurves({
    panels: [
      {
        title: "Test loss by position",
        yLabel: "nats per id",
        xLabel: "place of the predicted id",
        fromZero: true,
        series: [
          { label: "text first", style: "points", y: byOrder["text-first"].byPosition },
          { label: "image first", style: "points", y: byOrder["image-first"].byPosition },
        ],
      },
    ],
  });
}

function byStep({ steps }: TrainingHistory, value: (record: TrainingHistory["steps"][number]) => number) {
  return { x: steps.map(({ step }) => step), y: steps.map(value) };
}

function byEpoch({ epochs }: TrainingHistory, name: string) {
  return { x: epochs.map(({ step }) => step), y: epochs.map(({ metrics }) => metrics[name]!) };
}

/** Captions drawn after every epoch, and epochs drawn at most: of more, every second, third and so on, and the last. */
const epochCaptions = 9;
const maxFrames = 30;

const epochFolder = ({ results }: RunFolder) => join(results, "epochs");

/** Removes what an earlier run drew after its epochs. */
export async function clearEpochSamples(folder: RunFolder): Promise<void> {
  await rm(epochFolder(folder), { recursive: true, force: true });
}

/** Draws the same captions after every epoch, as files of their own, so that a resumed run has them all. */
export async function drawEpochSamples(
  { folder, settings, signal }: RunContext<RunSettings>,
  models: FamilyParts,
  sample: { readonly captions: readonly string[]; readonly epoch: number; readonly epochs: number },
): Promise<void> {
  if (sample.epoch % Math.ceil(sample.epochs / maxFrames) !== 0 && sample.epoch !== sample.epochs) {
    return;
  }
  const captions = sample.captions.slice(0, epochCaptions);
  const images = await methodsOf(models, settings.config).draw(captions, { seed: settings.seed, signal });
  const subtitle = sample.epoch === 0 ? "before training" : `after epoch ${sample.epoch}`;
  const svg = imageGrid({ images, captions, title: "Drawn from a caption", subtitle });
  await writeFileAtomic(join(epochFolder(folder), `${String(sample.epoch).padStart(3, "0")}.svg`), svg);
}

/** Joins the drawings of all epochs to `samples_by_epoch.gif`; its bytes. */
async function animateEpochSamples(folder: RunFolder): Promise<Uint8Array> {
  const files = (await readdir(epochFolder(folder))).filter((file) => file.endsWith(".svg")).sort();
  const frames = await Promise.all(files.map((file) => readFileText(join(epochFolder(folder), file), "frame")));
  return writeGif(join(folder.results, "samples_by_epoch.gif"), frames, { frameMilliseconds: 600 });
}

function tokenizerPanels(vqvae: TrainingHistory): CurvePanel[] {
  return [
    {
      title: "Image tokenizer",
      yLabel: "loss",
      series: [
        { label: "train", style: "steps", ...byStep(vqvae, ({ loss }) => loss) },
        { label: "test", style: "points", ...byEpoch(vqvae, "heldOutLoss") },
      ],
      learningRate: byStep(vqvae, ({ learningRate }) => learningRate),
      scale: "log",
    },
    {
      title: "Reconstruction",
      yLabel: "share of levels exactly right, test",
      series: [{ label: "test", style: "points", ...byEpoch(vqvae, "exactLevelAccuracy") }],
    },
  ];
}

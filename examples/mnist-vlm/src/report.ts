import { join } from "node:path";
import { writeFileAtomic } from "@mmgen/core/node";
import { formatDuration, formatPercent, formatRunTime, type RunFolder, textTable } from "@mmgen/example-harness";
import { accuracyMargin, htmlReport, type ReportFact, type ReportSection, type ReportTable } from "@mmgen/plots";
import type { RunSettings } from "./config.js";
import type { ImageMetrics, LineMetrics, Mistake } from "./evaluate.js";
import { isOfMnist, publishedMetrics, type RunHistories, type RunImages } from "./plots.js";

/** Everything a run measured, as `metrics.json` holds it. */
export interface RunMetrics extends LineMetrics {
  readonly settings: RunSettings;
  readonly source: string;
  readonly backend: string;
  /** The examples of the accuracies: "test images" or "validation lines". */
  readonly evaluatedOn: string;
  /** Absent where a run was given lines instead of images. */
  readonly imageMetrics?: ImageMetrics;
  /** Whether the run went on from what an earlier process had left. */
  readonly resumed: boolean;
  /** Wall-clock seconds by stage, of the last process alone. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly histories: RunHistories;
}

/** Writes `report.html`: the run's images and metrics in one file that needs nothing else. */
export async function writeReport(
  folder: Pick<RunFolder, "results">,
  metrics: RunMetrics,
  images: RunImages,
): Promise<void> {
  const html = htmlReport({
    title: "An image as eight letters",
    lead:
      `Trained from nothing in ${formatRunTime(metrics)}: a VQ-VAE encodes a digit as a word of eight letters, ` +
      "and one small GPT learns lines of characters with word and digit, in either order. Asked one way it classifies, asked the other it draws.",
    facts: factsOf(metrics),
    sections: [
      { heading: "Metrics", table: metricsTable(metrics) },
      classificationSection(metrics, images),
      ...drawingSection(images),
      {
        heading: "The letters",
        text: "Each place has its own meaning; which letters a digit is written with was learned from images alone.",
        images: [{ image: images.logos, alt: "Sequence logos of the letters of each digit" }],
      },
      ...codecSection(images),
      {
        heading: "Training",
        images: [{ image: images.curves, alt: "Loss curves of VQ-VAE and transformer" }],
        table: {
          columns: ["stage", "time"],
          rows: Object.entries(metrics.seconds).map(([stage, seconds]) => [stage, formatDuration(seconds)]),
        },
      },
      { heading: "The data", text: metrics.source },
      { heading: "Settings", code: JSON.stringify(metrics.settings, null, 2) },
    ],
    footer: `Backend: ${metrics.backend}.`,
  });
  await writeFileAtomic(join(folder.results, "report.html"), html);
}

function classificationSection(
  { classification, evaluatedOn, mistakes }: RunMetrics,
  images: RunImages,
): ReportSection {
  const common = mistakes.map(formatMistake).join("; ") || "none";
  return {
    heading: "Classification",
    text: `The likeliest of the ten digits after "image:ABCDEFGH, number:", for ${classification.count} ${evaluatedOn}. Commonest mistakes: ${common}.`,
    images: [
      { image: images.accuracy, alt: "Accuracy by checkpoint with its 95 % interval" },
      { image: images.confusion, alt: "Confusion matrix of the ten digits" },
    ],
  };
}

function drawingSection({ generated }: RunImages): ReportSection[] {
  const [first, last] = [generated?.[0], generated?.at(-1)];
  if (!first || !last) {
    return [];
  }
  const shown = first === last ? [last] : [first, last];
  return [
    {
      heading: "Drawing",
      text: "Letters sampled one by one after a digit's name, and decoded to an image by the VQ-VAE: from the first checkpoint and from the last.",
      images: shown.map(({ step, image }) => ({ image, alt: `Ten rows of digits drawn after ${step} steps` })),
    },
  ];
}

function codecSection({ reconstructions, latents }: RunImages): ReportSection[] {
  if (!reconstructions || !latents) {
    return [];
  }
  return [
    {
      heading: "What the letters keep of an image",
      images: [
        { image: reconstructions, alt: "Test images above their reconstructions" },
        { image: latents, alt: "Latents of test images in the plane, colored by digit" },
      ],
    },
  ];
}

function factsOf({ classification, evaluatedOn, imageMetrics }: RunMetrics): ReportFact[] {
  const { correct, count } = classification;
  const facts = [
    {
      label: "classified correctly",
      value: formatPercent(correct / count),
      note: `${count} ${evaluatedOn}, ± ${formatPercent(accuracyMargin({ correct, count }))}`,
    },
  ];
  if (imageMetrics) {
    const { drawn, vqvae } = imageMetrics;
    facts.push(
      {
        label: "drawn as asked",
        value: formatPercent(drawn.correct / drawn.count),
        note: `${drawn.count} drawn digits`,
      },
      { label: "reconstruction", value: vqvae.meanSquaredError.toFixed(4), note: "squared error on [0, 1]" },
    );
  }
  return facts;
}

/** A metric, and the published value where there is one. */
type Measured = readonly [measure: string, here: number, published?: number];

/** The run's metrics, beside the published ones where they are of the same images. */
export function metricsTable(metrics: RunMetrics): ReportTable {
  const measured = [...ofLines(metrics), ...ofImages(metrics)];
  if (!isOfMnist(metrics)) {
    return { columns: ["metric", "here"], rows: measured.map(([measure, here]) => [measure, here.toFixed(4)]) };
  }
  return {
    columns: ["metric", "here", "published"],
    rows: measured.map(([measure, here, published]) => [measure, here.toFixed(4), published?.toString() ?? "–"]),
  };
}

function ofLines({ classification, evaluatedOn, likelihood, sampledClassification }: RunMetrics): Measured[] {
  const { correct, count } = sampledClassification;
  return [
    [
      `accuracy, ${classification.count} ${evaluatedOn}, likeliest digit`,
      classification.correct / classification.count,
    ],
    [`the same, first ${count}, sampled at temperature 0.8`, correct / count, publishedMetrics.accuracy],
    ["nats a character, without padding", likelihood.natsPerCharacter],
    ["nats a character, counted as published", likelihood.natsAsPublished],
    ["nats a letter of an image that is drawn", likelihood.natsPerLetter],
  ];
}

function ofImages({ imageMetrics, settings }: RunMetrics): Measured[] {
  if (!imageMetrics) {
    return [];
  }
  const { classifier, drawn, vqvae } = imageMetrics;
  const { chunks, codebookSize } = settings.config.vqvae;
  const bits = (chunks * Math.log2(codebookSize)).toFixed(1);
  return [
    [`squared error on [0, 1] of test images, ${bits} bits`, vqvae.meanSquaredError, publishedMetrics.meanSquaredError],
    [`drawn digits classified as asked, of ${drawn.count}`, drawn.correct / drawn.count],
    ["the attribute classifier on real test images", classifier.onTestImages],
    ["the attribute classifier on their reconstructions", classifier.onReconstructions],
  ];
}

/** `4 as 9: 3.1 % (31)`. */
export function formatMistake({ shown, predicted, count, share }: Mistake): string {
  return `${shown} as ${predicted}: ${(100 * share).toFixed(1)} % (${count})`;
}

/** The lines that end a run: where the data came from, how good it is, how long it took, where to look. */
export function summarize(metrics: RunMetrics, folder: Pick<RunFolder, "results">): string {
  const { accuracies, imageMetrics, mistakes } = metrics;
  const stages = Object.entries(metrics.seconds).map(
    ([stage, seconds]) => `${stage.toLowerCase()} ${formatDuration(seconds)}`,
  );
  const byCheckpoint = accuracies.map(({ step, correct, count }) => `${step}: ${(correct / count).toFixed(3)}`);
  const facts: (readonly [string, string])[] = [
    ["data", metrics.source],
    ["by checkpoint", byCheckpoint.join(", ")],
    ["mistakes", mistakes.slice(0, 5).map(formatMistake).join("; ") || "none"],
    ...(imageMetrics ? [["drawn as asked", imageMetrics.drawn.byDigit.join(" ")] as const] : []),
    ["time", `${formatRunTime(metrics)} (${stages.join(", ")})`],
    ["look at", join(folder.results, "report.html")],
  ];
  const { columns, rows } = metricsTable(metrics);
  return `\n${textTable(facts)}\n\n${textTable([columns, ...rows])}\n`;
}

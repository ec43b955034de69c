import { join } from "node:path";
import { writeFileAtomic } from "@mmgen/core/node";
import { minutes, percent, type RunFolders, trainingTime } from "@mmgen/example-common";
import { accuracyMargin, htmlReport, type ReportSection, type ReportTable } from "@mmgen/plots";
import { isOfMnist, publishedFigures } from "./published-figures.js";
import { mistakeLine } from "./read-digits.js";
import type { RunMetrics } from "./run-metrics.js";

/** A run's images as PNG bytes. */
export interface RunImages {
  readonly accuracy: Uint8Array;
  readonly confusion: Uint8Array;
  readonly curves: Uint8Array;
  readonly logos: Uint8Array;
  /** Absent where a run was given lines instead of images. */
  readonly reconstructions?: Uint8Array;
  readonly latents?: Uint8Array;
  /** By step, in order. */
  readonly generated?: readonly { readonly step: number; readonly image: Uint8Array }[];
}

/** Writes `report.html`: the run's images and figures in one file that needs nothing else. */
export async function writeReport(folders: RunFolders, metrics: RunMetrics, images: RunImages): Promise<void> {
  const { evaluatedOn, mistakes, reading } = metrics;
  const html = htmlReport({
    title: "An image as eight letters",
    lead:
      `Trained from nothing in ${trainingTime(metrics)}: one autoencoder writes a digit as a word of eight letters, ` +
      "and one small GPT learns lines of characters that name word and digit, in either order. Asked one way it reads, asked the other it draws.",
    facts: factsOf(metrics),
    sections: [
      { heading: "How good it is", table: figureTable(metrics) },
      {
        heading: "Reading",
        text: `The likeliest of the ten digits after "image:ABCDEFGH, number:", for ${reading.count} ${evaluatedOn}. Commonest mistakes: ${mistakes.map(mistakeLine).join("; ") || "none"}.`,
        images: [
          { image: images.accuracy, alt: "Accuracy by checkpoint with its 95 % interval" },
          { image: images.confusion, alt: "Confusion matrix of the ten digits" },
        ],
      },
      ...drawingSection(images),
      {
        heading: "The letters",
        text: "Each place has its own meaning; which letters a digit is written with was learned from images alone.",
        images: [{ image: images.logos, alt: "Sequence logos of the letters of each digit" }],
      },
      ...letterSection(images),
      {
        heading: "Training",
        images: [{ image: images.curves, alt: "Curves of both trainings" }],
        table: {
          columns: ["stage", "time"],
          rows: Object.entries(metrics.seconds).map(([stage, seconds]) => [stage, minutes(seconds)]),
        },
      },
      { heading: "The data", text: metrics.source },
      { heading: "Settings", code: JSON.stringify(metrics.settings, null, 2) },
    ],
    footer: `Backend: ${metrics.backend}.`,
  });
  await writeFileAtomic(join(folders.results, "report.html"), html);
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
      text: "Letters drawn one by one after a digit's name, and turned into an image by the autoencoder: from the first checkpoint and from the last.",
      images: shown.map(({ step, image }) => ({ image, alt: `Ten rows of digits drawn after ${step} steps` })),
    },
  ];
}

function letterSection({ reconstructions, latents }: RunImages): ReportSection[] {
  if (!reconstructions || !latents) {
    return [];
  }
  return [
    {
      heading: "What the letters keep",
      images: [
        { image: reconstructions, alt: "Test images above their reconstructions" },
        { image: latents, alt: "Latents of test images in the plane, colored by digit" },
      ],
    },
  ];
}

function factsOf(metrics: RunMetrics) {
  const { reading, evaluatedOn, imageMetrics } = metrics;
  const facts = [
    {
      label: "read right",
      value: percent(reading.right / reading.count),
      note: `${reading.count} ${evaluatedOn}, ± ${percent(accuracyMargin({ correct: reading.right, count: reading.count }))}`,
    },
  ];
  if (imageMetrics) {
    const { drawn, tokenizer } = imageMetrics;
    facts.push(
      { label: "drawn as asked", value: percent(drawn.right / drawn.count), note: `${drawn.count} drawn digits` },
      { label: "reconstruction", value: tokenizer.meanSquaredError.toFixed(4), note: "squared error on [0, 1]" },
    );
  }
  return facts;
}

/** A figure, and the published one where there is any. */
type Figure = readonly [measure: string, here: number, published?: number];

/** The run's figures, beside the published ones where they are of the same images; for the report and for the terminal. */
export function figureTable(metrics: RunMetrics): ReportTable {
  const figures = [...lineMeasures(metrics), ...imageMeasures(metrics)];
  if (!isOfMnist(metrics)) {
    return { columns: ["measure", "here"], rows: figures.map(([measure, here]) => [measure, here.toFixed(4)]) };
  }
  return {
    columns: ["measure", "here", "published"],
    rows: figures.map(([measure, here, published]) => [measure, here.toFixed(4), published?.toString() ?? "–"]),
  };
}

function lineMeasures({ evaluatedOn, likelihood, reading, sampledReading }: RunMetrics): Figure[] {
  return [
    [`read right, ${reading.count} ${evaluatedOn}, likeliest digit`, reading.right / reading.count],
    [
      `the same, first ${sampledReading.count}, drawn at temperature 0.8`,
      sampledReading.right / sampledReading.count,
      publishedFigures.readRight,
    ],
    ["nats a character, without padding", likelihood.natsPerCharacter],
    ["nats a character, counted as published", likelihood.natsAsPublished],
    ["nats a letter of an image that is drawn", likelihood.natsPerLetter],
  ];
}

function imageMeasures({ imageMetrics, settings }: RunMetrics): Figure[] {
  if (!imageMetrics) {
    return [];
  }
  const { classifier, drawn, tokenizer } = imageMetrics;
  const { chunks, codebookSize } = settings.config.tokenizer;
  const bits = (chunks * Math.log2(codebookSize)).toFixed(1);
  return [
    [
      `squared error on [0, 1] of test images, ${bits} bits`,
      tokenizer.meanSquaredError,
      publishedFigures.meanSquaredError,
    ],
    [`drawn digits read as asked, of ${drawn.count}`, drawn.right / drawn.count],
    ["the judge on real test images", classifier.onTestImages],
    ["the judge on their reconstructions", classifier.onReconstructions],
  ];
}

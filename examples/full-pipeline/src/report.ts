import { join } from "node:path";
import { writeFileAtomic } from "@mmgen/core/node";
import { captionWords } from "@mmgen/datasets";
import type { AttributeAgreement } from "@mmgen/evaluation";
import { formatDuration, formatPercent, formatRunTime, type RunContext, textTable } from "@mmgen/example-harness";
import { htmlReport, type ReportSection, type ReportTable } from "@mmgen/plots";
import type { LikelihoodBound, OrderLikelihood, PairLikelihood, PairScore } from "mmgen";
import type { RunSettings } from "./config.js";
import { type AttributeName, attributeTitle } from "./data.js";
import type { AttributeMetrics, InventionMetrics, ModelMetrics, RunMetrics } from "./measure.js";
import type { RunImages } from "./plots.js";

/** Writes `report.html`: the run's images and metrics in one file that needs nothing else. */
export async function writeReport(
  { folder }: RunContext<RunSettings>,
  metrics: RunMetrics,
  images: RunImages,
): Promise<void> {
  const html = htmlReport({
    title: "One model that draws, captions and invents",
    lead:
      `Trained from nothing in ${formatRunTime(metrics)}: an image tokenizer turns each image into ` +
      `${metrics.codes.count} codes, and one transformer learns codes and caption words as a single sequence.`,
    facts: headline(metrics),
    sections: [...sampleSections(metrics, images), ...modelSections(metrics, images)],
    footer: `Backend: ${metrics.backend}.`,
  });
  await writeFileAtomic(join(folder.results, "report.html"), html);
}

function headline({ attributes, likelihood, vqvae }: RunMetrics) {
  const rightOf = (label: string, { allRight, count }: AttributeAgreement<AttributeName>, what: string) => ({
    label,
    value: formatPercent(allRight),
    note: `all attributes, ${count} ${what}`,
  });
  return [
    ...(attributes
      ? [
          rightOf("drawn as asked", attributes.textToImage, "images"),
          rightOf("captioned right", attributes.imageToText, "captions"),
        ]
      : []),
    { label: "levels reconstructed", value: formatPercent(vqvae.exactLevelAccuracy), note: "exactly, test images" },
    {
      label: "test loss",
      value: likelihood.natsPerId.toFixed(3),
      note: `nats per id, ${likelihood.natsPerSequence.toFixed(1)} per pair, ${likelihood.bitsPerPixel.toFixed(3)} bits per pixel`,
    },
  ];
}

function sampleSections({ attributes, invention, settings }: RunMetrics, images: RunImages): ReportSection[] {
  const tick = attributes ? " A tick says that a classifier trained on real images finds all attributes as asked." : "";
  return [
    {
      heading: "Drawn from captions",
      text: `Each caption is new to the model together with its image: it comes from the test part.${tick}`,
      images: [
        { image: images.text_conditioned_samples, alt: "Nine images drawn from captions" },
        { image: images.samples_by_epoch, alt: "The same nine captions drawn after every epoch" },
      ],
    },
    {
      heading: "Captions for images",
      text: "The same model in the other direction: a test image's codes in, the likeliest words out.",
      images: [{ image: images.image_conditioned_samples, alt: "Nine test images with the captions the model wrote" }],
    },
    {
      heading: "Invented pairs",
      text: `Without a prompt the model ${settings.family === "diffusion" ? "finds an image and a caption together" : "chooses an order, an image and a caption"}. ${inventionLine(invention)}.`,
      images: [{ image: images.unconditional_samples, alt: "Nine invented images with invented captions" }],
    },
    ...(images.completed.length > 0
      ? [
          {
            heading: "Completed",
            text: "Parts of test images are kept, and the model finds the rest and a caption. The kept codes come from an encoder that saw the whole image.",
            images: images.completed.map((image) => ({ image, alt: "Test images completed from a part of them" })),
          },
        ]
      : []),
    ...(attributes && images.confusion ? [attributeSection(attributes, images.confusion)] : []),
  ];
}

function attributeSection(attributes: AttributeMetrics, confusion: NonNullable<RunImages["confusion"]>): ReportSection {
  const warning = classifierWarning(attributes);
  return {
    heading: "How often it is right",
    ...(warning !== undefined && { text: warning }),
    table: attributeTable(attributes),
    images: Object.keys(attributes.textToImage.accuracy).flatMap((name) => [
      { image: confusion[`drawn_${name}`]!, alt: `${attributeTitle(name)}: asked for against drawn` },
      { image: confusion[`captioned_${name}`]!, alt: `${attributeTitle(name)}: shown against said` },
    ]),
  };
}

function modelSections(metrics: RunMetrics, images: RunImages): ReportSection[] {
  const { codes, likelihood, settings, timing, vqvae } = metrics;
  return [
    {
      heading: "The image tokenizer",
      text: `Mean squared error ${vqvae.meanSquaredError.toFixed(4)} on [0, 1]; codebook perplexity ${vqvae.perplexity.toFixed(1)} of ${codes.codebookSize}, ${formatPercent(vqvae.codesUsed)} of the codes in use.`,
      images: [
        { image: images.reconstructions, alt: "Ten test images above their reconstructions" },
        { image: images.codebook_usage, alt: "How often each code comes, most used first" },
      ],
    },
    {
      heading: "The transformer's test loss",
      table: likelihoodTable(likelihood),
      images: images.likelihood_by_position
        ? [{ image: images.likelihood_by_position, alt: "Test loss of each id of a sequence, in both orders" }]
        : [],
    },
    {
      heading: "Training",
      images: [{ image: images.training_curves, alt: "Loss curves of the image tokenizer and the transformer" }],
      table: timeTable(metrics),
    },
    {
      heading: "Generating",
      text: `${timing.rows} pairs at once, the fastest of three runs: ${timedWays[timing.counted]}.`,
      images: [{ image: images.generation_timing, alt: `Time against ${timing.counted}` }],
    },
    {
      heading: "The data",
      text: metrics.attribution === undefined ? metrics.source : [metrics.source, metrics.attribution],
      images: [{ image: images.dataset_samples, alt: "Nine training images with their captions" }],
    },
    { heading: "Settings", code: JSON.stringify(settings, null, 2) },
  ];
}

const timedWays = {
  "ids generated": "the keys and values of earlier ids cached, or computed again for every id",
  rounds: "all rounds in one call, or a round a call",
};

function timeTable({ resumed, seconds, throughput }: RunMetrics): ReportTable {
  return {
    columns: ["stage", resumed ? "time since the resume" : "time"],
    rows: Object.entries(seconds).map(([stage, time]) => [stage, formatDuration(time)]),
    caption: `Speed of training: ${speedLine(throughput)}.`,
  };
}

const speedLine = ({ transformer, vqvae }: RunMetrics["throughput"]) =>
  `${vqvae ? `image tokenizer ${vqvae.toFixed(0)} images/s, ` : ""}transformer ${transformer.toFixed(0)} pairs/s`;

/** Attribute accuracies, a row for each way to generate. */
function attributeTable(attributes: AttributeMetrics): ReportTable {
  const names = Object.keys(attributes.textToImage.accuracy);
  const row = (label: string, { accuracy, allRight, count }: AttributeAgreement<AttributeName>) => [
    label,
    ...names.map((name) => formatPercent(accuracy[name]!)),
    ...(names.length > 3 ? [formatPercent(meanOf(names.map((name) => accuracy[name]!)))] : []),
    formatPercent(allRight),
    count,
  ];
  const { commonest } = attributes;
  return {
    columns: [
      "how often right",
      ...names.map(attributeTitle),
      ...(names.length > 3 ? ["mean", "all"] : ["all three"]),
      "of",
    ],
    rows: [
      row("text → image", attributes.textToImage),
      row("image → text", attributes.imageToText),
      row("invented pairs agree", attributes.unconditional),
      row("reconstructed test images", attributes.reconstructions),
      row("real test images", attributes.classifierOnTestImages),
      ...(commonest
        ? [row("the commonest value", { count: attributes.textToImage.count, accuracy: commonest, allRight: 0 })]
        : []),
    ],
    caption:
      "Images are classified by a network trained on real images alone; its own accuracy is the row of the real test images, and no row above can be trusted beyond it.",
  };
}

/** Share of real test images of which the classifier must get each attribute right to be trusted. */
const trustworthy = 0.99;

/** A warning where the classifier is wrong on real images too often, as far as this many images can tell. */
function classifierWarning({ classifierOnTestImages: { accuracy, count } }: AttributeMetrics): string | undefined {
  const weak = Object.keys(accuracy).filter((name) => upperBound(accuracy[name]!, count) < trustworthy);
  if (weak.length === 0) {
    return undefined;
  }
  const shares = weak.map((name) => `${attributeTitle(name)} ${formatPercent(accuracy[name]!)}`).join(", ");
  return `Warning: of real test images the attribute classifier gets right only: ${shares}. Below ${formatPercent(trustworthy)} its accuracies on drawn images mean little; raise evaluation.classifierSteps.`;
}

/** Upper end of the 95 % interval of a share, by the normal approximation. */
function upperBound(share: number, count: number): number {
  return share + 1.96 * Math.sqrt((share * (1 - share)) / count);
}

/** Test likelihood: by order, or its bounds by what is given. */
function likelihoodTable(score: PairScore): ReportTable {
  const { byOrder } = score;
  return byOrder ? orderTable({ ...score, byOrder }) : boundTable(score);
}

/** Bounds of the test likelihood, a row for each way of counting it. */
function boundTable({ bitsPerPixel, bounds, natsPerId, natsPerSequence }: PairScore): ReportTable {
  const all = [bounds?.imageGivenText, bounds?.textGivenImage, { natsPerId, natsPerSequence }];
  const row = (label: string, metric: (bound: LikelihoodBound) => number) => [
    label,
    ...all.map((bound) => (bound ? metric(bound).toFixed(3) : "")),
  ];
  return {
    columns: ["test loss, at most", "image given text", "text given image", "both"],
    rows: [
      row("nats per id", (bound) => bound.natsPerId),
      row("nats per pair", (bound) => bound.natsPerSequence),
      ["bits per pixel", bitsPerPixel.toFixed(3), "", ""],
    ],
    caption:
      "Upper bounds, estimated from random corruptions of each pair. Losses of other image tokenizers do not compare.",
  };
}

/** Test likelihood by order, a row for each way of counting it. */
function orderTable({ byOrder, natsPerId, natsPerSequence, bitsPerPixel }: PairLikelihood): ReportTable {
  const orders = [byOrder["text-first"], byOrder["image-first"]];
  const row = (label: string, metric: (order: OrderLikelihood) => number, both = meanOf(orders.map(metric))) => [
    label,
    ...[...orders.map(metric), both].map((value) => value.toFixed(3)),
  ];
  const perModality = (label: string, modality: string) =>
    row(label, ({ byModality }) => byModality[modality]?.natsPerId ?? 0);
  return {
    columns: ["test loss", "text first", "image first", "both"],
    rows: [
      row("nats per id", (order) => order.natsPerId, natsPerId),
      perModality("nats per image code", "image"),
      perModality("nats per word", "text"),
      perModality("nats per special id", "special"),
      row("nats per pair", (order) => order.natsPerSequence, natsPerSequence),
      row("bits per pixel", (order) => order.bitsPerPixel, bitsPerPixel),
    ],
    caption:
      "Bits per pixel are those of the image codes: given the caption where the text comes first, of the image alone where it comes last. Losses of other image tokenizers do not compare.",
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function inventionLine({ count, digits, distinct, words }: InventionMetrics): string {
  const said =
    digits === undefined
      ? `${words} different words`
      : `${digits} of 10 digits, ${words} of ${captionWords.length} words`;
  return `${said}, ${formatPercent(distinct)} distinct among ${count}`;
}

/** The lines that end a run: where the data came from, how good it is, how long it took, where to look. */
export function summarize(metrics: RunMetrics, reportPath: string): string {
  const stages = Object.entries(metrics.seconds).map(
    ([stage, seconds]) => `${stage.toLowerCase()} ${formatDuration(seconds)}`,
  );
  const after: Facts = [
    ["speed", speedLine(metrics.throughput)],
    ["time", `${formatRunTime(metrics)} (${stages.join(", ")})`],
    ["look at", reportPath],
  ];
  return `\n${formatMetrics(metrics, [["data", metrics.source]], after)}\n`;
}

type Facts = readonly (readonly [string, string])[];

/** Metrics of trained models as tables, with other facts before and after. */
export function formatMetrics(metrics: ModelMetrics, before: Facts = [], after: Facts = []): string {
  const { attributes, invention, likelihood, vqvae } = metrics;
  const facts: Facts = [
    ...before,
    [
      "reconstruction",
      `MSE ${vqvae.meanSquaredError.toFixed(4)} on [0, 1], ${(100 * vqvae.exactLevelAccuracy).toFixed(1)} % of levels exact`,
    ],
    ["codebook", `perplexity ${vqvae.perplexity.toFixed(0)}, ${formatPercent(vqvae.codesUsed)} of the codes used`],
    ["invented pairs", inventionLine(invention)],
  ];
  const tables = [likelihoodTable(likelihood), ...(attributes ? [attributeTable(attributes)] : [])];
  const warning = attributes && classifierWarning(attributes);
  return [
    textTable(facts),
    ...tables.map(({ columns, rows }) => textTable([columns, ...rows], "right")),
    ...(warning === undefined ? [] : [warning]),
    ...(after.length === 0 ? [] : [textTable(after)]),
  ].join("\n\n");
}

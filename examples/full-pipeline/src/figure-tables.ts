import type { AttributeAgreement } from "@mmgen/evaluation";
import { percent } from "@mmgen/example-common";
import type { ReportTable } from "@mmgen/plots";
import { type AttributeName, attributeTitles } from "./attributes.js";
import type { LikelihoodFigures, OrderLikelihood } from "./likelihood.js";
import type { AttributeFigures } from "./run-metrics.js";

const names = Object.keys(attributeTitles) as AttributeName[];

/** Attribute accuracies, a row for each way to generate; for the report and for the terminal. */
export function attributeTable(attributes: AttributeFigures): ReportTable {
  const row = (label: string, { accuracy, allRight, count }: AttributeAgreement<AttributeName>) => [
    label,
    ...names.map((name) => percent(accuracy[name])),
    percent(allRight),
    count,
  ];
  return {
    columns: ["how often right", ...names.map((name) => attributeTitles[name]), "all three", "of"],
    rows: [
      row("text → image", attributes.textToImage),
      row("image → text", attributes.imageToText),
      row("invented pairs agree", attributes.unconditional),
      row("reconstructed test images", attributes.reconstructions),
      row("real test images", attributes.classifierOnTestImages),
    ],
    caption:
      "Images are read by a classifier trained on real images alone; its own accuracy is the last row, and no row above can be trusted beyond it.",
  };
}

/** Share of real test images of which a judge must read each attribute right. */
const trustworthy = 0.99;

/**
 * What to say beside {@link attributeTable} where the judge misreads real images too often; nothing where it does not,
 * or where so few images cannot tell.
 */
export function judgeWarning({ classifierOnTestImages: { accuracy, count } }: AttributeFigures): string | undefined {
  const weak = names.filter((name) => upperBound(accuracy[name], count) < trustworthy);
  if (weak.length === 0) {
    return undefined;
  }
  const shares = weak.map((name) => `${attributeTitles[name]} ${percent(accuracy[name])}`).join(", ");
  return `Warning: of real test images the judge reads right only: ${shares}. Below ${percent(trustworthy)} its verdicts on drawn images mean little; raise evaluation.classifierSteps.`;
}

/** Upper end of the 95 % interval of a share of so many, by the normal approximation. */
function upperBound(share: number, count: number): number {
  return share + 1.96 * Math.sqrt((share * (1 - share)) / count);
}

/** Test likelihood by order, a row for each way of counting it; for the report and for the terminal. */
export function likelihoodTable({ byOrder, natsPerDim, natsPerSample, bitsPerPixel }: LikelihoodFigures): ReportTable {
  const orders = [byOrder["text-first"], byOrder["image-first"]];
  const row = (label: string, figure: (order: OrderLikelihood) => number, both = meanOf(orders.map(figure))) => [
    label,
    ...[...orders.map(figure), both].map((value) => value.toFixed(3)),
  ];
  const perModality = (label: string, modality: string) =>
    row(label, ({ byModality }) => byModality[modality]!.natsPerDim);
  return {
    columns: ["test loss", "text first", "image first", "both"],
    rows: [
      row("nats per id", (order) => order.natsPerDim, natsPerDim),
      perModality("nats per image code", "image"),
      perModality("nats per word", "text"),
      perModality("nats per special id", "special"),
      row("nats per pair", (order) => order.natsPerSample, natsPerSample),
      row("bits per pixel", (order) => order.bitsPerPixel, bitsPerPixel),
    ],
    caption:
      "Bits per pixel are those of the image codes: given the caption where the text comes first, of the image alone where it comes last. Figures of other tokenizers do not compare.",
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

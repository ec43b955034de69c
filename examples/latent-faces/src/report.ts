import { join } from "node:path";
import { writeFileAtomic } from "@mmgen/core/node";
import { formatDuration, formatPercent, formatRunTime, type RunContext, textTable } from "@mmgen/example-harness";
import { htmlReport, type ReportSection, type ReportTable } from "@mmgen/plots";
import type { TrainingHistory } from "@mmgen/training";
import { type RunSettings, type StageName, stageNames } from "./config.js";
import type { Histories, ModelMetrics, TokenizerMetrics } from "./evaluate.js";
import { drawnNames } from "./generate.js";
import { type RunImages, samplerTitles } from "./plots.js";

/** Everything a run measured, as `metrics.json` holds it. */
export interface RunMetrics extends ModelMetrics {
  readonly settings: RunSettings;
  readonly source: string;
  readonly attribution?: string | undefined;
  readonly backend: string;
  readonly resumed: boolean;
  /** Wall-clock seconds by stage, of the last process alone. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly stages: Readonly<
    Record<
      StageName,
      { readonly steps: number; readonly millisecondsPerStep: number; readonly last: Readonly<Record<string, number>> }
    >
  >;
}

/** Writes `report.html`: the run's images and metrics in one file that needs nothing else. */
export async function writeReport(
  { folder }: RunContext<RunSettings>,
  metrics: RunMetrics,
  images: RunImages,
): Promise<void> {
  const { codes, tokenizers } = metrics;
  const bits = codes.height * codes.width * Math.log2(codes.codebookSize);
  const html = htmlReport({
    title: "Faces as codes, completed and generated",
    lead:
      `Trained from nothing in ${formatRunTime(metrics)}: an image tokenizer writes each image as ${codes.height} × ` +
      `${codes.width} codes of ${codes.codebookSize}, ${bits.toFixed(0)} bits, and transformers learn the codes: one ` +
      "after the other, or all at once by discrete diffusion.",
    facts: [
      { label: "reconstruction", value: `${tokenizers["squared-error"].psnr.toFixed(1)} dB`, note: "squared error" },
      { label: "reconstruction", value: `${tokenizers.adversarial.psnr.toFixed(1)} dB`, note: "adversarial" },
      {
        label: "sequential transformer",
        value: metrics.sequential.natsPerImage.toFixed(1),
        note: `nats an image, ${metrics.sequential.natsPerCode.toFixed(3)} a code, test images`,
      },
      {
        label: "diffusion transformer",
        value: metrics.absorbing.natsPerImage.toFixed(1),
        note: `nats an image at most, ${metrics.absorbing.images} test images`,
      },
    ],
    sections: [...imageSections(metrics, images), ...runSections(metrics, images)],
    footer: [metrics.attribution, `Backend: ${metrics.backend}.`].filter(Boolean).join(" "),
  });
  await writeFileAtomic(join(folder.results, "report.html"), html);
}

function imageSections(metrics: RunMetrics, images: RunImages): ReportSection[] {
  const { config } = metrics.settings;
  const sets = setTable(metrics);
  const { highTemperature, lowTemperature, masks, rounds } = config.sampling;
  return [
    {
      heading: "The image tokenizer",
      text: `Trained by squared error, and then further against a discriminator. The transformers learn the codes of the ${config.codesOf === "adversarial" ? "second" : "first"}.`,
      table: tokenizerTable(metrics),
      images: [
        { image: images.reconstructions, alt: "Test images above their reconstructions by both image tokenizers" },
      ],
    },
    {
      heading: "Completions",
      text: `The codes of what is kept never change: of ${metrics.completions} completed test images ${metrics.changedCompletions} have a changed code. The decoder sees neighbors, so pixels near the border may. ${criticLine(metrics)}`,
      images: [
        { image: images.completions_half, alt: "Test images completed from their upper half" },
        { image: images.completions_quarter, alt: "Test images completed from their upper quarter" },
        { image: images.completions_first, alt: "Test images completed from their first code" },
      ],
    },
    {
      heading: "New images, code by code",
      text: copyLine(metrics),
      images: [{ image: images.samples_sequential, alt: "Samples of the sequential transformer" }],
    },
    {
      heading: "New images by discrete diffusion",
      text:
        `The original chain draws every code anew in each of ${rounds.chain} rounds, at a temperature of ${highTemperature} and ` +
        `at a low one of ${lowTemperature}. A model of masks fills them in: ancestral ` +
        `in ${rounds.ancestral} rounds, by confidence in ${rounds.confidence}, with remasking in ${rounds.remasking}, and in ` +
        `the order of a Halton sequence in ${rounds.halton}. ` +
        `Where an image is of no kind, what it shows already counts ${masks.contextGuidance} times.`,
      table: samplerTable(metrics),
      images: [
        { image: images.samples_diffusion, alt: "Samples of the diffusion transformers by sampler" },
        { image: images.diffusion_strip_low, alt: "Film strip of the original chain at a low temperature" },
        { image: images.diffusion_strip_high, alt: "Film strip of the original chain at a high temperature" },
        { image: images.diffusion, alt: "Sixteen images that come out of masks, round by round" },
      ],
    },
    ...(sets ? [{ heading: "Sets of images", table: sets }] : []),
  ];
}

function runSections(metrics: RunMetrics, images: RunImages): ReportSection[] {
  const { attribution, resumed, seconds, settings, source, stages } = metrics;
  return [
    {
      heading: "Training",
      images: [{ image: images.training_curves, alt: "Loss curves of every training" }],
      table: {
        columns: ["stage", resumed ? "time since the resume" : "time"],
        rows: Object.entries(seconds).map(([stage, time]) => [stage, formatDuration(time)]),
        caption: Object.entries(stages)
          .map(([name, stage]) => `${name}: ${stage.steps} steps of ${stage.millisecondsPerStep.toFixed(0)} ms`)
          .join("; "),
      },
    },
    { heading: "The data", text: attribution === undefined ? source : [source, attribution] },
    { heading: "Settings", code: JSON.stringify(settings, null, 2) },
  ];
}

function tokenizerTable({ tokenizers }: ModelMetrics): ReportTable {
  const row = (label: string, { codesUsed, perplexity, psnr, ssim }: TokenizerMetrics) => [
    ...[label, psnr.toFixed(2), ssim.toFixed(3), perplexity.toFixed(0), formatPercent(codesUsed)],
  ];
  return {
    columns: ["image tokenizer", "PSNR, dB", "SSIM", "perplexity", "codes used"],
    rows: [row("squared error", tokenizers["squared-error"]), row("adversarial", tokenizers.adversarial)],
  };
}

function samplerTable({ count, samplers }: ModelMetrics): ReportTable {
  return {
    columns: ["sampler", "distinct", "ms an image"],
    rows: drawnNames.map((name) => [
      samplerTitles[name],
      formatPercent(samplers[name].distinct),
      samplers[name].millisecondsPerImage.toFixed(1),
    ]),
    caption: `${count} samples each.`,
  };
}

function copyLine({ copies: { diffusion, sequential }, count }: ModelMetrics): string {
  return (
    `${formatPercent(sequential.pixels)} of ${count} samples are nearer to a training image than 99 % of the test images are, ` +
    `by pixels, and ${formatPercent(sequential.means)} by the means of 8 × 8 cells; of samples by diffusion ` +
    `(${samplerTitles[diffusion.sampler]}) ${formatPercent(diffusion.pixels)} and ${formatPercent(diffusion.means)}. About 1 % ` +
    "says that nothing is copied."
  );
}

function copyShares({ means, pixels }: ModelMetrics["copies"]["sequential"]): string {
  return `${formatPercent(pixels)} by pixels, ${formatPercent(means)} by means`;
}

function setTable({ sets }: ModelMetrics): ReportTable | undefined {
  return (
    sets && {
      columns: ["images", "Fréchet distance", "precision", "recall"],
      rows: Object.entries(sets.byName).map(([name, { frechet, precision, recall }]) => [
        ...[setTitles[name] ?? name, frechet.toFixed(3), precision.toFixed(3), recall.toFixed(3)],
      ]),
      caption:
        `${sets.count} images of each to the training images, by features of an attribute classifier trained on real images alone, in units of its own: ` +
        `the first row is what real images reach. The classifier is right in ${formatPercent(sets.classifier)} of the test images, a mean over attributes.`,
    }
  );
}

const setTitles: Readonly<Record<string, string>> = {
  ...samplerTitles,
  test: "test images",
  "squared-error": "reconstructed, squared error",
  adversarial: "reconstructed, adversarial",
};

function criticLine({ critic }: ModelMetrics): string {
  const verdict =
    `A critic tells completed halves from whole reconstructions in ${formatPercent(critic.byName.sequential)} (sequential) and ` +
    `${formatPercent(critic.byName.remasking)} (diffusion) of held-out images; 50 % is a guess.`;
  return critic.control < 0.95
    ? `${verdict} It does not count: halves of different images the same critic tells in only ${formatPercent(critic.control)}.`
    : verdict;
}

type Facts = readonly (readonly [string, string])[];

/** The lines that end a run: where the data came from, how good it is, how long it took, where to look. */
export function summarize(metrics: RunMetrics, reportPath: string): string {
  const stages = Object.entries(metrics.seconds).map(([stage, seconds]) => `${stage} ${formatDuration(seconds)}`);
  const after: Facts = [
    ["time", `${formatRunTime(metrics)} (${stages.join("; ")})`],
    ["look at", reportPath],
  ];
  return `\n${formatMetrics(metrics, [["data", metrics.source]], after)}\n`;
}

/** Metrics of trained models as tables, with other facts before and after. */
export function formatMetrics(metrics: ModelMetrics, before: Facts = [], after: Facts = []): string {
  const { absorbing, changedCompletions, completions, copies, sequential } = metrics;
  const facts: Facts = [
    ...before,
    ["sequential", `${sequential.natsPerCode.toFixed(3)} nats a code, ${sequential.natsPerImage.toFixed(1)} an image`],
    ["diffusion", `at most ${absorbing.natsPerImage.toFixed(1)} nats an image (${absorbing.images} test images)`],
    ["completions", `${changedCompletions} of ${completions} with a changed code that was to be kept`],
    ["critic", criticLine(metrics)],
    ["copies", `${copyShares(copies.sequential)}; diffusion ${copyShares(copies.diffusion)}; of unseen images 1 %`],
  ];
  const sets = setTable(metrics);
  const tables = [tokenizerTable(metrics), samplerTable(metrics), ...(sets ? [sets] : [])];
  return [
    textTable(facts),
    ...tables.map(({ columns, rows }) => textTable([columns, ...rows], "right")),
    ...(after.length === 0 ? [] : [textTable(after)]),
  ].join("\n\n");
}

/** What `metrics.json` tells of each training. */
export function summarizeStages(histories: Histories): RunMetrics["stages"] {
  const summary = ({ epochs, steps }: TrainingHistory) => ({
    steps: steps.length,
    millisecondsPerStep: (1000 * steps.reduce((sum, { seconds }) => sum + seconds, 0)) / steps.length,
    last: epochs.at(-1)?.metrics ?? {},
  });
  return Object.fromEntries(stageNames.map((name) => [name, summary(histories[name])])) as RunMetrics["stages"];
}

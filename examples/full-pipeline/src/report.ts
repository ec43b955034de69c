import { join } from "node:path";
import { writeFileAtomic } from "@mmgen/core/node";
import { captionWords } from "@mmgen/datasets";
import { minutes, percent, type RunFolders, trainingTime } from "@mmgen/example-common";
import { htmlReport, type ReportTable } from "@mmgen/plots";
import { attributeTable, judgeWarning, likelihoodTable } from "./figure-tables.js";
import type { RunImages } from "./images.js";
import type { RunMetrics } from "./run-metrics.js";

/** A run's images and its animation. */
export type ReportImages = RunImages & { readonly samples_by_epoch: Uint8Array };

/** Writes `report.html`: the run's images and figures in one file that needs nothing else. */
export async function writeReport(folders: RunFolders, metrics: RunMetrics, images: ReportImages): Promise<void> {
  const { tokenizer, likelihood, attributes, settings } = metrics;
  const warning = judgeWarning(attributes);
  const html = htmlReport({
    title: "One model that draws, captions and invents",
    lead:
      `Trained from nothing in ${trainingTime(metrics)}: an image tokenizer turns each image into ` +
      `${metrics.codes.count} codes, and one transformer learns codes and caption words as a single sequence.`,
    facts: [
      {
        label: "drawn as asked",
        value: percent(attributes.textToImage.allRight),
        note: `all three attributes, ${attributes.textToImage.count} images`,
      },
      {
        label: "captioned right",
        value: percent(attributes.imageToText.allRight),
        note: `all three attributes, ${attributes.imageToText.count} captions`,
      },
      { label: "levels reconstructed", value: percent(tokenizer.exactLevelAccuracy), note: "exactly, test images" },
      {
        label: "test loss",
        value: likelihood.natsPerDim.toFixed(3),
        note: `nats per id, ${likelihood.natsPerSample.toFixed(1)} per pair, ${likelihood.bitsPerPixel.toFixed(3)} bits per pixel`,
      },
    ],
    sections: [
      {
        heading: "Drawn from captions",
        text: "Each caption is new to the model together with its image: it comes from the test part. A tick says that a classifier trained on real images reads all three attributes as asked.",
        images: [
          { image: images.text_conditioned_samples, alt: "Nine images drawn from captions" },
          { image: images.samples_by_epoch, alt: "The same nine captions drawn after every epoch" },
        ],
      },
      {
        heading: "Captions for images",
        text: "The same model, asked the other way round: a test image's codes in, the likeliest words out.",
        images: [
          { image: images.image_conditioned_samples, alt: "Nine test images with the captions the model wrote" },
        ],
      },
      {
        heading: "Invented pairs",
        text:
          "Nothing is asked: the model chooses an order, an image and a caption. " +
          `Among ${metrics.invention.count} there are ${metrics.invention.digits} of the ten digits and ${metrics.invention.words} of ${captionWords.length} words; ${percent(metrics.invention.distinct)} of their code sequences are distinct.`,
        images: [{ image: images.unconditional_samples, alt: "Nine invented images with invented captions" }],
      },
      {
        heading: "How often it is right",
        ...(warning !== undefined && { text: warning }),
        table: attributeTable(attributes),
        images: [
          { image: images.confusion_digit, alt: "Digits asked for against digits drawn" },
          { image: images.confusion_captioned_digit, alt: "Digits shown against digits said" },
          { image: images.confusion_digit_color, alt: "Digit colors asked for against colors drawn" },
          { image: images.confusion_captioned_digit_color, alt: "Digit colors shown against colors said" },
          { image: images.confusion_background, alt: "Backgrounds asked for against backgrounds drawn" },
          { image: images.confusion_captioned_background, alt: "Backgrounds shown against backgrounds said" },
        ],
      },
      {
        heading: "The image tokenizer",
        text: `Mean squared error ${tokenizer.meanSquaredError.toFixed(4)} on [0, 1]; codebook perplexity ${tokenizer.perplexity.toFixed(1)} of ${metrics.codes.codebookSize}, ${percent(tokenizer.codesUsed)} of the codes in use.`,
        images: [
          { image: images.reconstructions, alt: "Ten test images above their reconstructions" },
          { image: images.codebook_usage, alt: "How often each code comes, most used first" },
        ],
      },
      {
        heading: "The transformer's test loss",
        table: likelihoodTable(likelihood),
        images: [{ image: images.likelihood_by_position, alt: "Test loss of each id of a sequence, in both orders" }],
      },
      {
        heading: "Training",
        images: [{ image: images.training_curves, alt: "Loss curves of the tokenizer and the transformer" }],
        table: timeTable(metrics),
      },
      {
        heading: "Generating",
        text: `${metrics.timing.rows} pairs at once, the fastest of three runs: the keys and values of earlier ids kept, or computed again for every id.`,
        images: [{ image: images.generation_timing, alt: "Time against ids generated, with a cache and without" }],
      },
      {
        heading: "The data",
        text: metrics.source,
        images: [{ image: images.dataset_samples, alt: "Nine training images with their captions" }],
      },
      { heading: "Settings", code: JSON.stringify(settings, null, 2) },
    ],
    footer: `Backend: ${metrics.backend}.`,
  });
  await writeFileAtomic(join(folders.results, "report.html"), html);
}

function timeTable(metrics: RunMetrics): ReportTable {
  return {
    columns: ["stage", metrics.resumed ? "time since the resume" : "time"],
    rows: Object.entries(metrics.seconds).map(([stage, seconds]) => [stage, minutes(seconds)]),
    caption: `${metrics.throughput.tokenizer.toFixed(0)} images a second through the tokenizer's training, ${metrics.throughput.transformer.toFixed(0)} pairs a second through the transformer's.`,
  };
}

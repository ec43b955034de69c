import { join } from "node:path";
import { type ImageBatch, sliceImages } from "@mmgen/core";
import type { CaptionedDigits } from "@mmgen/datasets";
import { percent, type RunFolders } from "@mmgen/example-common";
import { codebookUsage, imageGrid, reconstructionGrid, timingChart } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import type { TrainingHistory } from "@mmgen/training";
import { type AttributeName, attributeTitles } from "./attributes.js";
import { attributeConfusion } from "./confusion.js";
import { learningCurves, positionCurves } from "./curves.js";
import type { EvaluationFigures } from "./evaluate-models.js";
import type { Judgment, ShownSamples } from "./judge.js";

/** The images of a run, by the name of their file, as PNG bytes. */
export interface RunImages {
  readonly dataset_samples: Uint8Array;
  readonly training_curves: Uint8Array;
  readonly reconstructions: Uint8Array;
  readonly text_conditioned_samples: Uint8Array;
  readonly image_conditioned_samples: Uint8Array;
  readonly unconditional_samples: Uint8Array;
  /** Asked for against drawn. */
  readonly confusion_digit: Uint8Array;
  readonly confusion_digit_color: Uint8Array;
  readonly confusion_background: Uint8Array;
  /** Shown against said. */
  readonly confusion_captioned_digit: Uint8Array;
  readonly confusion_captioned_digit_color: Uint8Array;
  readonly confusion_captioned_background: Uint8Array;
  readonly codebook_usage: Uint8Array;
  readonly likelihood_by_position: Uint8Array;
  readonly generation_timing: Uint8Array;
}

/** Options of {@link writeImages}. */
export interface ImageOptions {
  readonly folders: RunFolders;
  readonly train: CaptionedDigits;
  /** Test images to show beside what is left of them. */
  readonly compared: ImageBatch;
  readonly reconstructed: ImageBatch;
  /** How often each code comes among the test images'. */
  readonly codeCounts: ArrayLike<number>;
  readonly histories: { readonly tokenizer: TrainingHistory; readonly transformer: TrainingHistory };
  readonly judgment: Judgment;
  readonly figures: Pick<EvaluationFigures, "likelihood" | "timing">;
}

const drawnTitles = { title: "Drawn from a caption", rowTitle: "asked for", columnTitle: "read as" };
const captionedTitles = { title: "Captions written for an image", rowTitle: "shown", columnTitle: "said" };

/** Draws and writes every image of a run. */
export async function writeImages(options: ImageOptions): Promise<RunImages> {
  const { figures, folders, train, judgment } = options;
  const write = (name: keyof RunImages, svg: string) => writePng(join(folders.results, `${name}.png`), svg);
  const drawn = (name: AttributeName) => attributeConfusion(name, judgment.textToImage, drawnTitles);
  const captioned = (name: AttributeName) => attributeConfusion(name, judgment.imageToText, captionedTitles);
  return {
    dataset_samples: await write(
      "dataset_samples",
      imageGrid({
        images: sliceImages(train.images, 0, Math.min(9, train.images.count)),
        captions: train.captions.slice(0, 9),
        title: "What the models learn from",
      }),
    ),
    training_curves: await write("training_curves", await learningCurves(options.histories)),
    reconstructions: await write(
      "reconstructions",
      reconstructionGrid({
        original: options.compared,
        reconstruction: options.reconstructed,
        subtitle: "test images, and what is left of them after their codes",
      }),
    ),
    text_conditioned_samples: await write(
      "text_conditioned_samples",
      samplesGrid(drawnTitles.title, judgment.textToImage),
    ),
    image_conditioned_samples: await write(
      "image_conditioned_samples",
      samplesGrid(captionedTitles.title, judgment.imageToText),
    ),
    unconditional_samples: await write(
      "unconditional_samples",
      samplesGrid("Invented, image and caption", judgment.unconditional),
    ),
    confusion_digit: await write("confusion_digit", drawn("digit")),
    confusion_digit_color: await write("confusion_digit_color", drawn("digitColor")),
    confusion_background: await write("confusion_background", drawn("backgroundColor")),
    confusion_captioned_digit: await write("confusion_captioned_digit", captioned("digit")),
    confusion_captioned_digit_color: await write("confusion_captioned_digit_color", captioned("digitColor")),
    confusion_captioned_background: await write("confusion_captioned_background", captioned("backgroundColor")),
    codebook_usage: await write("codebook_usage", codebookUsage({ counts: options.codeCounts })),
    likelihood_by_position: await write("likelihood_by_position", positionCurves(figures.likelihood)),
    generation_timing: await write(
      "generation_timing",
      timingChart({ title: `Generating ${figures.timing.rows} pairs`, series: figures.timing.series }),
    ),
  };
}

function samplesGrid(title: string, samples: ShownSamples): string {
  return imageGrid({
    images: samples.images,
    captions: samples.captions,
    marks: samples.marks,
    title,
    subtitle: agreementLine(samples),
  });
}

/** "of 200: digit 97 %, digit color 95 %, background 100 %, all 93 %". */
export function agreementLine({ agreement }: ShownSamples): string {
  const names = Object.keys(attributeTitles) as (keyof typeof attributeTitles)[];
  const shares = names.map((name) => `${attributeTitles[name]} ${percent(agreement.accuracy[name])}`);
  return `right of ${agreement.count}: ${shares.join(", ")}, all ${percent(agreement.allRight)}`;
}

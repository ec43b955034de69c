import { type CaptionSource, captionSources } from "@mmgen/datasets/node";
import { type Command, Option } from "commander";
import type { ImageSet } from "../model/image-text.js";
import type { MultimodalModel } from "../model/multimodal-model.js";
import { loadFolderData } from "./folder-data.js";
import { openModel } from "./open-model.js";
import { addComputeOptions, type ComputeFlags, shareBelowOne, wholeNumber } from "./option-groups.js";
import { interruptible, type Terminal } from "./terminal.js";

interface EvaluateFlags extends ComputeFlags {
  readonly captions?: CaptionSource;
  readonly fit: "cover" | "contain" | "fill";
  readonly heldOut?: number;
  readonly seed: number;
  readonly json: boolean;
}

/** Adds `mmgen evaluate`. */
export function addEvaluateCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command("evaluate")
    .description("Measures a model on a folder of images with captions, best of images it has not learned from.")
    .argument("<model>", "folder of a model, or its address on the web")
    .argument("<folder>", "folder of images with captions, as mmgen train reads it");
  addComputeOptions(command)
    .addOption(
      new Option("--captions <source>", "where the captions are (default: found)").choices([...captionSources]),
    )
    .addOption(
      new Option("--fit <way>", "how images become the model's size")
        .choices(["cover", "contain", "fill"])
        .default("cover"),
    )
    .option("--held-out <share>", "only the images that mmgen train held out with this share and seed", shareBelowOne)
    .option("--seed <number>", "seed of the training, for --held-out", wholeNumber, 0)
    .option("--json", "print JSON", false)
    .action((path: string, folder: string, flags: EvaluateFlags) => evaluate({ path, folder, flags }, terminal));
}

async function evaluate(
  { flags, folder, path }: { readonly path: string; readonly folder: string; readonly flags: EvaluateFlags },
  terminal: Terminal,
): Promise<void> {
  using model = await openModel(path, flags, terminal);
  const metrics = await interruptible(terminal, async (signal) => {
    const { channels, height, maxValue, width } = model.vqvae.imageShape;
    const hasText = model.tokenizer.config.layout !== "image-only";
    const { heldOut, source, train } = await loadFolderData(
      folder,
      {
        ...{ side: { height, width }, channels: channels as 1 | 3, maxValue, fit: flags.fit, seed: flags.seed },
        captions: hasText ? flags.captions : "none",
        testShare: flags.heldOut ?? 0,
        // A model of classes takes their names as captions.
        classes: false,
      },
      { onMessage: (line) => void terminal.stderr.write(`${line}\n`), signal },
    );
    terminal.stderr.write(`Read ${source}.\n`);
    return measure(model, heldOut ?? train, signal);
  });
  terminal.stdout.write(flags.json ? `${JSON.stringify(metrics)}\n` : table(metrics));
}

/** Metrics by their names in the table; those of captions only where there are captions. */
async function measure(model: MultimodalModel, set: ImageSet, signal: AbortSignal): Promise<Record<string, number>> {
  const { captions, images } = set;
  const { bitsPerPixel, natsPerId, natsPerSequence } = await model.score(set, { signal });
  const { codesUsed, exactLevelAccuracy, peakSignalToNoiseRatio, perplexity } = await model.evaluateImages(images);
  const written = captions && (await model.caption(images, { signal }));
  return {
    images: images.count,
    natsPerSequence,
    natsPerId,
    bitsPerPixel,
    ...(written && { captionsRight: shareOf(written, (caption, i) => caption === captions[i]) }),
    peakSignalToNoiseRatio,
    exactLevelAccuracy,
    codesUsed,
    perplexity,
  };
}

function shareOf<Item>(items: readonly Item[], holds: (item: Item, index: number) => boolean): number {
  return items.filter(holds).length / items.length;
}

const explanations: Readonly<Record<string, string>> = {
  images: "measured on",
  natsPerSequence: "negative log-likelihood of an image with what is said of it",
  natsPerId: "the same, for each id",
  bitsPerPixel: "of the image's codes",
  captionsRight: "share of images whose likeliest caption is theirs, word for word",
  peakSignalToNoiseRatio: "dB, of images as their codes show them",
  exactLevelAccuracy: "share of levels that their codes show exactly",
  codesUsed: "share of the codes that these images use",
  perplexity: "codes, if all were used as often",
};

function table(metrics: Readonly<Record<string, number>>): string {
  const rows = Object.entries(metrics).map(([name, value]) => {
    const rounded = Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
    return `${name.padEnd(24)}${rounded.padEnd(10)}${explanations[name]}\n`;
  });
  return rows.join("");
}

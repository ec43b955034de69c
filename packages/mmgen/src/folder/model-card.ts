import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { ImageBatch } from "@mmgen/core";
import { readFileText, writeFileAtomic } from "@mmgen/core/node";
import {
  type ConfigOf,
  fields,
  listOf,
  type OptionsOf,
  optional,
  resolveOptions,
  text,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import type { MultimodalModel } from "../model/multimodal-model.js";
import { cardText } from "./card-text.js";
import { imagesPng } from "./images-png.js";

/** Names of a card's files. */
export const cardFiles = { card: "README.md", samples: "samples.png" } as const;

/** In every card that is written here; one without it is somebody's own. */
const mark = "<!-- Written by mmgen; remove this line to keep what you change. -->";

const licenseId = /^[a-z0-9][a-z0-9.+-]{0,99}$/;

const modelCardSchema = fields({
  /** Default: the folder's name. */
  title: optional(text({ minLength: 1, maxLength: 200 })),
  /** License of the model, as the Hugging Face Hub names it: `mit`, `cc-by-4.0`. Default: none is stated. */
  license: optional(
    value<string>(
      'a license\'s identifier in lower case, such as "mit"',
      (id) => typeof id === "string" && licenseId.test(id),
    ),
  ),
  /** What the model learned from, with its license and whom to name, as Markdown. Default: that it was not stated. */
  data: optional(text({ minLength: 1 })),
  /** Further tags, beside those of what the model does. Default: none. */
  tags: optional(listOf(value<string>("a tag of letters, digits and hyphens", isTag)), []),
  /** Measured figures by their names. Default: those of the training's last evaluation, where the model has them. */
  figures: optional(value<Readonly<Record<string, number>>>("numbers by name", areFigures)),
  /** Images that the model invents for the card, which takes as long as `invent` does. Default: 9 after a training, else 0. */
  samples: optional(wholeNumber({ min: 0, max: 100 })),
});

/** Options of the card that `saveTo` and `trainInto` write beside a model. */
export type ModelCardOptions = OptionsOf<typeof modelCardSchema>;
export type ModelCardConfig = ConfigOf<typeof modelCardSchema>;

/** Checks a card's options, before anything long begins; `false` stands for no card. */
export function resolveModelCard(options: ModelCardOptions | false | undefined): ModelCardConfig | false {
  return options === false
    ? false
    : resolveOptions(modelCardSchema, options === undefined ? {} : options, { path: "card" });
}

/** What a card tells that its model does not know. */
export interface CardFacts {
  /** Examples that were trained on, and held out; absent where nobody knows. */
  readonly examples?: { readonly trained: number; readonly heldOut: number };
  /** Images to invent where the options do not say. */
  readonly samples: number;
}

/**
 * Writes what a model is beside its files: `README.md`, in the form of the Hugging Face Hub's model cards, and `samples.png`.
 * A README that was not written here is left as it is.
 */
export async function writeModelCard(
  folder: string,
  model: MultimodalModel,
  { card, facts }: { readonly card: ModelCardConfig; readonly facts: CardFacts },
): Promise<void> {
  const path = join(folder, cardFiles.card);
  if (existsSync(path) && !(await readFileText(path, "model card")).includes(mark)) {
    return;
  }
  const samples = await invented(model, card.samples ?? facts.samples);
  if (samples !== undefined) {
    await writeFileAtomic(join(folder, cardFiles.samples), imagesPng(samples.images));
  }
  const { title = basename(resolve(folder)), ...rest } = card;
  const content = cardText(model, {
    ...{ ...rest, title, mark, examples: facts.examples },
    samples: samples && { file: cardFiles.samples, captions: samples.captions },
  });
  await writeFileAtomic(path, content);
}

async function invented(
  model: MultimodalModel,
  count: number,
): Promise<{ readonly images: ImageBatch; readonly captions: readonly string[] } | undefined> {
  return count === 0 ? undefined : model.invent({ count, seed: 1 });
}

function isTag(tag: unknown): boolean {
  return typeof tag === "string" && /^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(tag);
}

function areFigures(figures: unknown): boolean {
  return (
    typeof figures === "object" &&
    figures !== null &&
    Object.values(figures).every((figure) => typeof figure === "number")
  );
}

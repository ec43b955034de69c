import { ConfigError, checkWholeNumber, type ImageBatch, ShapeError, type TokenBatch } from "@mmgen/core";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { checkFields } from "../model/check-arguments.js";
import type { ModelParts } from "../model/model-parts.js";
import { type Kept, keptCodes, keptFields } from "./kept-codes.js";

/** What `completePairs` goes on from. */
export interface Completion {
  /** Images to complete, or whole ones whose captions are completed; borrowed. */
  readonly images?: ImageBatch | undefined;
  /** Captions to complete, or whole ones whose images are completed. */
  readonly captions?: readonly string[] | undefined;
  readonly keep: Kept;
  /** Completions of each row, one after the other. Default 1. */
  readonly count?: number | undefined;
}

/** The prompt of a completion: whatever is whole first, then the kept beginning of what is not. */
export async function completionPrompt(models: ModelParts, completion: Completion): Promise<TokenBatch> {
  const { count, keep } = completionRows(completion);
  checkFields("keep", keep, keptFields);
  const prompt =
    "words" in keep ? await promptOfWords(models, completion, keep.words) : await promptOfCodes(models, completion);
  return repeatRows(prompt, count);
}

/**
 * A completion whose images, captions and count fit each other.
 *
 * @throws a {@link ShapeError} when there are neither images nor captions, or not as many of each.
 */
export function completionRows(completion: Completion): Completion & { readonly count: number } {
  const { captions, count = 1, images } = completion;
  const rows = images?.count ?? captions?.length;
  if (rows === undefined || (images && captions && images.count !== captions.length)) {
    throw new ShapeError(
      `complete: expected images, captions, or as many of each, got ${images?.count ?? "no"} images and ${captions?.length ?? "no"} captions.`,
    );
  }
  checkWholeNumber("count", count, { min: 1 });
  return { ...completion, count };
}

/**
 * The first words of captions, or characters where these are the tokenizer's text unit.
 *
 * @throws a {@link ConfigError} where there is no caption, or no part of one can be kept.
 */
export function firstWords(
  { config }: MultimodalTokenizer,
  captions: readonly string[] | undefined,
  words: number,
): string[] {
  if (captions === undefined) {
    throw new ConfigError("keep.words: keeps the first words of captions, and only images were given; keep rows.");
  }
  if (config.textUnit === "classes") {
    throw new ConfigError("keep.words: the name of a class is one id, of which no part can be kept; keep rows.");
  }
  checkWholeNumber("keep.words", words, { min: 0, max: config.captionLength.maximum });
  // Composed, as the tokenizer counts characters.
  const composed = captions.map((caption) => caption.normalize("NFC"));
  return composed.map((caption) =>
    config.textUnit === "characters"
      ? [...caption].slice(0, words).join("")
      : caption.trim().split(/\s+/u).slice(0, words).join(" "),
  );
}

/** The first words of captions, after the whole image where there is one. */
async function promptOfWords(
  { tokenizer, vqvae }: ModelParts,
  { captions, images }: Completion,
  words: number,
): Promise<TokenBatch> {
  const beginnings = firstWords(tokenizer, captions, words);
  if (images === undefined) {
    return tokenizer.promptForCompletion({ order: "text-first", captions: beginnings });
  }
  const { count, data, height, width } = await vqvae.encode(images);
  return tokenizer.promptForCompletion({
    order: "image-first",
    codes: { data, count, length: height * width },
    captions: beginnings,
  });
}

/** The first codes of images, after the whole caption where there is one. */
async function promptOfCodes(
  { tokenizer, vqvae }: ModelParts,
  { captions, images, keep }: Completion,
): Promise<TokenBatch> {
  if (images === undefined) {
    throw new ConfigError("keep: rows, codes and masks are of images, and only captions were given; keep words.");
  }
  const length = prefixOf(keptCodes(vqvae, keep, images));
  if (captions === undefined && tokenizer.config.layout === "class") {
    throw new ConfigError(
      "complete: this model draws images of a class; give { images, captions } with the name of a class each.",
    );
  }
  const codes = await vqvae.encode(images);
  const all = { data: codes.data, count: codes.count, length: codes.height * codes.width };
  const beginning = leadingColumns(all, length);
  return tokenizer.promptForCompletion(
    captions === undefined
      ? { order: "image-first", codes: beginning }
      : { order: "text-first", captions, codes: beginning },
  );
}

/** The length of the prefix that a mask keeps. */
function prefixOf(kept: Uint8Array): number {
  const length = kept.includes(0) ? kept.indexOf(0) : kept.length;
  if (kept.lastIndexOf(1) >= length) {
    throw new ConfigError(
      "keep: this model draws codes one after the other, so it can only keep the first ones of an image; " +
        `this keeps code ${kept.lastIndexOf(1)} and not code ${length}. Keep a prefix, such as { rows: 0.5 }.`,
    );
  }
  return length;
}

function leadingColumns({ count, data, length: width }: TokenBatch, length: number): TokenBatch {
  const kept = new Int32Array(count * length);
  for (let row = 0; row < count; row++) {
    kept.set(data.subarray(row * width, row * width + length), row * length);
  }
  return { data: kept, count, length };
}

/** Every row several times, one after the other. */
function repeatRows({ count, data, length }: TokenBatch, times: number): TokenBatch {
  const repeated = new Int32Array(count * times * length);
  for (let row = 0; row < count * times; row++) {
    const from = Math.floor(row / times) * length;
    repeated.set(data.subarray(from, from + length), row * length);
  }
  return { data: repeated, count: count * times, length };
}

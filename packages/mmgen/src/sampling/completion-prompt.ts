import { ConfigError, checkWholeNumber, type ImageBatch, ShapeError, type TokenBatch } from "@mmgen/core";
import type { MultimodalTokenizer, Order } from "@mmgen/multimodal-tokenizer";
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
  /**
   * Candidates drawn for each completion where more than the first codes of an image are kept; the one stays that makes the
   * kept codes likeliest. Of the family `autoregressive` alone. Default 8.
   */
  readonly candidates?: number | undefined;
}

/** What is known of sequences that are to be completed. */
export interface CompletionPrompt {
  /** `[rows, length]`: a beginning, or a whole sequence. */
  readonly ids: TokenBatch;
  /** `[length]`, 1 where the ids are given; the others are not read. Absent where `ids` are a beginning. */
  readonly known?: Uint8Array;
}

/**
 * What is known of a completion: whatever is whole first, then the kept part of what is not. Where this is the beginning of
 * a sequence, it is its prompt; else the whole sequence, with its known places.
 */
export async function completionPrompt(models: ModelParts, completion: Completion): Promise<CompletionPrompt> {
  const { candidates = 1, count, keep } = completionRows(completion);
  checkWholeNumber("candidates", candidates, { min: 1, max: 2 ** 16 });
  checkFields("keep", keep, keptFields);
  const { ids, known } =
    "words" in keep
      ? { ids: await promptOfWords(models, completion, keep.words) }
      : await promptOfCodes(models, completion);
  return { ids: repeatRows(ids, count), ...(known && { known }) };
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

/** The kept codes of images, after the whole caption where there is one. */
async function promptOfCodes(
  { tokenizer, vqvae }: ModelParts,
  { captions, images, keep }: Completion,
): Promise<CompletionPrompt> {
  if (images === undefined) {
    throw new ConfigError("keep: rows, codes and masks are of images, and only captions were given; keep words.");
  }
  const kept = keptCodes(vqvae, keep, images);
  if (captions === undefined && tokenizer.config.layout === "class") {
    throw new ConfigError(
      "complete: this model draws images of a class; give { images, captions } with the name of a class each.",
    );
  }
  const encoded = await vqvae.encode(images);
  const all = { data: encoded.data, count: encoded.count, length: encoded.height * encoded.width };
  const beginning = kept.includes(0) ? kept.indexOf(0) : kept.length;
  const isBeginning = kept.lastIndexOf(1) < beginning;
  const codes = isBeginning ? leadingColumns(all, beginning) : all;
  const order = captions === undefined ? "image-first" : "text-first";
  const ids = tokenizer.promptForCompletion({ order, codes, ...(captions && { captions }) });
  return isBeginning
    ? { ids }
    : { ids: wholeRows(ids, tokenizer), known: knownPlaces(tokenizer, ids, { kept, order }) };
}

/** Prompts as rows of whole sequences; what stands behind them is id 0. */
function wholeRows(prompt: TokenBatch, { sequenceLength: length }: MultimodalTokenizer): TokenBatch {
  const data = new Int32Array(prompt.count * length);
  for (let row = 0; row < prompt.count; row++) {
    data.set(prompt.data.subarray(row * prompt.length, (row + 1) * prompt.length), row * length);
  }
  return { data, count: prompt.count, length };
}

/** 1 for each place of sequences that begin with such a prompt, all codes of the images in it, where the id is kept. */
function knownPlaces(
  tokenizer: MultimodalTokenizer,
  prompt: TokenBatch,
  { kept, order }: { readonly kept: Uint8Array; readonly order: Order },
): Uint8Array {
  let code = 0;
  return Uint8Array.from(tokenizer.modalities(order), (modality, at) =>
    modality === "image" ? kept[code++]! : Number(at < prompt.length),
  );
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

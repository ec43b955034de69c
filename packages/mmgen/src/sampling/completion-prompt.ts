import { ConfigError, checkNumber, checkWholeNumber, type ImageBatch, ShapeError, type TokenBatch } from "@mmgen/core";
import type { VqVae } from "@mmgen/vqvae";
import { checkFields } from "../model/check-arguments.js";
import type { ModelParts } from "../model/model-parts.js";

/** Which part of an image or caption is kept; the rest is made anew. */
export type Kept =
  /** Share of an image's rows from the top, in [0, 1], rounded to whole rows of its code grid. */
  | { readonly rows: number }
  /** Leading codes of an image, as `vqvae.encode` orders them. */
  | { readonly codes: number }
  /** First words of a caption (first characters, where the tokenizer's text unit is characters). */
  | { readonly words: number }
  /** True for each code of an image that is kept; they must be its first. */
  | { readonly mask: ArrayLike<boolean | number> };

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
  const { captions, count = 1, images, keep } = completion;
  const rows = images?.count ?? captions?.length;
  if (rows === undefined || (images && captions && images.count !== captions.length)) {
    throw new ShapeError(
      `complete: expected images, captions, or as many of each, got ${images?.count ?? "no"} images and ${captions?.length ?? "no"} captions.`,
    );
  }
  checkWholeNumber("count", count, { min: 1 });
  checkFields("keep", keep, ["rows", "codes", "words", "mask"]);
  const prompt =
    "words" in keep ? await promptOfWords(models, completion, keep.words) : await promptOfCodes(models, completion);
  return repeatRows(prompt, count);
}

/** The first words of captions, after the whole image where there is one. */
async function promptOfWords(
  { tokenizer, vqvae }: ModelParts,
  { captions, images }: Completion,
  words: number,
): Promise<TokenBatch> {
  if (captions === undefined) {
    throw new ConfigError("keep.words: keeps the first words of captions, and only images were given; keep rows.");
  }
  checkWholeNumber("keep.words", words, { min: 0, max: tokenizer.config.captionLength.maximum });
  const isCharacters = tokenizer.config.textUnit === "characters";
  // Composed, as the tokenizer counts characters.
  const composed = captions.map((caption) => caption.normalize("NFC"));
  const beginnings = composed.map((caption) =>
    isCharacters ? [...caption].slice(0, words).join("") : caption.trim().split(/\s+/u).slice(0, words).join(" "),
  );
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
  const length = keptCodes(vqvae, keep);
  const codes = await vqvae.encode(images);
  const all = { data: codes.data, count: codes.count, length: codes.height * codes.width };
  const beginning = leadingColumns(all, length);
  return tokenizer.promptForCompletion(
    captions === undefined
      ? { order: "image-first", codes: beginning }
      : { order: "text-first", captions, codes: beginning },
  );
}

/** How many of an image's codes, from the first on, are kept. */
function keptCodes(vqvae: VqVae, keep: Kept): number {
  const { codesPerImage } = vqvae.codeLayout;
  if ("rows" in keep) {
    return codesOfRows(vqvae, keep.rows);
  }
  if ("codes" in keep) {
    checkWholeNumber("keep.codes", keep.codes, { min: 0, max: codesPerImage });
    return keep.codes;
  }
  if ("mask" in keep) {
    return codesOfMask(keep.mask, codesPerImage);
  }
  throw new ConfigError("keep: expected rows, codes, words or mask, got nothing.");
}

function codesOfRows({ codeLayout, config, network }: VqVae, share: number): number {
  checkNumber("keep.rows", share, { min: 0, max: 1 });
  if (config.network.type === "dense") {
    throw new ConfigError(
      "keep.rows: codes of a dense network stand for no rows of the image; keep codes instead, such as { codes: 4 }.",
    );
  }
  const { codesPerImage, paletteCodes, palettePlace } = codeLayout;
  // Colors that have codes of their own come before the grid's, and belong to every row.
  const lead = palettePlace === "before" ? paletteCodes : 0;
  const gridRows = network.latentGrid.height;
  return lead + Math.round(share * gridRows) * ((codesPerImage - lead) / gridRows);
}

/** The length of the prefix that a mask keeps. */
function codesOfMask(mask: ArrayLike<boolean | number>, codesPerImage: number): number {
  if (mask.length !== codesPerImage) {
    throw new ShapeError(`keep.mask: expected one value a code (${codesPerImage}), got ${mask.length}.`);
  }
  const kept = Array.from(mask, Boolean);
  const length = kept.includes(false) ? kept.indexOf(false) : codesPerImage;
  if (kept.lastIndexOf(true) >= length) {
    throw new ConfigError(
      "keep.mask: this model draws codes one after the other, so it can only keep the first ones of an image; " +
        `the mask keeps code ${kept.lastIndexOf(true)} and not code ${length}. Keep a prefix, such as { rows: 0.5 }.`,
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

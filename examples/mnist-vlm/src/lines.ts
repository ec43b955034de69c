import { basename, dirname, join } from "node:path";
import {
  CheckpointError,
  type CodeBatch,
  DataError,
  defaultLimits,
  type ExampleSource,
  MmgenError,
  VocabularyError,
} from "@mmgen/core";
import { gunzip, isGzip, readFileBytes } from "@mmgen/core/node";
import type { RunFolder } from "@mmgen/example-harness";
import { MultimodalTokenizer, type Order, type TrainingBatch } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { checkRunId, drawOrders, type ModelParts, mixedOrderExamples } from "mmgen";

/** The ten digits, as captions. */
export const digitNames: readonly string[] = [..."0123456789"];

/** Images as codes, and the digits they show. */
export interface LinePairs {
  readonly codes: CodeBatch;
  /** One an image, `"7"`. */
  readonly captions: readonly string[];
  /** Which stands first in each line; absent where that is still to be drawn. */
  readonly orders?: readonly Order[];
}

/**
 * The tokenizer that writes pairs as `image:ABCDEFGH, number:7.` or `number:7, image:ABCDEFGH.`, padded with `#` to 32
 * characters.
 */
export function lineTokenizer(codebookSize: number, codesPerImage: number): MultimodalTokenizer {
  return MultimodalTokenizer.create({
    layout: "lines",
    words: digitNames,
    captionLength: 1,
    codebookSize,
    codeGrid: { height: 1, width: codesPerImage },
  });
}

/** Options of {@link lineExamples}. */
export interface LineExamplesOptions {
  readonly tokenizer: MultimodalTokenizer;
  readonly pairs: LinePairs;
  /** Of the run's `transformer`. */
  readonly config: {
    readonly digitWeight: number;
    readonly promptWeight: number;
    readonly orders: "once" | "anew";
  };
  readonly seed: number;
}

/** Lines to train on, half of them in either order, each from its beginning and without its padding. */
export function lineExamples({ tokenizer, pairs, config, seed }: LineExamplesOptions): ExampleSource<TrainingBatch> {
  const { captions, codes } = pairs;
  return mixedOrderExamples({
    ...{ tokenizer, codes, captions, textFirstShare: 0.5 },
    orders: config.orders === "once" ? (pairs.orders ?? drawOrders(codes.count, seed)) : undefined,
    weights: { text: config.digitWeight, prompt: config.promptWeight },
  });
}

/** Each image's codes as letters, `ABCDEFGH`. */
export function formatLetters(tokenizer: MultimodalTokenizer, { data, count, width }: CodeBatch): string[] {
  const alphabet = alphabetOf(tokenizer);
  return Array.from({ length: count }, (_, row) =>
    Array.from(data.subarray(row * width, (row + 1) * width), (code) => alphabet[code]).join(""),
  );
}

/**
 * Letters as codes, a word an image.
 *
 * @throws a {@link VocabularyError} for a letter that is missing, one too many, or one that stands for no code.
 */
export function parseLetters(tokenizer: MultimodalTokenizer, words: readonly string[]): CodeBatch {
  const alphabet = alphabetOf(tokenizer);
  const { height, width } = tokenizer.config.codeGrid;
  const data = new Int32Array(words.length * width);
  for (const [row, word] of words.entries()) {
    const letters = [...word];
    if (letters.length !== width) {
      throw new VocabularyError(`"${word}": an image has ${width} letters, got ${letters.length}.`);
    }
    for (const [at, letter] of letters.entries()) {
      const code = alphabet.indexOf(letter);
      if (code < 0) {
        throw new VocabularyError(
          `"${word}": no image has the letter "${letter}"; there are ${alphabet[0]} to ${alphabet.at(-1)}.`,
        );
      }
      data[row * width + at] = code;
    }
  }
  return { data, count: words.length, height, width };
}

/** How often each letter stands at each place, by digit: `[10][places][letters]`. */
export function letterCounts(tokenizer: MultimodalTokenizer, { codes, captions }: LinePairs): Int32Array[][] {
  const { codebookSize } = tokenizer.config;
  const places = () => Array.from({ length: codes.width }, () => new Int32Array(codebookSize));
  const counts = digitNames.map(places);
  for (const [row, caption] of captions.entries()) {
    for (let place = 0; place < codes.width; place++) {
      counts[Number(caption)]![place]![codes.data[row * codes.width + place]!]!++;
    }
  }
  return counts;
}

/** The letters of the codes, in their order. */
export function alphabetOf({ config }: MultimodalTokenizer): string[] {
  return [...config.lines!.alphabet].slice(0, config.codebookSize);
}

/** Lines that another tokenizer wrote. */
export interface PreparedLines {
  readonly train: LinePairs;
  readonly validation: LinePairs;
  /** One line for people. */
  readonly source: string;
}

/**
 * Reads a file of lines, and the one for validation beside it: `valid.txt.gz` beside `train.txt.gz`.
 *
 * @throws a {@link DataError} naming the file that is missing or empty, and the line that is no pair.
 */
export async function readPreparedLines(path: string, tokenizer: MultimodalTokenizer): Promise<PreparedLines> {
  const name = basename(path);
  if (!name.includes("train")) {
    throw new DataError(`${path}: expected a file named as train.txt, with valid.txt for validation beside it.`);
  }
  const train = await readLineFile(path, tokenizer);
  const validation = await readLineFile(join(dirname(path), name.replace("train", "valid")), tokenizer);
  const counts = `${train.captions.length} to train, ${validation.captions.length} to validate`;
  return { train, validation, source: `Lines of ${path}: ${counts}` };
}

async function readLineFile(path: string, tokenizer: MultimodalTokenizer): Promise<LinePairs> {
  const bytes = await readFileBytes(path, "lines", { maxBytes: defaultLimits.textBytes });
  const content = isGzip(bytes) ? gunzip(bytes, path, { maxBytes: defaultLimits.textBytes }) : bytes;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (error) {
    throw new DataError(`${path}: expected lines of text in UTF-8, or such a file as gzip.`, { cause: error });
  }
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  if (lines.length === 0) {
    throw new DataError(`${path} holds no lines.`);
  }
  try {
    const { codes, captions, order: orders } = tokenizer.decode(tokenizer.readLines(lines));
    return { codes, captions, orders };
  } catch (error) {
    if (MmgenError.isInstance(error)) {
      throw new DataError(`${path}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/** What makes lines of images; nothing is known of the images where lines alone are given. */
export interface LineCodec {
  readonly tokenizer: MultimodalTokenizer;
  readonly vqvae?: ModelParts["vqvae"];
}

/** Name of the file with the transformer after a step. */
export function checkpointFile(step: number): string {
  return `transformer-${step}.safetensors`;
}

/**
 * The transformer after a step.
 *
 * @throws a {@link CheckpointError} when its file is missing, damaged, or of another run than `codec`.
 */
export function loadCheckpoint(
  folder: Pick<RunFolder, "load">,
  step: number,
  codec: LineCodec,
): Promise<TinyTransformer> {
  const name = checkpointFile(step);
  return folder.load(async (read) => {
    const bytes = await read(name);
    if (bytes === undefined) {
      throw new CheckpointError(`There is no ${name}.`);
    }
    let transformer: TinyTransformer;
    try {
      transformer = TinyTransformer.fromSafetensors(bytes);
    } catch (error) {
      throw MmgenError.isInstance(error) ? new CheckpointError(`${name}: ${error.message}`, { cause: error }) : error;
    }
    try {
      await checkRunId(name, transformer.run, codec);
      return transformer;
    } catch (error) {
      transformer.dispose();
      throw error;
    }
  });
}

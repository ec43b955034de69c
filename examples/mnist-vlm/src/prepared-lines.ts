import { basename, dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { DataError, MmgenError } from "@mmgen/core";
import { readFileBytes } from "@mmgen/core/node";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import type { LetterPairs } from "./letters.js";

/** Lines that were prepared elsewhere. */
export interface PreparedLines {
  readonly train: LetterPairs;
  readonly validation: LetterPairs;
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

async function readLineFile(path: string, tokenizer: MultimodalTokenizer): Promise<LetterPairs> {
  const bytes = await readFileBytes(path, "lines");
  const isZipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  let text: string;
  try {
    text = new TextDecoder().decode(isZipped ? gunzipSync(bytes) : bytes);
  } catch (error) {
    throw new DataError(`${path} is not a readable gz file: ${(error as Error).message}`, { cause: error });
  }
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  if (lines.length === 0) {
    throw new DataError(`${path} holds no lines.`);
  }
  try {
    return tokenizer.decode(tokenizer.readLines(lines));
  } catch (error) {
    if (MmgenError.isInstance(error)) {
      throw new DataError(`${path}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

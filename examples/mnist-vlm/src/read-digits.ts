import type { CodeBatch } from "@mmgen/core";
import { confusionCounts } from "@mmgen/evaluation";
import type { SequenceModels } from "@mmgen/example-common";
import { generate, rowSeeds } from "@mmgen/samplers";

/** Images read at once. */
const rowsAtOnce = 500;

/** What a model said of images, against what they show. */
export interface Reading {
  readonly count: number;
  readonly right: number;
  /** How often each digit was taken for each, `[10][10]`: shown down, read across. */
  readonly confusion: readonly (readonly number[])[];
}

/** One digit taken for another. */
export interface Mistake {
  readonly shown: number;
  readonly read: number;
  readonly count: number;
  /** Of the images that show this digit. */
  readonly share: number;
}

/** How images are read: by the likeliest of the ten digits at temperature 0. */
export interface ReadingOptions {
  readonly seed: number;
  readonly temperature: number;
  readonly signal: AbortSignal;
}

/** Reads digits off letters, and compares them with the truth. */
export async function scoreReading(
  models: SequenceModels,
  { codes, captions }: { readonly codes: CodeBatch; readonly captions: readonly string[] },
  options: ReadingOptions,
): Promise<Reading> {
  const counts = confusionCounts(captions.map(Number), await readDigits(models, codes, options), 10);
  const confusion = counts.map((row) => [...row]);
  return {
    count: captions.length,
    right: confusion.reduce((sum, row, digit) => sum + row[digit]!, 0),
    confusion,
  };
}

/** The digit of each image: what follows `image:ABCDEFGH, number:`, of the ten that may. */
export async function readDigits(
  { tokenizer, transformer: model }: SequenceModels,
  codes: CodeBatch,
  { seed, temperature, signal }: ReadingOptions,
): Promise<Int32Array> {
  const digits = new Int32Array(codes.count);
  const { data, length } = tokenizer.promptForCaptions(codes);
  const seeds = rowSeeds(seed, codes.count);
  const grammar = tokenizer.grammar();
  for (let start = 0; start < codes.count; start += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, codes.count - start);
    const prompt = { data: data.subarray(start * length, (start + count) * length), count, length };
    const part = { model, prompt, grammar, steps: 1, seeds: seeds.subarray(start, start + count), temperature, signal };
    const { data: ids } = await generate(part);
    for (let row = 0; row < count; row++) {
      digits[start + row] = ids[(row + 1) * (length + 1) - 1]! - tokenizer.ids.text.start;
    }
  }
  return digits;
}

/** The commonest mistakes, those that every so many images of a digit meet first. */
export function commonMistakes({ confusion }: Reading, limit = 8): Mistake[] {
  return confusion
    .flatMap((row, shown) => {
      const total = row.reduce((sum, count) => sum + count, 0);
      return row.map((count, read) => ({ shown, read, count, share: total > 0 ? count / total : 0 }));
    })
    .filter(({ shown, read, count }) => shown !== read && count > 0)
    .sort((a, b) => b.share - a.share || a.shown - b.shown || a.read - b.read)
    .slice(0, limit);
}

/** "4 as 9: 3.1 % (31)". */
export function mistakeLine({ shown, read, count, share }: Mistake): string {
  return `${shown} as ${read}: ${(100 * share).toFixed(1)} % (${count})`;
}

import { evaluateSequences, type SequenceMetrics } from "@mmgen/evaluation";
import type { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import type { TinyTransformer } from "@mmgen/tiny-transformer";
import type { LetterPairs } from "./letters.js";
import { linesInOrder } from "./line-batches.js";

/** Rows scored at once. */
const batchSize = 250;

/** Figures of the same pairs in both orders, by the task that each order sets; padding does not count. */
export interface LineFigures {
  /** Of the lines that name the digit first. */
  readonly drawing: SequenceMetrics;
  /** Of the lines that show the image first. */
  readonly reading: SequenceMetrics;
}

/** Likelihood of lines that were not trained on, each in both orders. */
export interface LineLikelihood {
  /** Mean over the characters that count: padding does not. */
  readonly natsPerCharacter: number;
  /** The sum over a line's characters, by the line's task. */
  readonly natsPerLine: { readonly drawing: number; readonly reading: number };
  /**
   * Counted as the original does, over all 32 targets of a window: those of the line, its padding, which costs next to
   * nothing as it is certain, and the first character of the unrelated line after it, a toss of ln 2.
   */
  readonly natsAsPublished: number;
  /** Mean nats of a letter of an image that is drawn, after the digit's name; chance is ln 26 = 3.26. */
  readonly natsPerLetter: number;
}

/** Runs a model over pairs in both orders. @throws an `AbortedError` when the signal fires. */
export async function lineFigures(
  model: Pick<TinyTransformer, "lossPerPosition">,
  tokenizer: MultimodalTokenizer,
  pairs: LetterPairs,
  signal?: AbortSignal,
): Promise<LineFigures> {
  const modalityOf = (id: number) => tokenizer.modality(id);
  const evaluate = (order: "text-first" | "image-first") =>
    evaluateSequences({ model, sequences: linesInOrder(tokenizer, pairs, order), batchSize, modalityOf, signal });
  return { drawing: await evaluate("text-first"), reading: await evaluate("image-first") };
}

/**
 * Sums up the figures of lines.
 *
 * @param lineLength - Characters of a line, padding included.
 */
export function lineLikelihood({ drawing, reading }: LineFigures, lineLength: number): LineLikelihood {
  const natsPerLine = { drawing: drawing.natsPerSample, reading: reading.natsPerSample };
  return {
    natsPerCharacter: meanNats({ drawing, reading }),
    natsPerLine,
    natsAsPublished: ((natsPerLine.drawing + natsPerLine.reading) / 2 + Math.LN2) / lineLength,
    natsPerLetter: drawing.byModality.image!.natsPerDim,
  };
}

/** Mean nats of a character; lines of both orders have equally many. */
export function meanNats({ drawing, reading }: LineFigures): number {
  return (drawing.natsPerDim + reading.natsPerDim) / 2;
}

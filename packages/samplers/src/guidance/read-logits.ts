import { type Denoiser, ShapeError, type TokenBatch } from "@mmgen/core";

/**
 * A model's logits, `[rows, length, vocabularySize]`.
 *
 * @throws a {@link ShapeError} when the model gives another number of them.
 */
export async function readLogits(model: Denoiser, ids: TokenBatch): Promise<Float32Array> {
  const logits = await model.logits(ids);
  const expected = ids.data.length * model.vocabularySize;
  if (logits.length !== expected) {
    throw new ShapeError(
      `The model gave ${logits.length} logits, expected ${expected}: ${ids.data.length} ids × ${model.vocabularySize}.`,
    );
  }
  return logits;
}

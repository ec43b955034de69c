import { setImmediate } from "node:timers/promises";
import { type ImageBatch, sliceImages } from "@mmgen/core";
import type { MultimodalModel } from "../model/multimodal-model.js";
import type { PairScore } from "../model/pair-methods.js";

/** How unlikely a caption with its image is, in nats; of the family `diffusion` upper bounds. */
export interface CaptionScore extends Pick<PairScore, "natsPerId" | "natsPerSequence"> {
  /** Of the caption alone, given its image; absent where the model does not know it. */
  readonly captionNats?: number;
}

/**
 * What `score` says of each pair.
 *
 * @returns Undefined for a model that has no likelihood: of the diffusion kernel `chain`.
 */
export async function captionScores(
  model: MultimodalModel,
  { captions, images }: { readonly captions: readonly string[]; readonly images: ImageBatch },
  signal: AbortSignal,
): Promise<CaptionScore[] | undefined> {
  if (model.config.diffusion?.kernel.type === "chain") {
    return undefined;
  }
  const scores: CaptionScore[] = [];
  for (const [i, caption] of captions.entries()) {
    // Each keeps the thread to itself: between two, the server hears who came and who went.
    await setImmediate();
    const score = await model.score({ images: sliceImages(images, i, i + 1), captions: [caption] }, { signal });
    const { natsPerId, natsPerSequence } = score;
    const captionNats = captionNatsOf(model, score);
    scores.push({ natsPerId, natsPerSequence, ...(captionNats !== undefined && { captionNats }) });
  }
  return scores;
}

function captionNatsOf({ tokenizer }: MultimodalModel, { bounds, byOrder }: PairScore): number | undefined {
  const learnedBoth = tokenizer.orders.length > 1;
  return (
    bounds?.textGivenImage?.natsPerSequence ??
    (learnedBoth ? byOrder?.["image-first"].byModality.text?.natsPerSequence : undefined)
  );
}

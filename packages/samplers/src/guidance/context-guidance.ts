import type { DenoisePlan, TokenBatch } from "@mmgen/core";
import type { DenoiseConfig } from "../denoising/denoise-options.js";
import { guidanceScales, isNeutralScale } from "./guidance-scales.js";
import { readLogits } from "./read-logits.js";

/** Adds to a plan what guidance by context needs: the model's logits for a row of which nothing is known. */
export async function withContextGuidance(plan: DenoisePlan, config: DenoiseConfig): Promise<DenoisePlan> {
  const { model, sampler } = config;
  const scale = "contextGuidance" in sampler ? sampler.contextGuidance : 1;
  if (isNeutralScale(scale)) {
    return plan;
  }
  // A copy: a model may write its next logits into the same memory.
  const logits = (await readLogits(model, blankRow(plan))).slice();
  return { ...plan, blank: { logits, scales: guidanceScales(scale, plan.rounds) } };
}

/** One row, masked but where only one id is legal. */
function blankRow({ ids: { length }, legal, maskId }: DenoisePlan): TokenBatch {
  const data = Int32Array.from({ length }, (_, position) => {
    const [from, to] = [legal.from[position]!, legal.to[position]!];
    return to - from === 1 ? from : maskId!;
  });
  return { data, count: 1, length };
}

/**
 * Moves logits away from those of a blank row, where the plan says so.
 *
 * @param logits - `[rows, length, vocabularySize]`; borrowed.
 */
export function guideByContext(logits: Float32Array, { blank }: DenoisePlan, round: number): Float32Array {
  if (blank === undefined) {
    return logits;
  }
  const scale = blank.scales[round]!;
  const size = blank.logits.length;
  return logits.map((value, i) => {
    const without = blank.logits[i % size]!;
    return without + (value - without) * scale;
  });
}

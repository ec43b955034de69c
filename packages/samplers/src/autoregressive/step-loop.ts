import { guidanceScales, isNeutralScale } from "../guidance/guidance-scales.js";
import { RowSampler } from "../processors/row-sampler.js";
import type { GenerateConfig } from "./generate-options.js";
import type { Generation } from "./generation.js";
import { guidedLogits, LogitsSource, throwIfAborted } from "./logits-source.js";

/** Completes the generation id by id, with a model step only where logits are needed. */
export async function runSteps(generation: Generation, config: GenerateConfig, seeds: Uint32Array): Promise<void> {
  const { guidance, model, onIds, prompt, sampling, signal } = config;
  const { vocabularySize } = model;
  const { rows } = generation;
  const source = new LogitsSource(model, prompt, prompt.length, signal);
  const unconditioned =
    guidance === undefined || isNeutralScale(guidance.scale)
      ? undefined
      : new LogitsSource(model, guidance.prompt, prompt.length, signal);
  const scaleAt = scalesOf(config, generation.total);
  const mixed = new Float32Array(unconditioned === undefined ? 0 : rows * vocabularySize);
  const sampler = new RowSampler(sampling, vocabularySize);
  const seen = seenIds(generation, sampling.repetitionPenalty === 1 ? 0 : vocabularySize);
  const chosen = new Int32Array(rows);
  try {
    while (!generation.isDone) {
      throwIfAborted(signal);
      const { position } = generation;
      const logits = generation.isForced
        ? undefined
        : unconditioned === undefined
          ? await source.next(generation)
          : await guidedLogits(source, unconditioned, scaleAt(position), generation, mixed);
      for (let row = 0; row < rows; row++) {
        const legal = generation.legal(row);
        const offset = row * vocabularySize;
        chosen[row] =
          logits === undefined || legal.length === 1
            ? legal[0]!
            : sampler.choose({ logits, offset, legal, seen }, seeds[row]!, position);
        if (seen.length > 0) {
          seen[offset + chosen[row]!] = 1;
        }
      }
      generation.append(chosen);
      await onIds?.({ ids: chosen.slice(), position });
    }
  } finally {
    source.dispose();
    unconditioned?.dispose();
  }
}

/** Guidance scale by position; a constant one is not rounded to float32. */
function scalesOf({ guidance, prompt }: GenerateConfig, total: number): (position: number) => number {
  const scale = guidance?.scale ?? 1;
  if (typeof scale === "number") {
    return () => scale;
  }
  const scales = guidanceScales(scale, total - prompt.length);
  return (position) => scales[position - prompt.length]!;
}

/** Marks the ids in each row's prompt with 1, `[rows, width]`. */
export function seenIds(generation: Generation, width: number): Uint8Array {
  const seen = new Uint8Array(generation.rows * width);
  for (let row = 0; row < generation.rows && width > 0; row++) {
    for (let i = 0; i < generation.position; i++) {
      seen[row * width + generation.ids[row * generation.total + i]!] = 1;
    }
  }
  return seen;
}

import { type DecodePlan, ShapeError, type TokenBatch } from "@mmgen/core";
import { guidanceScales, isNeutralScale } from "../guidance/guidance-scales.js";
import type { GenerateConfig } from "./generate-options.js";
import { type Generation, walkRows } from "./generation.js";
import type { GrammarTable } from "./grammar-table.js";
import { throwIfAborted } from "./logits-source.js";

/** Whether the model has `decode` and a {@link DecodePlan} can express all options. */
export function canRunNatively({ guidance, model, onIds, prompt, sampling }: GenerateConfig): boolean {
  return (
    model.decode !== undefined &&
    onIds === undefined &&
    // Conditioned and other rows share positions.
    (guidance === undefined || isNeutralScale(guidance.scale) || guidance.prompt.length === prompt.length) &&
    (sampling.temperature === 0 || (sampling.minP === 0 && sampling.typicalP === 1)) &&
    sampling.repetitionPenalty === 1
  );
}

/** Completes the generation with the model's own `decode` and checks the result. */
export async function runNatively(
  generation: Generation,
  config: GenerateConfig,
  seeds: Uint32Array,
  table: GrammarTable,
): Promise<TokenBatch> {
  const { grammar, guidance, model, prompt, sampling, signal } = config;
  const chosen = new Int32Array(generation.rows);
  while (!generation.isDone && generation.isForced) {
    generation.append(chosen.map((_, row) => generation.legal(row)[0]!));
  }
  throwIfAborted(signal);
  if (generation.isDone) {
    return generation.leading(generation.total);
  }
  const { temperature, topK, topP } = sampling;
  const draws = temperature > 0;
  const plan: DecodePlan = {
    prompt: generation.leading(generation.position),
    steps: generation.total - generation.position,
    ...(grammar === undefined ? {} : { grammar }),
    seeds,
    temperature,
    ...(draws && topK < model.vocabularySize ? { topK } : {}),
    ...(draws && topP < 1 ? { topP } : {}),
    ...(guidance === undefined || isNeutralScale(guidance.scale)
      ? {}
      : {
          guidance: {
            prompt: generation.continued(guidance.prompt, prompt.length),
            scales: guidanceScales(guidance.scale, generation.total - prompt.length).slice(
              generation.position - prompt.length,
            ),
          },
        }),
  };
  const result = await model.decode!(plan, { signal });
  throwIfAborted(signal);
  checkResult(result, plan, generation, table);
  return result;
}

function checkResult(result: TokenBatch, { prompt }: DecodePlan, generation: Generation, table: GrammarTable): void {
  const { rows, total } = generation;
  if (result.count !== rows || result.length !== total || result.data.length !== rows * total) {
    throw new ShapeError(
      `The model's decode gave ${result.count} rows of ${result.length} ids, expected ${rows} of ${total}.`,
    );
  }
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < prompt.length; i++) {
      if (result.data[row * total + i] !== prompt.data[row * prompt.length + i]) {
        throw new ShapeError(`The model's decode changed row ${row} of its prompt, at position ${i}.`);
      }
    }
  }
  walkRows(result, table, "the model's decode");
}

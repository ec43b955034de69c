import { AbortedError, type DecodePlan, GrammarError, ShapeError, type TokenBatch } from "@mmgen/core";
import { feedsTravel } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { uploadTokens } from "../model/target-losses.js";
import { checkTokens } from "../model/token-checks.js";
import type { DecodeInputs, DecodeSettings } from "./native-decode.js";
import { uploadNoise, writeNoise } from "./noise-inputs.js";

/**
 * Checks that a model of these sizes can run the plan.
 *
 * @throws a {@link ShapeError} or `VocabularyError`.
 */
export function checkPlan(
  { prompt, steps, seeds, grammar, guidance }: DecodePlan,
  vocabularySize: number,
  contextLength: number,
) {
  checkTokens("prompt", prompt, vocabularySize, contextLength);
  if (!Number.isInteger(steps) || steps < 0 || prompt.length + steps > contextLength) {
    throw new ShapeError(
      `decode: ${steps} steps after a prompt of ${prompt.length} ids exceed the model's contextLength ${contextLength}.`,
    );
  }
  if (seeds.length !== prompt.count) {
    throw new ShapeError(`decode: expected a seed for each of ${prompt.count} rows, got ${seeds.length}.`);
  }
  if (guidance) {
    checkTokens("guidance.prompt", guidance.prompt, vocabularySize, contextLength);
    if (guidance.prompt.count !== prompt.count || guidance.prompt.length !== prompt.length) {
      throw new ShapeError(
        `decode: expected a guidance prompt shaped as the prompt, [${prompt.count}, ${prompt.length}], got [${guidance.prompt.count}, ${guidance.prompt.length}].`,
      );
    }
    if (guidance.scales.length !== steps) {
      throw new ShapeError(
        `decode: expected a guidance scale for each of ${steps} steps, got ${guidance.scales.length}.`,
      );
    }
  }
  if (grammar && grammar.vocabularySize !== vocabularySize) {
    throw new ShapeError(
      `decode: expected a grammar for the model's vocabulary of ${vocabularySize} ids, got one for ${grammar.vocabularySize}.`,
    );
  }
}

/** Settings of a plan that determine the graph. */
export function choiceSettings({ temperature, topK, topP, guidance }: DecodePlan): DecodeSettings {
  return {
    temperature,
    ...(topK !== undefined && { topK }),
    ...(topP !== undefined && { topP }),
    ...(guidance && { guided: true }),
    ...(feedsTravel() && { drawsNoise: true }),
  };
}

/** What happens between two blocks of rows; throws where the others are not to be run. */
export type Pause = () => Promise<void>;

/**
 * Lets the thread turn to what else waits for it, such as whoever aborts the signal.
 *
 * @throws an {@link AbortedError} when the signal is aborted.
 */
export async function pauseBetweenBlocks(signal: AbortSignal | undefined): Promise<void> {
  // A settled promise would not let timers and connections have their turn.
  await new Promise<void>((resolve) => setTimeout(resolve));
  if (signal?.aborted) {
    throw new AbortedError("Stopped between two blocks of rows.", { cause: signal.reason });
  }
}

/**
 * Runs a plan in blocks of rows, which do not depend on each other. All blocks have the same number of rows, so that one
 * graph serves for them: the last one begins with rows that were run before.
 *
 * @param maxRows - Most rows of a block: a session keeps what it computed with until it is dropped.
 * @param pause - Awaited between two blocks.
 */
export async function inBlocks(
  plan: DecodePlan,
  maxRows: number,
  run: (block: DecodePlan) => Promise<TokenBatch>,
  pause?: Pause,
): Promise<TokenBatch> {
  const { guidance, prompt, seeds, steps } = plan;
  const { count } = prompt;
  const size = Math.ceil(count / Math.ceil(count / maxRows));
  if (count <= size) {
    return run(plan);
  }
  const length = prompt.length + steps;
  const data = new Int32Array(count * length);
  for (let start = 0; start < count; start += size) {
    if (start > 0) {
      await pause?.();
    }
    const from = Math.min(start, count - size);
    const rowsOf = (ids: TokenBatch): TokenBatch => ({
      ...{ data: ids.data.subarray(from * ids.length, (from + size) * ids.length), count: size, length: ids.length },
    });
    const block = await run({
      ...{ ...plan, prompt: rowsOf(prompt), seeds: seeds.subarray(from, from + size) },
      ...(guidance && { guidance: { ...guidance, prompt: rowsOf(guidance.prompt) } }),
    });
    data.set(block.data, from * length);
  }
  return { data, count, length };
}

/**
 * Runs a plan that {@link checkPlan} has checked.
 *
 * @param run - Graph that returns the chosen ids, `[steps, rows]` int32.
 * @param noise - Memory for the noise, `[steps, rows, vocabularySize]`; given up until the ids are there. Absent where the
 *   graph draws it.
 * @returns Prompt and added ids, `[rows, promptLength + steps]`.
 */
export async function runPlan(
  plan: DecodePlan,
  run: (inputs: DecodeInputs) => tf.Tensor2D,
  vocabularySize: number,
  noise: Float32Array | undefined,
): Promise<TokenBatch> {
  if (plan.steps === 0) {
    return withIds(plan, new Int32Array(0));
  }
  const chosen = tf.tidy(() => run(uploadPlan(plan, vocabularySize, noise)));
  return withIds(plan, (await chosen.data().finally(() => chosen.dispose())) as Int32Array);
}

/** A plan's prompts and the ids added to them, `[steps, rows]`. */
export function withIds({ prompt, steps }: DecodePlan, ids: Int32Array): TokenBatch {
  const length = prompt.length + steps;
  const data = new Int32Array(prompt.count * length);
  for (let row = 0; row < prompt.count; row++) {
    data.set(prompt.data.subarray(row * prompt.length, (row + 1) * prompt.length), row * length);
    for (let step = 0; step < steps; step++) {
      data[row * length + prompt.length + step] = ids[step * prompt.count + row]!;
    }
  }
  return { data, count: prompt.count, length };
}

/** Uploads the tensors of a plan as {@link uploadStart} does. */
function uploadPlan(plan: DecodePlan, vocabularySize: number, memory: Float32Array | undefined): DecodeInputs {
  const drawn = memory && writeNoise(plan, vocabularySize, memory);
  const noise = uploadNoise(plan, vocabularySize, drawn);
  const scales = plan.guidance && tf.tensor1d(plan.guidance.scales, "float32");
  return { ...uploadStart(plan, vocabularySize), noise, ...(scales && { scales }) };
}

/**
 * Uploads what does not differ from step to step; the tensors belong to the caller or the open tidy. Throws
 * {@link GrammarError} when a prompt violates the grammar.
 */
export function uploadStart(
  { prompt, grammar, guidance }: DecodePlan,
  vocabularySize: number,
): Pick<DecodeInputs, "prompt" | "grammar"> {
  const rows = [prompt, ...(guidance ? [guidance.prompt] : [])].map(uploadTokens);
  const inputs = { prompt: (guidance ? tf.concat(rows, 0) : rows[0]!) as tf.Tensor2D };
  if (!grammar) {
    return inputs;
  }
  const legality = Float32Array.from(grammar.allowed, (allowed) => (allowed === 1 ? 0 : Number.NEGATIVE_INFINITY));
  // Entries of illegal ids are never followed, but their values must not index outside of the table.
  const next = grammar.next.map((state, entry) => (grammar.allowed[entry] === 1 ? state : 0));
  return {
    ...inputs,
    grammar: {
      legality: tf.tensor2d(legality, [grammar.stateCount, vocabularySize]),
      next: tf.tensor1d(next, "int32"),
      states: tf.tensor1d(statesAfter(prompt, grammar), "int32"),
    },
  };
}

/** Grammar state of each row after its prompt. */
function statesAfter(prompt: TokenBatch, grammar: NonNullable<DecodePlan["grammar"]>): Int32Array {
  return Int32Array.from({ length: prompt.count }, (_, row) => {
    let state = grammar.start;
    for (let i = 0; i < prompt.length; i++) {
      const entry = state * grammar.vocabularySize + prompt.data[row * prompt.length + i]!;
      if (grammar.allowed[entry] !== 1) {
        throw new GrammarError(`decode: row ${row}, position ${i}: the id of the prompt is not legal in the grammar.`);
      }
      state = grammar.next[entry]!;
    }
    return state;
  });
}

import type { DecodePlan, TokenBatch } from "@mmgen/core";
import { computesAtOnce, type TensorFunction } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { TransformerNetwork } from "../model/transformer-backbone.js";
import { uploadStart, withIds } from "./decode-plan.js";
import {
  type DecodeSettings,
  grammarGuide,
  listState,
  readChoices,
  readState,
  runSteps,
  startDecode,
} from "./native-decode.js";
import { uploadNoise, writeNoise } from "./noise-inputs.js";

/** A whole decode as two graphs, for a backend without loops: on a device the caches stay there from step to step. */
export interface StepGraphs {
  /**
   * From room for the ids, `[steps, rows]` int32 of zeros, prompts, the first step's choices and the grammar to what a step
   * takes from the one before.
   */
  readonly start: TensorFunction;
  /** From the step's number and position, `[1]` int32 each, its choices, and what the step before gave, to the same anew. */
  readonly step: TensorFunction;
}

/** Builds the graphs of a decode by steps, to be compiled. */
export function stepGraphs(network: TransformerNetwork, settings: DecodeSettings): StepGraphs {
  const { layers } = network.config;
  return {
    start: (room, prompt, ...inputs) => {
      const [choices, grammar] = readChoices(inputs, network, settings);
      const parts = { network, settings, guide: grammarGuide(grammar, network) };
      const state = startDecode(prompt as tf.Tensor2D, choices, room!.shape[0]! - 1, parts);
      const chosen = withRow(room!, tf.tensor1d([0], "int32"), state.ids);
      // The grammar's tables go to the device once.
      return [chosen, ...listState(state), ...grammar.slice(0, 2).map((table) => tf.clone(table))];
    },
    step: (number, position, ...inputs) => {
      const [choices, [chosen, ...rest]] = readChoices(inputs, network, settings);
      const state = readState(rest, layers);
      const tables = state.states ? rest.slice(-2) : [];
      const guide = grammarGuide(state.states ? [...tables, state.states] : [], network);
      const next = runSteps(state, position!, choices, { network, settings, guide }).state;
      return [withRow(chosen!, number!, next.ids), ...listState(next), ...tables.map((table) => tf.clone(table))];
    },
  };
}

/** The ids with those of one step, of which there were zeros. */
function withRow(ids: tf.Tensor, step: tf.Tensor, row: tf.Tensor): tf.Tensor {
  const [steps, rows] = ids.shape as [number, number];
  const isHere = tf.equal(tf.range(0, steps, 1, "int32"), step);
  return tf.add(ids, tf.mul(tf.reshape(tf.cast(isHere, "int32"), [steps, 1]), tf.reshape(row, [1, rows])));
}

/**
 * Runs a plan that `checkPlan` has checked, a step at a time. Nothing is read before the end, but where the backend computes
 * later than it is called: there each step's ids, so that each step is a graph of its own.
 *
 * @param graphs - Compiled {@link stepGraphs} of the plan's settings.
 * @param noise - Memory for the noise, `[steps, rows, vocabularySize]`; given up until the ids are there. Absent where the
 *   graphs draw it.
 * @returns Prompt and added ids, `[rows, promptLength + steps]`.
 */
export async function decodeBySteps(
  plan: DecodePlan,
  graphs: StepGraphs,
  vocabularySize: number,
  noise: Float32Array | undefined,
): Promise<TokenBatch> {
  const { guidance, prompt, steps } = plan;
  if (steps === 0) {
    return withIds(plan, new Int32Array(0));
  }
  const drawn = noise && writeNoise(plan, vocabularySize, noise);
  const choices = (step: number) => [
    ...uploadNoise(plan, { first: step, count: 1 }, vocabularySize, drawn),
    ...(guidance ? [tf.tensor1d(guidance.scales.subarray(step, step + 1), "float32")] : []),
  ];
  let state: tf.Tensor[] = tf.tidy(() => {
    const { prompt: ids, grammar } = uploadStart(plan, vocabularySize);
    const tables = grammar ? [grammar.legality, grammar.next, grammar.states] : [];
    return graphs.start(tf.zeros([steps, prompt.count], "int32"), ids, ...choices(0), ...tables);
  });
  try {
    for (let step = 1; step < steps; step++) {
      if (!computesAtOnce()) {
        await state[1]!.data();
      }
      const before = state;
      state = tf.tidy(() => {
        const places = [step, prompt.length + step - 1].map((place) => tf.tensor1d([place], "int32"));
        return graphs.step(...places, ...choices(step), ...before);
      });
      tf.dispose(before);
    }
    return withIds(plan, (await state[0]!.data()) as Int32Array);
  } finally {
    tf.dispose(state);
  }
}

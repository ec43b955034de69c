import type { DecodePlan, TokenBatch } from "@mmgen/core";
import type { TensorFunction } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { TransformerNetwork } from "../model/transformer-backbone.js";
import { uploadStart, withIds } from "./decode-plan.js";
import {
  type Choices,
  type DecodeSettings,
  grammarGuide,
  listState,
  readState,
  runSteps,
  startDecode,
} from "./native-decode.js";
import { drawnNoise, uploadNoise, writeNoise } from "./noise-inputs.js";

/**
 * A whole decode as two graphs, for a backend without loops. All that a step takes was given by the start or by the step
 * before: on a device nothing comes from the host between steps, and a step can be captured and replayed.
 */
export interface StepGraphs {
  /**
   * From room for the ids, `[steps, rows]` int32 of zeros, prompts, {@link Shared} tensors and the rows' grammar states to
   * the shared tensors, where the results of steps are, and the state after the first choice.
   */
  readonly start: TensorFunction;
  /** From the shared tensors and a state to the state after one more choice. */
  readonly step: TensorFunction;
}

/**
 * What all steps read: their noise, `[steps, rows, vocabularySize]`, or the rows' seeds, `[rows]` int32; with guidance their
 * scales, `[steps]`; with a grammar its legality and its next states.
 */
type Shared = readonly tf.Tensor[];

/** Builds the graphs of a decode by steps, to be compiled. */
export function stepGraphs(network: TransformerNetwork, settings: DecodeSettings): StepGraphs {
  const { layers } = network.config;
  const choices = settings.guided ? 2 : 1;
  return {
    start: (room, prompt, ...inputs) => {
      const [shared, states] = [inputs.slice(0, choices + 2), inputs.slice(choices + 2)];
      const [step, position] = [0, prompt!.shape[1]!].map((place) => tf.tensor1d([place], "int32"));
      const tables = [...shared.slice(choices), ...states];
      const parts = { network, settings, guide: grammarGuide(tables, network) };
      const chosen = choicesAt({ step: step!, position: position! }, shared, parts);
      const state = startDecode(prompt as tf.Tensor2D, chosen, room!.shape[0]! - 1, parts);
      const first = { chosen: withRow(room!, step!, state.ids), step: next(step!) };
      return [...shared.map((tensor) => tf.clone(tensor)), first.chosen, first.step, ...listState(state)];
    },
    step: (...inputs) => {
      const withoutGrammar = choices + 3 + 2 * layers; // the ids, the step's number, the last ids, keys and values
      const shared = inputs.slice(0, inputs.length > withoutGrammar ? choices + 2 : choices);
      const [chosen, step, ...rest] = inputs.slice(shared.length) as [tf.Tensor, tf.Tensor, ...tf.Tensor[]];
      const state = readState(rest, layers);
      const tables = state.states ? [...shared.slice(choices), state.states] : [];
      const parts = { network, settings, guide: grammarGuide(tables, network) };
      // The last of the ids is never run: there are slots for the prompt and the others.
      const promptLength = state.keys[0]!.shape[2]! - (chosen.shape[0]! - 1);
      const position = tf.add(step, tf.scalar(promptLength, "int32"));
      const before = tf.sub(position, tf.scalar(1, "int32"));
      const { state: after } = runSteps(state, before, choicesAt({ step, position }, shared, parts), parts);
      return [withRow(chosen, step, after.ids), next(step), ...listState(after)];
    },
  };
}

interface Place {
  /** The step's number, `[1]` int32. */
  readonly step: tf.Tensor;
  /** Where its id goes, `[1]` int32. */
  readonly position: tf.Tensor;
}

function choicesAt(
  { step, position }: Place,
  [noise, scales]: Shared,
  { network, settings }: { readonly network: TransformerNetwork; readonly settings: DecodeSettings },
): Choices {
  const { drawsNoise, guided } = settings;
  const at = step as tf.Tensor1D;
  return {
    noise: drawsNoise ? drawnNoise(noise!, position, network.config.vocabularySize)! : tf.gather(noise!, at),
    scales: guided ? tf.gather(scales!, at) : undefined,
  };
}

function next(step: tf.Tensor): tf.Tensor {
  return tf.add(step, tf.scalar(1, "int32"));
}

/** The ids with those of one step, of which there were zeros. */
function withRow(ids: tf.Tensor, step: tf.Tensor, row: tf.Tensor): tf.Tensor {
  const [steps, rows] = ids.shape as [number, number];
  const isHere = tf.equal(tf.range(0, steps, 1, "int32"), step);
  return tf.add(ids, tf.mul(tf.reshape(tf.cast(isHere, "int32"), [steps, 1]), tf.reshape(row, [1, rows])));
}

/**
 * Runs a plan that `checkPlan` has checked, a step at a time. Nothing is read before the end.
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
  const sharedCount = 1 + (guidance ? 1 : 0) + (plan.grammar ? 2 : 0);
  const first = tf.tidy(() => {
    const { prompt: ids, grammar } = uploadStart(plan, vocabularySize);
    const scales = guidance ? [tf.tensor1d(guidance.scales, "float32")] : [];
    const tables = grammar ? [grammar.legality, grammar.next, grammar.states] : [];
    const choices = [uploadNoise(plan, vocabularySize, drawn)[0]!, ...scales];
    return graphs.start(tf.zeros([steps, prompt.count], "int32"), ids, ...choices, ...tables);
  });
  const shared = first.slice(0, sharedCount);
  let state = first.slice(sharedCount);
  try {
    for (let step = 1; step < steps; step++) {
      const before = state;
      state = graphs.step(...shared, ...before);
      tf.dispose(before);
    }
    return withIds(plan, (await state[0]!.data()) as Int32Array);
  } finally {
    tf.dispose([shared, state]);
  }
}

import { scan, type TensorFunction } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { TransformerNetwork } from "../model/transformer-backbone.js";
import { type KeysAndValues, lastLogits, runPosition, runPrompt } from "./cached-passes.js";
import { type ChoiceSettings, chooseIds } from "./choose-ids.js";

/** Maximum number of steps in one iteration of the loop. */
const maxUnrolled = 8;

/** Input tensors of a decode; borrowed. */
export interface DecodeInputs {
  /** `[rows, promptLength]`, int32. */
  readonly prompt: tf.Tensor2D;
  /** Standard Gumbel noise of each step, `[steps, rows, vocabularySize]`. */
  readonly noise: tf.Tensor3D;
  /** Grammar; absent: every id is always legal. */
  readonly grammar?: {
    /** 0 for legal ids, −∞ for others, `[states, vocabularySize]`. */
    readonly legality: tf.Tensor2D;
    /** State after an id, `[states · vocabularySize]`, int32. */
    readonly next: tf.Tensor1D;
    /** State of each row after its prompt, `[rows]`, int32. */
    readonly states: tf.Tensor1D;
  };
}

/**
 * Builds a whole decode as one graph that a backend may compile: prompt, steps, and the choice of each id.
 *
 * An iteration of the loop runs several steps: a backend can add an id to the caches in place only between steps of one
 * iteration, and copies them from iteration to iteration.
 *
 * @returns A function from the tensors of {@link listDecodeInputs} to the chosen ids, `[steps, rows]` int32.
 */
export function decodeGraph(network: TransformerNetwork, settings: ChoiceSettings): TensorFunction {
  return (prompt, noise, ...grammar) => {
    const guide = grammar.length === 0 ? undefined : grammarGuide(grammar, network.config.vocabularySize);
    return [decode(prompt as tf.Tensor2D, noise as tf.Tensor3D, { network, settings, guide })];
  };
}

/** Lists the input tensors in the order of {@link decodeGraph}. */
export function listDecodeInputs({ prompt, noise, grammar }: DecodeInputs): tf.Tensor[] {
  return [prompt, noise, ...(grammar ? [grammar.legality, grammar.next, grammar.states] : [])];
}

interface Guide {
  readonly start: tf.Tensor1D;
  legality(states: tf.Tensor): tf.Tensor2D;
  next(states: tf.Tensor, ids: tf.Tensor): tf.Tensor1D;
}

function grammarGuide(tensors: readonly tf.Tensor[], vocabularySize: number): Guide {
  const [legality, next, start] = tensors as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
  return {
    start,
    legality: (states) => tf.gather(legality, states as tf.Tensor1D),
    next: (states, ids) =>
      tf.gather(next, tf.add(tf.mul(states, tf.scalar(vocabularySize, "int32")), ids)) as tf.Tensor1D,
  };
}

interface Parts {
  readonly network: TransformerNetwork;
  readonly settings: ChoiceSettings;
  readonly guide: Guide | undefined;
}

function decode(prompt: tf.Tensor2D, noise: tf.Tensor3D, parts: Parts): tf.Tensor {
  const { network, guide } = parts;
  const { layers } = network.config;
  const [rows, promptLength] = prompt.shape;
  const [steps, , vocabularySize] = noise.shape;
  const passes = steps - 1;
  const { hidden, ...cached } = runPrompt(network, prompt);
  const first = choose(lastLogits(network, hidden), tf.reshape(noiseOf(noise, 0, 1), [rows, -1]), guide?.start, parts);
  const grow = (x: tf.Tensor) =>
    passes === 0
      ? x
      : tf.pad(x, [
          [0, 0],
          [0, 0],
          [0, passes],
          [0, 0],
        ]);
  const chosen: tf.Tensor[] = [tf.reshape(first.ids, [1, rows])];
  let state: DecodeState = { ...first, keys: cached.keys.map(grow), values: cached.values.map(grow) };

  const { iterations, unrolled } = divideSteps(passes);
  const looped = iterations * unrolled;
  if (iterations > 0) {
    const positions = tf.range(promptLength, promptLength + looped, 1, "int32");
    const { carry, outputs } = scan(
      (carry, [positions, noise]) => {
        const { ids, state } = runSteps(readState(carry, layers), { positions: positions!, noise: noise! }, parts);
        return { carry: listState(state), outputs: [tf.concat(ids, 0)] };
      },
      listState(state),
      [
        tf.reshape(positions, [iterations, unrolled]),
        tf.reshape(noiseOf(noise, 1, looped), [iterations, unrolled, rows, vocabularySize]),
      ],
    );
    chosen.push(tf.reshape(outputs[0]!, [looped, rows]));
    state = readState(carry, layers);
  }
  if (looped < passes) {
    const positions = tf.range(promptLength + looped, promptLength + passes, 1, "int32");
    const rest = { positions, noise: noiseOf(noise, 1 + looped, passes - looped) };
    chosen.push(...runSteps(state, rest, parts).ids);
  }
  return tf.concat(chosen, 0);
}

/** The number of steps in an iteration that leaves the fewest steps after the loop, and how often it goes round. */
export function divideSteps(steps: number): { readonly iterations: number; readonly unrolled: number } {
  let unrolled = maxUnrolled;
  for (let size = maxUnrolled - 1; 2 * size > maxUnrolled; size--) {
    unrolled = steps % size < steps % unrolled ? size : unrolled;
  }
  // A loop of one iteration would be no loop.
  const iterations = Math.floor(steps / unrolled);
  return { iterations: iterations > 1 ? iterations : 0, unrolled };
}

/** What a step passes to the next one. */
interface DecodeState extends KeysAndValues {
  /** Last chosen ids, `[rows]` int32. */
  readonly ids: tf.Tensor;
  /** Grammar state of each row, `[rows]` int32; absent without a grammar. */
  readonly states: tf.Tensor | undefined;
}

function listState({ ids, keys, values, states }: DecodeState): tf.Tensor[] {
  return [ids, ...keys, ...values, ...(states ? [states] : [])];
}

function readState([ids, ...rest]: readonly tf.Tensor[], layers: number): DecodeState {
  return { ids: ids!, keys: rest.slice(0, layers), values: rest.slice(layers, 2 * layers), states: rest[2 * layers] };
}

/** Runs steps one after the other: positions `[steps]` int32, noise `[steps, rows, vocabularySize]`. */
function runSteps(start: DecodeState, inputs: { positions: tf.Tensor; noise: tf.Tensor }, parts: Parts) {
  const rows = start.ids.shape[0]!;
  const steps = inputs.positions.shape[0]!;
  const positions = tf.split(inputs.positions, steps) as tf.Tensor1D[];
  const noise = tf.split(inputs.noise, steps);
  const ids: tf.Tensor[] = [];
  let state = start;
  for (let step = 0; step < steps; step++) {
    const { hidden, keys, values } = runPosition(parts.network, state.ids, positions[step]!, state, 1);
    const logits = lastLogits(parts.network, hidden);
    state = { keys, values, ...choose(logits, tf.reshape(noise[step]!, [rows, -1]), state.states, parts) };
    ids.push(tf.reshape(state.ids, [1, rows]));
  }
  return { ids, state };
}

function choose(logits: tf.Tensor2D, noise: tf.Tensor, states: tf.Tensor | undefined, { guide, settings }: Parts) {
  const ids = chooseIds(logits, guide?.legality(states!), noise as tf.Tensor2D, settings);
  return { ids, states: guide?.next(states!, ids) };
}

function noiseOf(noise: tf.Tensor3D, from: number, count: number): tf.Tensor3D {
  return tf.slice(noise, [from, 0, 0], [count, -1, -1]);
}

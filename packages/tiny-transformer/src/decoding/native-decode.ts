import { scan, type TensorFunction } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { TransformerNetwork } from "../model/transformer-backbone.js";
import { type KeysAndValues, lastLogits, runPosition, runPrompt } from "./cached-passes.js";
import { type ChoiceSettings, chooseIds } from "./choose-ids.js";
import { drawnNoise } from "./noise-inputs.js";

/** Maximum number of steps in one iteration of the loop. */
const maxUnrolled = 8;

/** Input tensors of a decode; borrowed. */
export interface DecodeInputs {
  /** `[rows, promptLength]`, int32; with guidance `[2 · rows, promptLength]`, the rows without their condition below. */
  readonly prompt: tf.Tensor2D;
  /** From {@link uploadNoise}. */
  readonly noise: readonly tf.Tensor[];
  /** Guidance scale of each step, `[steps]`, float32; absent: no guidance. */
  readonly scales?: tf.Tensor1D;
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
export function decodeGraph(network: TransformerNetwork, settings: DecodeSettings): TensorFunction {
  return (prompt, ...inputs) => {
    const [choices, grammar] = readChoices(inputs, network, settings);
    return [decode(prompt as tf.Tensor2D, choices, { network, settings, guide: grammarGuide(grammar, network) })];
  };
}

/** Settings that determine the structure of a whole decode. */
export interface DecodeSettings extends ChoiceSettings {
  /** Whether there are guidance scales among the inputs. Default: false. */
  readonly guided?: boolean;
  /** Whether the graph draws the noise, from seeds and positions. Default: false. */
  readonly drawsNoise?: boolean;
}

/** Lists the input tensors in the order of {@link decodeGraph}. */
export function listDecodeInputs({ prompt, noise, scales, grammar }: DecodeInputs): tf.Tensor[] {
  const tables = grammar ? [grammar.legality, grammar.next, grammar.states] : [];
  return [prompt, ...noise, ...(scales ? [scales] : []), ...tables];
}

/** Says which ids are legal in which state. */
interface Guide {
  readonly start: tf.Tensor1D;
  legality(states: tf.Tensor): tf.Tensor2D;
  next(states: tf.Tensor, ids: tf.Tensor): tf.Tensor1D;
}

/** The guide of a grammar's tensors in the order of {@link listDecodeInputs}; of none, none. */
export function grammarGuide(tensors: readonly tf.Tensor[], { config }: TransformerNetwork): Guide | undefined {
  if (tensors.length === 0) {
    return undefined;
  }
  const { vocabularySize } = config;
  const [legality, next, start] = tensors as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
  return {
    start,
    legality: (states) => tf.gather(legality, states as tf.Tensor1D),
    next: (states, ids) =>
      tf.gather(next, tf.add(tf.mul(states, tf.scalar(vocabularySize, "int32")), ids)) as tf.Tensor1D,
  };
}

/** What the steps of a decode have in common. */
export interface DecodeParts {
  readonly network: TransformerNetwork;
  readonly settings: ChoiceSettings;
  readonly guide: Guide | undefined;
}

/** What the choices of consecutive steps read: noise, `[steps, rows, vocabularySize]`, and guidance scales, `[steps]`. */
export interface Choices {
  readonly noise: tf.Tensor;
  readonly scales: tf.Tensor | undefined;
}

function decode(prompt: tf.Tensor2D, choices: Choices, parts: DecodeParts): tf.Tensor {
  const { layers } = parts.network.config;
  const promptLength = prompt.shape[1];
  const [steps, rows, vocabularySize] = choices.noise.shape as [number, number, number];
  const passes = steps - 1;
  let state = startDecode(prompt, choicesOf(choices, 0, 1), passes, parts);
  const chosen: tf.Tensor[] = [tf.reshape(state.ids, [1, rows])];

  const { iterations, unrolled } = divideSteps(passes);
  const looped = iterations * unrolled;
  if (iterations > 0) {
    const positions = tf.range(promptLength, promptLength + looped, 1, "int32");
    const { noise, scales } = choicesOf(choices, 1, looped);
    const { carry, outputs } = scan(
      (carry, [positions, noise, scales]) => {
        const { ids, state } = runSteps(readState(carry, layers), positions!, { noise: noise!, scales }, parts);
        return { carry: listState(state), outputs: [tf.concat(ids, 0)] };
      },
      listState(state),
      [
        tf.reshape(positions, [iterations, unrolled]),
        tf.reshape(noise, [iterations, unrolled, rows, vocabularySize]),
        ...(scales ? [tf.reshape(scales, [iterations, unrolled])] : []),
      ],
    );
    chosen.push(tf.reshape(outputs[0]!, [looped, rows]));
    state = readState(carry, layers);
  }
  if (looped < passes) {
    const positions = tf.range(promptLength + looped, promptLength + passes, 1, "int32");
    chosen.push(...runSteps(state, positions, choicesOf(choices, 1 + looped, passes - looped), parts).ids);
  }
  return tf.concat(chosen, 0);
}

/** Runs prompts and chooses the ids after them; the caches have room for so many more positions. */
export function startDecode(prompt: tf.Tensor2D, choices: Choices, room: number, parts: DecodeParts): DecodeState {
  const { network, guide } = parts;
  const { hidden, ...cached } = runPrompt(network, prompt);
  const first = choose(lastLogits(network, hidden), choices, guide?.start, parts);
  const grow = (x: tf.Tensor) =>
    room === 0
      ? x
      : tf.pad(x, [
          [0, 0],
          [0, 0],
          [0, room],
          [0, 0],
        ]);
  return { ...first, keys: cached.keys.map(grow), values: cached.values.map(grow) };
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
export interface DecodeState extends KeysAndValues {
  /** Last chosen ids, `[rows]` int32. */
  readonly ids: tf.Tensor;
  /** Grammar state of each row, `[rows]` int32; absent without a grammar. */
  readonly states: tf.Tensor | undefined;
}

/** Lists the tensors of a state. */
export function listState({ ids, keys, values, states }: DecodeState): tf.Tensor[] {
  return [ids, ...keys, ...values, ...(states ? [states] : [])];
}

/** The state of a list of {@link listState}; further tensors are left out. */
export function readState([ids, ...rest]: readonly tf.Tensor[], layers: number): DecodeState {
  return { ids: ids!, keys: rest.slice(0, layers), values: rest.slice(layers, 2 * layers), states: rest[2 * layers] };
}

/** Runs steps one after the other, at positions `[steps]` int32. */
export function runSteps(start: DecodeState, at: tf.Tensor, choices: Choices, parts: DecodeParts) {
  const rows = start.ids.shape[0]!;
  const steps = at.shape[0]!;
  const positions = tf.split(at, steps) as tf.Tensor1D[];
  const noise = tf.split(choices.noise, steps);
  const scales = choices.scales && tf.split(choices.scales, steps);
  const ids: tf.Tensor[] = [];
  let state = start;
  for (let step = 0; step < steps; step++) {
    const fed = scales ? tf.concat([state.ids, state.ids], 0) : state.ids;
    const { hidden, keys, values } = runPosition(parts.network, fed, positions[step]!, state, 1);
    const logits = lastLogits(parts.network, hidden);
    const choice = { noise: noise[step]!, scales: scales?.[step] };
    state = { keys, values, ...choose(logits, choice, state.states, parts) };
    ids.push(tf.reshape(state.ids, [1, rows]));
  }
  return { ids, state };
}

/** Chooses the ids of one step. With guidance, the logits without the condition are the second half of the rows. */
function choose(logits: tf.Tensor2D, { noise, scales }: Choices, states: tf.Tensor | undefined, parts: DecodeParts) {
  const { guide, settings } = parts;
  const [rows, vocabularySize] = noise.shape.slice(-2) as [number, number];
  const mixed = scales ? guided(logits, scales) : logits;
  const drawn = tf.reshape(noise, [rows, vocabularySize]) as tf.Tensor2D;
  const ids = chooseIds(mixed, guide?.legality(states!), drawn, settings);
  return { ids, states: guide?.next(states!, ids) };
}

/** Classifier-free guidance, `without + (with − without) · scale`: `[2 · rows, vocabularySize]` → `[rows, vocabularySize]`. */
function guided(logits: tf.Tensor2D, scale: tf.Tensor): tf.Tensor2D {
  const [withCondition, without] = tf.split(logits, 2) as [tf.Tensor2D, tf.Tensor2D];
  return tf.add(without, tf.mul(tf.sub(withCondition, without), scale));
}

/** The choices among a graph's inputs, noise and guidance scales, and the inputs after them. */
function readChoices(
  inputs: readonly tf.Tensor[],
  { config: { vocabularySize } }: TransformerNetwork,
  { drawsNoise, guided }: DecodeSettings,
): [Choices, tf.Tensor[]] {
  const [noise, rest] = drawsNoise
    ? [drawnNoise(inputs[0]!, inputs[1]!, vocabularySize)!, inputs.slice(2)]
    : [inputs[0]!, inputs.slice(1)];
  return guided ? [{ noise, scales: rest[0] }, rest.slice(1)] : [{ noise, scales: undefined }, rest];
}

function choicesOf({ noise, scales }: Choices, from: number, count: number): Choices {
  return {
    noise: tf.slice(noise, [from, 0, 0], [count, -1, -1]),
    scales: scales && tf.slice(scales, [from], [count]),
  };
}

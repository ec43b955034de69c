import { scan, type TensorFunction } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { TransformerNetwork } from "../model/transformer-backbone.js";
import type { TransformerConfig } from "../model/transformer-config.js";
import { type KeysAndValues, runPrompt, runWindowStep } from "./cached-passes.js";
import { type ChoiceSettings, chooseIds } from "./choose-ids.js";

/** Number of steps per chunk; the cache grows after each chunk. */
const chunkSteps = 16;

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
 * The keys and values of ids before a chunk of steps stay constant while it runs; those of the chunk's own ids are in a
 * short window that is passed from step to step. A step therefore copies a window, not the whole cache.
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

function decode(prompt: tf.Tensor2D, noise: tf.Tensor3D, { network, settings, guide }: Parts): tf.Tensor {
  const { config, head } = network;
  const [rows, promptLength] = prompt.shape;
  const steps = noise.shape[0];
  const choose = (hidden: tf.Tensor, noise: tf.Tensor, states: tf.Tensor | undefined) => {
    const logits = head.forward(tf.reshape(hidden, [rows, config.width])) as tf.Tensor2D;
    const ids = chooseIds(logits, guide?.legality(states!), noise as tf.Tensor2D, settings);
    return { ids, states: guide?.next(states!, ids) };
  };
  const noiseOf = (from: number, count: number) => tf.slice(noise, [from, 0, 0], [count, -1, -1]);

  const { hidden, keys, values } = runPrompt(network, prompt);
  let { ids, states } = choose(hidden, tf.reshape(noiseOf(0, 1), [rows, -1]), guide?.start);
  const chosen: tf.Tensor[] = [tf.reshape(ids, [1, rows])];
  let past = { keys, values };
  for (let done = 1; done < steps; ) {
    const count = Math.min(chunkSteps, steps - done);
    const first = promptLength + done - 1;
    const window = emptyWindow(rows, count, config);
    const result = scan(
      (carry, [position, here, mask, noise]) => {
        const [ids, ...rest] = carry;
        const states = guide && rest.pop();
        const window = { keys: rest.slice(0, config.layers), values: rest.slice(config.layers) };
        const place = { position: position as tf.Tensor1D, here: here!, mask: mask! };
        const step = runWindowStep(network, ids!, place, past, window);
        const next = choose(step.hidden, noise!, states);
        const carried = [next.ids, ...step.keys, ...step.values, ...(next.states ? [next.states] : [])];
        return { carry: carried, outputs: [tf.clone(next.ids)] };
      },
      [ids, ...window.keys, ...window.values, ...(states ? [states] : [])],
      [...chunkPlaces(first, count), noiseOf(done, count)],
    );
    chosen.push(result.outputs[0]!);
    done += count;
    const [last, ...rest] = result.carry;
    ids = last as tf.Tensor1D;
    states = guide && (rest.pop() as tf.Tensor1D);
    const grown = (before: readonly tf.Tensor[], added: readonly tf.Tensor[]) =>
      before.map((each, layer) => tf.concat([each, added[layer]!], 2));
    past = {
      keys: grown(past.keys, rest.slice(0, config.layers)),
      values: grown(past.values, rest.slice(config.layers)),
    };
  }
  return tf.concat(chosen, 0);
}

function emptyWindow(rows: number, length: number, { heads, layers, width }: TransformerConfig): KeysAndValues {
  const empty = () => Array.from({ length: layers }, () => tf.zeros([rows, heads, length, width / heads]));
  return { keys: empty(), values: empty() };
}

/**
 * Places of the steps of a chunk: position, `[steps, 1]` int32; one-hot slot in the window, `[steps, window, 1]`;
 * attention mask over the window, `[steps, 1, window]`.
 */
function chunkPlaces(first: number, count: number): tf.Tensor[] {
  const slots = Array.from({ length: count }, (_, step) => step);
  return [
    tf.tensor2d(
      slots.map((step) => [first + step]),
      [count, 1],
      "int32",
    ),
    tf.tensor3d(slots.map((step) => slots.map((slot) => [slot === step ? 1 : 0]))),
    tf.tensor3d(slots.map((step) => [slots.map((slot) => (slot <= step ? 0 : -1e9))])),
  ];
}

import { attention, oneHot } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { TransformerNetwork } from "../model/transformer-backbone.js";

/**
 * Attention keys and values of consecutive positions: for each layer one `[batch, heads, positions, headWidth]` of
 * each.
 */
export interface KeysAndValues {
  readonly keys: readonly tf.Tensor[];
  readonly values: readonly tf.Tensor[];
}

/**
 * Logits of the last position, `[batch, vocabularySize]`, and the key and value cache of each layer; yours to dispose.
 */
export interface CachedStep {
  readonly logits: tf.Tensor2D;
  readonly keys: tf.Tensor[];
  readonly values: tf.Tensor[];
}

/**
 * Runs prompts, `[batch, time]` int32, and returns logits and caches for the steps that follow.
 *
 * Only the last position goes through the output layer.
 */
export function runPrefill(network: TransformerNetwork, ids: tf.Tensor): CachedStep {
  const { contextLength } = network.config;
  const after: [number, number] = [0, contextLength - ids.shape[1]!];
  const padTime = (x: tf.Tensor) => tf.pad(x, [[0, 0], [0, 0], after, [0, 0]]);
  return tidyStep(network, () => {
    const { hidden, keys, values } = runPrompt(network, ids);
    return { logits: lastLogits(network, hidden), keys: keys.map(padTime), values: values.map(padTime) };
  });
}

/**
 * Runs one new id per row through all layers and the output layer, with cached keys and values.
 *
 * The position is a tensor, so that one compiled trace serves all positions; the caches hold zeros from it onwards.
 *
 * @param ids - `[batch]` int32.
 * @param position - `[1]` int32, the same for every row.
 * @param caches - `[batch, heads, contextLength, headWidth]` each.
 * @returns Logits, and caches that include the new position.
 */
export function runCachedStep(
  network: TransformerNetwork,
  ids: tf.Tensor,
  position: tf.Tensor1D,
  caches: KeysAndValues,
): CachedStep {
  const { backbone, config } = network;
  const { contextLength } = config;
  return tidyStep(network, () => {
    const rowsOf = (table: tf.Tensor) => tf.gather(table, position);
    const mask = rowsOf(backbone.mask!.value); // [1, contextLength]: this position attends to itself and those before it.
    const here = tf.reshape(oneHot(position, contextLength), [contextLength, 1]);
    const keys: tf.Tensor[] = [];
    const values: tf.Tensor[] = [];
    const hidden = backbone.runPass(tf.reshape(ids, [-1, 1]), {
      rowsOf,
      attend: (layer, { q, k, v }) => {
        keys.push(tf.add(caches.keys[layer]!, tf.mul(k, here)));
        values.push(tf.add(caches.values[layer]!, tf.mul(v, here)));
        return attention(q, keys[layer]!, values[layer]!, { mask });
      },
    });
    return { logits: lastLogits(network, hidden), keys, values };
  });
}

/** Converts a step to a list of tensors, as compiled functions return; see {@link groupStep}. */
export function flattenStep({ logits, keys, values }: CachedStep): tf.Tensor[] {
  return [logits, ...keys, ...values];
}

/** Converts a list of {@link flattenStep} back to a step. */
export function groupStep([logits, ...cached]: tf.Tensor[], layers: number): CachedStep {
  return { logits: logits as tf.Tensor2D, keys: cached.slice(0, layers), values: cached.slice(layers) };
}

function tidyStep({ config }: TransformerNetwork, run: () => CachedStep): CachedStep {
  return groupStep(
    tf.tidy(() => flattenStep(run())),
    config.layers,
  );
}

/** Applies the output layer, `[batch, 1, width]` → `[batch, vocabularySize]`. */
function lastLogits({ config, head }: TransformerNetwork, hidden: tf.Tensor): tf.Tensor2D {
  return head.forward(tf.reshape(hidden, [-1, config.width])) as tf.Tensor2D;
}

/**
 * Runs prompts through all layers.
 *
 * @param ids - `[batch, time]` int32.
 * @returns `hidden` of the last position, `[batch, 1, width]`, and the keys and values of all positions.
 */
export function runPrompt(
  { backbone, config }: TransformerNetwork,
  ids: tf.Tensor,
): KeysAndValues & { readonly hidden: tf.Tensor } {
  const [batch, time] = ids.shape as [number, number];
  const keys: tf.Tensor[] = [];
  const values: tf.Tensor[] = [];
  const onKeysAndValues = (k: tf.Tensor, v: tf.Tensor) => {
    keys.push(k);
    values.push(v);
  };
  const hidden = backbone.forward(ids, { onKeysAndValues });
  return { hidden: tf.slice(hidden, [0, time - 1, 0], [batch, 1, config.width]), keys, values };
}

/** Position of a step in its row and in its window. */
export interface WindowPlace {
  /** Position in the row, `[1]` int32. */
  readonly position: tf.Tensor1D;
  /** One-hot slot in the window, `[slots, 1]`. */
  readonly here: tf.Tensor;
  /** Attention mask over the window, added to the scores, `[1, slots]`. */
  readonly mask: tf.Tensor;
}

/**
 * Runs one new id per row through all layers, attending to a constant past and to a window that the id is added to.
 *
 * @param ids - `[batch]` int32.
 * @param past - Keys and values of all positions before the window.
 * @param window - Zero from the step's slot onwards.
 * @returns `hidden`, `[batch, 1, width]`, and the window that includes the new id.
 */
export function runWindowStep(
  { backbone, config }: TransformerNetwork,
  ids: tf.Tensor,
  { position, here, mask }: WindowPlace,
  past: KeysAndValues,
  window: KeysAndValues,
): KeysAndValues & { readonly hidden: tf.Tensor } {
  const keys: tf.Tensor[] = [];
  const values: tf.Tensor[] = [];
  const scale = Math.sqrt(config.width / config.heads);
  const hidden = backbone.runPass(tf.reshape(ids, [-1, 1]), {
    rowsOf: (table) => tf.gather(table, position),
    attend: (layer, { q, k, v }) => {
      const [pastKeys, pastValues] = [past.keys[layer]!, past.values[layer]!];
      keys.push(tf.add(window.keys[layer]!, tf.mul(k, here)));
      values.push(tf.add(window.values[layer]!, tf.mul(v, here)));
      const scaled = tf.div(q, scale);
      const scores = [
        tf.matMul(scaled, pastKeys, false, true),
        tf.add(tf.matMul(scaled, keys[layer]!, false, true), mask),
      ];
      const shares = tf.split(tf.softmax(tf.concat(scores, 3)), [pastKeys.shape[2]!, mask.shape[1]!], 3);
      return tf.add(tf.matMul(shares[0]!, pastValues), tf.matMul(shares[1]!, values[layer]!));
    },
  });
  return { hidden, keys, values };
}

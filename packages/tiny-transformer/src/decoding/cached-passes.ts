import { cachedAttention } from "@mmgen/nn/layers";
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
 * @param caches - `[batch, heads, slots, headWidth]` each, with more slots than the position.
 * @param minPosition - Least position that the compiled trace will see; steps are faster from 1 on.
 * @returns Logits, and caches that include the new position.
 */
export function runCachedStep(
  network: TransformerNetwork,
  ids: tf.Tensor,
  position: tf.Tensor1D,
  caches: KeysAndValues,
  minPosition = 0,
): CachedStep {
  return tidyStep(network, () => {
    const { hidden, keys, values } = runPosition(network, ids, position, caches, minPosition);
    return { logits: lastLogits(network, hidden), keys: [...keys], values: [...values] };
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

/** Applies the output layer, `[batch, width]` or `[batch, 1, width]` → `[batch, vocabularySize]`. */
export function lastLogits({ config, head }: TransformerNetwork, hidden: tf.Tensor): tf.Tensor2D {
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

/**
 * Runs one new id per row through all layers; arguments as of {@link runCachedStep}.
 *
 * @returns `hidden`, `[batch, width]`, and caches that include the new id.
 */
export function runPosition(
  { backbone }: TransformerNetwork,
  ids: tf.Tensor,
  position: tf.Tensor1D,
  caches: KeysAndValues,
  minPosition: number,
): KeysAndValues & { readonly hidden: tf.Tensor } {
  const keys: tf.Tensor[] = [];
  const values: tf.Tensor[] = [];
  const hidden = backbone.runPass(ids, {
    rowsOf: (table) => tf.gather(table, position),
    attend: (layer, heads) => {
      const cache = { keys: caches.keys[layer]!, values: caches.values[layer]! };
      const attended = cachedAttention(heads, cache, position, { minPosition });
      keys.push(attended.keys);
      values.push(attended.values);
      return attended.value;
    },
  });
  return { hidden, keys, values };
}

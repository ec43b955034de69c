import { compile } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { fedInputs } from "./fed-inputs.js";
import type { TransformerConfig } from "./transformer-config.js";
import { type GraphInputs, runHead, runPrompt, runStep } from "./transformer-graph.js";

/** Logits of the newest position, `[batch, vocabularySize]`, and one key and value cache a layer; yours to dispose. */
export interface CachedStep {
  readonly logits: tf.Tensor2D;
  readonly keys: tf.Tensor[];
  readonly values: tf.Tensor[];
}

/**
 * Runs prompts, `[batch, time]` int32, and lays out the caches that steps go on from.
 *
 * Only the last position goes through the output layer.
 */
export function runPrefill(ids: tf.Tensor, inputs: GraphInputs, config: TransformerConfig): CachedStep {
  const after: [number, number] = [0, config.contextLength - ids.shape[1]!];
  const padTime = (x: tf.Tensor) => tf.pad(x, [[0, 0], [0, 0], after, [0, 0]]);
  return ungroup(
    tf.tidy(() => {
      const { hidden, keys, values } = runPrompt(ids, inputs, config);
      const logits = runHead(tf.reshape(hidden, [-1, config.width]), inputs, config);
      return [logits, ...keys.map(padTime), ...values.map(padTime)];
    }),
    config,
  );
}

/** One new id a row through all layers and the output layer, against cached keys and values; see {@link runStep}. */
export function runCachedStep(
  ids: tf.Tensor,
  position: tf.Tensor1D,
  keys: readonly tf.Tensor[],
  values: readonly tf.Tensor[],
  inputs: GraphInputs,
  config: TransformerConfig,
): CachedStep {
  return ungroup(
    tf.tidy(() => {
      const next = runStep(ids, position, keys, values, inputs, config);
      return [runHead(tf.reshape(next.hidden, [-1, config.width]), inputs, config), ...next.keys, ...next.values];
    }),
    config,
  );
}

/**
 * One decode step as a function that a backend may compile: weights and position are among its inputs, so that neither
 * training on nor moving on asks for a new trace.
 */
export function compileStep(inputs: GraphInputs, config: TransformerConfig) {
  const { layers } = config;
  const fed = fedInputs(inputs);

  const step = compile((ids, position, ...rest) => {
    const [keys, values] = [rest.slice(0, layers), rest.slice(layers, 2 * layers)];
    const traced = fed.restore(rest.slice(2 * layers));
    const next = runCachedStep(ids!, position as tf.Tensor1D, keys, values, traced, config);
    return [next.logits, ...next.keys, ...next.values];
  });
  return (ids: tf.Tensor, position: tf.Tensor, keys: readonly tf.Tensor[], values: readonly tf.Tensor[]): CachedStep =>
    ungroup(step(ids, position, ...keys, ...values, ...fed.tensors), config);
}

function ungroup([logits, ...cached]: tf.Tensor[], { layers }: TransformerConfig): CachedStep {
  return { logits: logits as tf.Tensor2D, keys: cached.slice(0, layers), values: cached.slice(layers) };
}

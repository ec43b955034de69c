import type { Random } from "@mmgen/core";
import { attention, dropout, embedding, gelu, layerNorm, linear, oneHot } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import { type PositionTables, rotate } from "./positions.js";
import type { TransformerConfig } from "./transformer-config.js";

/** The tensors that a pass reads: weights by checkpoint name, and the model's fixed tables. */
export interface GraphInputs {
  readonly weights: ReadonlyMap<string, tf.Tensor>;
  readonly tables: PositionTables;
  /** Additive, `[contextLength, contextLength]`; absent in a model that is not causal. */
  readonly mask?: tf.Tensor;
}

/** What differs between a pass over whole rows and a pass over one new position. */
interface Pass {
  /** Picks the rows of a `[contextLength, …]` table that belong to the positions at hand. */
  readonly rowsOf: (table: tf.Tensor) => tf.Tensor;
  /** Queries, keys and values, `[batch, heads, time, headWidth]`, of one layer → attended values, shaped alike. */
  readonly attend: (layer: number, q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) => tf.Tensor;
  /** Where dropout masks are drawn; absent: no dropout. */
  readonly random?: Random | undefined;
}

const epsilon = 1e-5;

/**
 * Runs whole rows through all layers and the final norm.
 *
 * @param ids - `[batch, time]` int32.
 * @param options - `random`: switches dropout on; `onKeysAndValues`: is shown each layer's keys and values.
 * @returns `[batch, time, width]`.
 */
export function runRows(
  ids: tf.Tensor,
  inputs: GraphInputs,
  config: TransformerConfig,
  options: {
    readonly random?: Random | undefined;
    readonly onKeysAndValues?: (k: tf.Tensor, v: tf.Tensor) => void;
  } = {},
): tf.Tensor {
  const time = ids.shape[1]!;
  const { random, onKeysAndValues } = options;
  const rowsOf = (table: tf.Tensor) =>
    time === table.shape[0] ? table : tf.slice(table, [0, 0], [time, table.shape[1]!]);
  const mask =
    inputs.mask && (time === config.contextLength ? inputs.mask : tf.slice(inputs.mask, [0, 0], [time, time]));
  const attend: Pass["attend"] = (_, q, k, v) => {
    onKeysAndValues?.(k, v);
    return attention(q, k, v, {
      ...(mask && { mask }),
      ...(random && { dropout: { rate: config.dropout, random } }),
    });
  };
  return run(ids, inputs, config, { rowsOf, attend, random });
}

/**
 * Runs one new id a row through all layers, against cached keys and values.
 *
 * The position is a tensor, so that one trace serves them all; the caches hold zeros from it onwards.
 *
 * @param ids - `[batch]` int32.
 * @param position - `[1]` int32, the same for every row.
 * @param keys - One `[batch, heads, contextLength, headWidth]` a layer; `values` alike.
 * @returns `hidden`, `[batch, 1, width]`, and the caches with the new position filled in.
 */
export function runStep(
  ids: tf.Tensor,
  position: tf.Tensor1D,
  keys: readonly tf.Tensor[],
  values: readonly tf.Tensor[],
  inputs: GraphInputs,
  config: TransformerConfig,
): { hidden: tf.Tensor; keys: tf.Tensor[]; values: tf.Tensor[] } {
  const { contextLength } = config;
  const rowsOf = (table: tf.Tensor) => tf.gather(table, position);
  const mask = rowsOf(inputs.mask!); // [1, contextLength]: this position sees itself and those before it.
  const here = tf.reshape(oneHot(position, contextLength), [contextLength, 1]);
  const nextKeys: tf.Tensor[] = [];
  const nextValues: tf.Tensor[] = [];
  const attend: Pass["attend"] = (layer, q, k, v) => {
    nextKeys.push(tf.add(keys[layer]!, tf.mul(k, here)));
    nextValues.push(tf.add(values[layer]!, tf.mul(v, here)));
    return attention(q, nextKeys[layer]!, nextValues[layer]!, { mask });
  };
  const hidden = run(tf.reshape(ids, [-1, 1]), inputs, config, { rowsOf, attend });
  return { hidden, keys: nextKeys, values: nextValues };
}

/** Keys and values of a run of positions: one `[batch, heads, positions, headWidth]` a layer of each. */
export interface Window {
  readonly keys: readonly tf.Tensor[];
  readonly values: readonly tf.Tensor[];
}

/**
 * Runs prompts through all layers.
 *
 * @param ids - `[batch, time]` int32.
 * @returns `hidden` of the last position, `[batch, 1, width]`, and the keys and values of all.
 */
export function runPrompt(
  ids: tf.Tensor,
  inputs: GraphInputs,
  config: TransformerConfig,
): Window & { readonly hidden: tf.Tensor } {
  const [batch, time] = ids.shape as [number, number];
  const keys: tf.Tensor[] = [];
  const values: tf.Tensor[] = [];
  const onKeysAndValues = (k: tf.Tensor, v: tf.Tensor) => {
    keys.push(k);
    values.push(v);
  };
  const hidden = runRows(ids, inputs, config, { onKeysAndValues });
  return { hidden: tf.slice(hidden, [0, time - 1, 0], [batch, 1, config.width]), keys, values };
}

/** Where in a window a step stands. */
export interface WindowPlace {
  /** In its row, `[1]` int32. */
  readonly position: tf.Tensor1D;
  /** 1 at its slot, else 0, `[slots, 1]`. */
  readonly here: tf.Tensor;
  /** Additive: what of the window it may see, `[1, slots]`. */
  readonly mask: tf.Tensor;
}

/**
 * Runs one new id a row through all layers, against a past that stands still and a window that the id is added to.
 *
 * @param ids - `[batch]` int32.
 * @param past - All positions before the window's.
 * @param window - Zero from the step's slot onwards.
 * @returns `hidden`, `[batch, 1, width]`, and the window with the id's slot filled in.
 */
export function runWindowStep(
  ids: tf.Tensor,
  { position, here, mask }: WindowPlace,
  past: Window,
  window: Window,
  inputs: GraphInputs,
  config: TransformerConfig,
): { hidden: tf.Tensor; keys: tf.Tensor[]; values: tf.Tensor[] } {
  const keys: tf.Tensor[] = [];
  const values: tf.Tensor[] = [];
  const scale = Math.sqrt(config.width / config.heads);
  const attend: Pass["attend"] = (layer, q, k, v) => {
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
  };
  const rowsOf = (table: tf.Tensor) => tf.gather(table, position);
  const hidden = run(tf.reshape(ids, [-1, 1]), inputs, config, { rowsOf, attend });
  return { hidden, keys, values };
}

/** The output layer: `[…, width]` → `[…, vocabularySize]` logits. */
export function runHead(hidden: tf.Tensor, { weights }: GraphInputs, config: TransformerConfig): tf.Tensor {
  return linear(hidden, weights.get(config.tiedWeights ? "transformer.wte.weight" : "lm_head.weight")!);
}

function run(ids: tf.Tensor, inputs: GraphInputs, config: TransformerConfig, pass: Pass): tf.Tensor {
  const { weights, tables } = inputs;
  const weight = (name: string) => weights.get(name)!;
  const bias = (name: string) => weights.get(`${name}.bias`);
  const norm = (x: tf.Tensor, name: string) => layerNorm(x, weight(`${name}.weight`), bias(name), { epsilon });
  const project = (x: tf.Tensor, name: string) => linear(x, weight(`${name}.weight`), bias(name));
  const drop = (x: tf.Tensor) => (pass.random ? dropout(x, { rate: config.dropout, random: pass.random }) : x);

  let x = embedding(weight("transformer.wte.weight"), ids); // [batch, time, width]
  const added = config.positions === "learned" ? weight("transformer.wpe.weight") : tables.sinusoidal;
  x = drop(added ? tf.add(x, pass.rowsOf(added)) : x);
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `transformer.h.${layer}`;
    const joint = project(norm(x, `${prefix}.ln_1`), `${prefix}.attn.c_attn`); // [batch, time, 3 · width]
    const [q, k, v] = tf.split(joint, 3, -1).map((part) => splitHeads(part, config.heads));
    const [turnedQ, turnedK] = turn([q!, k!], tables, pass);
    const attended = mergeHeads(pass.attend(layer, turnedQ!, turnedK!, v!));
    x = tf.add(x, drop(project(attended, `${prefix}.attn.c_proj`)));
    const hidden = gelu(project(norm(x, `${prefix}.ln_2`), `${prefix}.mlp.c_fc`), {
      approximate: config.gelu === "exact" ? "none" : "tanh",
    });
    x = tf.add(x, drop(project(hidden, `${prefix}.mlp.c_proj`)));
  }
  return norm(x, "transformer.ln_f");
}

function turn(pair: tf.Tensor[], { cosine, sine }: PositionTables, pass: Pass): tf.Tensor[] {
  if (!cosine || !sine) {
    return pair;
  }
  const [cosineRows, sineRows] = [pass.rowsOf(cosine), pass.rowsOf(sine)];
  return pair.map((x) => rotate(x, cosineRows, sineRows));
}

/** `[batch, time, width]` → `[batch, heads, time, headWidth]` */
function splitHeads(x: tf.Tensor, heads: number): tf.Tensor {
  const [batch, time, width] = x.shape as [number, number, number];
  return tf.transpose(tf.reshape(x, [batch, time, heads, width / heads]), [0, 2, 1, 3]);
}

/** `[batch, heads, time, headWidth]` → `[batch, time, width]` */
function mergeHeads(x: tf.Tensor): tf.Tensor {
  const [batch, heads, time, headWidth] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, time, heads * headWidth]);
}

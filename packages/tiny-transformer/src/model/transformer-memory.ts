import { fields, resolveOptions, wholeNumber } from "@mmgen/core/options";
import {
  addsPositionVectors,
  resolveTransformer,
  type TransformerConfig,
  type TransformerOptions,
} from "./transformer-config.js";

/** Every value is a float32. */
const bytesPerValue = 4;

/**
 * Number of parameters of a transformer with this configuration, without allocating it.
 *
 * @throws a `ConfigError` when the configuration is not valid.
 */
export function parameterCount(config: TransformerOptions): number {
  const complete = resolveTransformer(config);
  const { vocabularySize, contextLength, width, layers, feedForwardWidth, tiedWeights, bias } = complete;
  const biased = bias ? 1 : 0;
  const norm = complete.normalization === "rms" ? width : (1 + biased) * width;
  const headNorms = complete.queryKeyNorm ? 2 * (width / complete.heads) : 0;
  const attention = 4 * width * width + biased * 4 * width + headNorms;
  const inner = complete.feedForward === "swiglu" ? 2 : 1; // linear layers to the hidden values
  const feedForward = (inner + 1) * width * feedForwardWidth + biased * (inner * feedForwardWidth + width);
  const positions = addsPositionVectors(complete) ? contextLength * width : 0;
  const tables = (tiedWeights ? 1 : 2) * vocabularySize * width + positions;
  return tables + layers * (2 * norm + attention + feedForward) + norm;
}

/** Memory of a model's weights and tables, in bytes. */
export interface ModelMemory {
  readonly weights: number;
  /** The causal mask, and the tables of sinusoidal or rotary positions. */
  readonly tables: number;
}

/** Memory of training, in bytes; see {@link trainingMemory}. */
export interface TrainingMemory extends ModelMemory {
  /** One gradient per weight. */
  readonly gradients: number;
  /** The two running means of AdamW. */
  readonly moments: number;
  /** Estimate of the values that the forward pass stores for the backward pass. */
  readonly activations: number;
  readonly total: number;
}

/** Memory of generation, in bytes; see {@link generationMemory}. */
export interface GenerationMemory extends ModelMemory {
  /** Keys and values of every position. */
  readonly cache: number;
  readonly total: number;
}

/**
 * Memory for training a transformer with AdamW, in bytes, without allocating it.
 *
 * All values but `activations` are exact. Activations are the values that the gradient formulas read, for each position
 * of each row: inputs of norms, linear layers and activations; queries, keys, values, attention weights and results; operands
 * of dropout; probabilities of the ids. An eager backend holds more: TensorFlow.js also keeps the operands of sums and
 * of rotations, two to three times as much, and temporary results until the step ends.
 *
 * @param options - `rows`: number of rows processed together at full context, of a batch or of one part of an
 *   accumulated batch.
 * @throws a `ConfigError` when the configuration is not valid or `rows` is not a whole number of at least 1.
 */
export function trainingMemory(config: TransformerOptions, options: { readonly rows: number }): TrainingMemory {
  const complete = resolveTransformer(config);
  const rows = resolveRows(options);
  const model = modelMemory(complete);
  const parts = {
    ...model,
    gradients: model.weights,
    moments: 2 * model.weights,
    activations: bytesPerValue * rows * complete.contextLength * activationsPerPosition(complete),
  };
  return { ...parts, total: sum(parts) };
}

/**
 * Memory for generating with a key-value cache, in bytes, without allocating it: exact between steps. During a step,
 * both the old and the new cache are in memory.
 *
 * @param options - `rows`: number of rows generated together; twice as many under guidance.
 * @throws a `ConfigError` when the configuration is not valid or `rows` is not a whole number of at least 1.
 */
export function generationMemory(config: TransformerOptions, options: { readonly rows: number }): GenerationMemory {
  const complete = resolveTransformer(config);
  const rows = resolveRows(options);
  const { layers, contextLength, width } = complete;
  const parts = { ...modelMemory(complete), cache: bytesPerValue * 2 * layers * rows * contextLength * width };
  return { ...parts, total: sum(parts) };
}

function modelMemory(config: TransformerConfig): ModelMemory {
  const { contextLength, width, heads, positions, causal } = config;
  const mask = causal ? contextLength ** 2 : 0;
  const rotary = (contextLength * width) / heads;
  const tables = { learned: 0, sinusoidal: contextLength * width, rotary, "rotary-2d": rotary }[positions];
  return { weights: bytesPerValue * parameterCount(config), tables: bytesPerValue * (mask + tables) };
}

/** Number of values per position and row that the backward pass reads. */
function activationsPerPosition(config: TransformerConfig): number {
  const { vocabularySize, contextLength, width, heads, layers, feedForwardWidth, dropout } = config;
  const headNorms = config.queryKeyNorm ? 2 * width : 0; // q and k before their norms
  const attention = 3 * width + headNorms + heads * contextLength + 2 * width; // q, k, v; weights; result, by head and merged
  // Before and after the GELU; or sigmoid and product with the gate, the other factor, and the result.
  const feedForward = (config.feedForward === "swiglu" ? 4 : 2) * feedForwardWidth;
  const normsAndInputs = 4 * width; // inputs and outputs of two norms
  const dropped = dropout === 0 ? 0 : heads * contextLength + 4 * width; // masks, and the operands of both branches
  const ends = (dropout === 0 ? 2 : 4) * width + vocabularySize; // embedding, final norm, probabilities
  return layers * (attention + feedForward + normsAndInputs + dropped) + ends;
}

function resolveRows(options: { readonly rows: number }): number {
  return resolveOptions(fields({ rows: wholeNumber({ min: 1 }) }), options).rows;
}

function sum(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((total, part) => total + part, 0);
}

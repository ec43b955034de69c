import { fields, resolveOptions, wholeNumber } from "@mmgen/core/options";
import { resolveTransformer, type TransformerConfig, type TransformerOptions } from "./transformer-config.js";

/** Every value is a float32. */
const bytesPerValue = 4;

/**
 * How many parameters a transformer of this configuration has, without allocating it.
 *
 * @throws a `ConfigError` when the configuration is not valid.
 */
export function parameterCount(config: TransformerOptions): number {
  const complete = resolveTransformer(config);
  const { vocabularySize, contextLength, width, layers, feedForwardWidth, positions, tiedWeights, bias } = complete;
  const biased = bias ? 1 : 0;
  const norm = (1 + biased) * width;
  const attention = 4 * width * width + biased * 4 * width;
  const feedForward = 2 * width * feedForwardWidth + biased * (feedForwardWidth + width);
  const tables = (tiedWeights ? 1 : 2) * vocabularySize * width + (positions === "learned" ? contextLength * width : 0);
  return tables + layers * (2 * norm + attention + feedForward) + norm;
}

/** What a model holds for as long as it lives, in bytes. */
interface ModelMemory {
  readonly weights: number;
  /** The causal mask, and the tables of sinusoidal or rotary positions. */
  readonly tables: number;
}

/** What training takes, in bytes; see {@link trainingMemory}. */
export interface TrainingMemory extends ModelMemory {
  /** One gradient a weight. */
  readonly gradients: number;
  /** The two running means of AdamW. */
  readonly moments: number;
  /** An estimate: what the forward pass leaves for the backward one. */
  readonly activations: number;
  readonly total: number;
}

/** What generation takes, in bytes; see {@link generationMemory}. */
export interface GenerationMemory extends ModelMemory {
  /** Keys and values of every position. */
  readonly cache: number;
  readonly total: number;
}

/**
 * What training a transformer with AdamW takes in bytes, without allocating it.
 *
 * All but `activations` are exact. Activations are what the gradients' formulas read, for each position of each row: what
 * goes into norms, linear layers and GELU, queries, keys, values, attention weights and results, what dropout multiplies,
 * and the probabilities of the ids. A backend that runs each operation at once holds more: TensorFlow.js keeps
 * the operands of sums and of rotations too, two to three times as much, and passing results until the step ends.
 *
 * @param options - `rows`: how many rows go through together, at full context: of a batch, or of one part of an accumulated one.
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
 * What a transformer takes in bytes to generate with a key-value cache, without allocating it: exactly what lies there
 * between steps. While a step runs, the next cache lies beside the last.
 *
 * @param options - `rows`: how many rows are generated together.
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
  const tables = { learned: 0, sinusoidal: contextLength * width, rotary: (contextLength * width) / heads }[positions];
  return { weights: bytesPerValue * parameterCount(config), tables: bytesPerValue * (mask + tables) };
}

/** Values that the backward pass reads, of one position of one row. */
function activationsPerPosition(config: TransformerConfig): number {
  const { vocabularySize, contextLength, width, heads, layers, feedForwardWidth, dropout } = config;
  const attention = 3 * width + heads * contextLength + 2 * width; // q, k, v; weights; result, by head and merged
  const feedForward = 2 * feedForwardWidth; // before and after the GELU
  const normsAndInputs = 4 * width; // of two norms: what goes in and what comes out
  const dropped = dropout === 0 ? 0 : heads * contextLength + 4 * width; // masks, and of both branches what they multiply
  const ends = (dropout === 0 ? 2 : 4) * width + vocabularySize; // embedding, final norm, probabilities
  return layers * (attention + feedForward + normsAndInputs + dropped) + ends;
}

function resolveRows(options: { readonly rows: number }): number {
  return resolveOptions(fields({ rows: wholeNumber({ min: 1 }) }), options).rows;
}

function sum(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((total, part) => total + part, 0);
}

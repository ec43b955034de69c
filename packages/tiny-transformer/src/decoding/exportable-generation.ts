import { ConfigError, type Grammar } from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  number,
  optional,
  pipe,
  positiveNumber,
  resolveOptions,
  rule,
  value,
  wholeNumber,
} from "@mmgen/core/options";
import { type ExportableFunction, exportedRows } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { TinyTransformer } from "../model/tiny-transformer.js";
import type { ChoiceSettings } from "./choose-ids.js";
import { decodeGraph } from "./native-decode.js";
import { drawnNoise } from "./noise-inputs.js";

/** Options of {@link exportableGeneration}. */
export interface GenerationOptions {
  /** Ids of each row's prompt, at least 1. */
  readonly promptLength: number;
  /** Ids to add to each row. Default: as many as fit the model's `contextLength`. */
  readonly steps?: number | undefined;
  /** Which ids may follow which: a grammar to keep in the file, or `"input"` for inputs. Default: all may. */
  readonly grammar?: Grammar | "input" | undefined;
  /** Divides the logits; 0 takes the most likely id and draws nothing. Default: 1. */
  readonly temperature?: number | undefined;
  /** Keeps logits at least as large as the k-th largest. Default: all. */
  readonly topK?: number | undefined;
  /** Keeps the smallest set of most likely ids whose probabilities sum to at least p. Default: all. */
  readonly topP?: number | undefined;
}

const isCount = (candidate: unknown) => Number.isSafeInteger(candidate) && (candidate as number) >= 1;
const generationSchema = fields({
  promptLength: wholeNumber({ min: 1 }),
  steps: optional(wholeNumber({ min: 1 })),
  grammar: optional(
    value<Grammar | "input">('a tokenizer\'s grammar, or "input"', (candidate) => {
      const { allowed, next, start, stateCount, vocabularySize } = Object(candidate) as Partial<Grammar>;
      const areTables = ArrayBuffer.isView(allowed) && ArrayBuffer.isView(next) && Number.isSafeInteger(start);
      return candidate === "input" || (areTables && [stateCount, vocabularySize].every(isCount));
    }),
  ),
  temperature: optional(number({ min: 0 }), 1),
  topK: optional(wholeNumber({ min: 1 })),
  topP: optional(positiveNumber()),
});

/**
 * A whole generation as one function, for `exportOnnx` of `@mmgen/backend-onnx`: prompt, loop, and the choice of each id.
 *
 * Inputs: `prompt`, `["rows", promptLength]` int32; above temperature 0 `seeds`, `["rows"]` int32, the bits of one unsigned
 * seed a row, as `rowSeeds` of `@mmgen/samplers` gives them; with `grammar: "input"` the grammar's tables `allowed`,
 * `["states", vocabularySize]` bool, `next`, of that shape, int32, and `start`, `[]` int32. Output: `ids`,
 * `["rows", promptLength + steps]` int32.
 *
 * The ids are those of `generate` with the same seeds, unless the last bits of logits decide a choice. Nothing is checked
 * when the file runs: a prompt that the grammar forbids, or a grammar that ends early, gives ids without meaning.
 *
 * @param model - Causal; borrowed. Its weights of the time of the export are stored in the file.
 * @throws a {@link ConfigError} when an option does not fit the model.
 */
export function exportableGeneration(model: TinyTransformer, options: GenerationOptions): ExportableFunction {
  const config = resolveGeneration(model, options);
  const { grammar, promptLength, steps, temperature } = config;
  const { vocabularySize } = model;
  const table = { shape: ["states", vocabularySize] };
  return {
    run: (inputs) => ({ ids: tf.tidy(() => runGeneration(model, config, inputs)) }),
    inputs: {
      prompt: { shape: ["rows", promptLength], dtype: "int32" },
      ...(temperature > 0 && { seeds: { shape: ["rows"], dtype: "int32" } }),
      ...(grammar === "input" && {
        allowed: { ...table, dtype: "bool" },
        next: { ...table, dtype: "int32" },
        start: { shape: [], dtype: "int32" },
      }),
    },
    weights: model.parameters,
    openSizes: { rows: exportedRows(promptLength) },
    metadata: {
      kind: "mmgen.generation",
      config: JSON.stringify(model.config),
      generation: JSON.stringify({ promptLength, steps, ...settingsOf(config) }),
    },
  };
}

type GenerationConfig = ConfigOf<typeof generationSchema> & { readonly steps: number };

function resolveGeneration(model: TinyTransformer, options: GenerationOptions): GenerationConfig {
  const { config, contextLength, vocabularySize } = model;
  if (!config.causal) {
    throw new ConfigError("exportableGeneration: expected a causal transformer, got one with causal: false.");
  }
  const schema = pipe(
    generationSchema,
    rule("promptLength", ({ promptLength, steps = 1 }) =>
      promptLength + steps > contextLength
        ? `${promptLength} ids and ${steps} steps exceed the model's contextLength ${contextLength}.`
        : undefined,
    ),
    rule("topK", ({ topK = 1 }) =>
      topK > vocabularySize ? `expected at most the vocabulary of ${vocabularySize} ids, got ${topK}.` : undefined,
    ),
    rule("topP", ({ topP = 1 }) => (topP > 1 ? `expected a number above 0 and at most 1, got ${topP}.` : undefined)),
    rule("grammar", ({ grammar }) =>
      typeof grammar === "object" && grammar.vocabularySize !== vocabularySize
        ? `expected one for the model's vocabulary of ${vocabularySize} ids, got one for ${grammar.vocabularySize}.`
        : undefined,
    ),
  );
  const resolved = resolveOptions(schema, options);
  return { ...resolved, steps: resolved.steps ?? contextLength - resolved.promptLength };
}

/** `[rows, promptLength + steps]` int32. */
function runGeneration(model: TinyTransformer, config: GenerationConfig, inputs: tf.NamedTensorMap): tf.Tensor {
  const { grammar, promptLength, steps, temperature } = config;
  const { vocabularySize } = model;
  const prompt = inputs.prompt as tf.Tensor2D;
  const [rows] = prompt.shape;
  const noise =
    temperature > 0
      ? drawNoise(inputs.seeds!, tf.range(promptLength, promptLength + steps, 1, "int32"), vocabularySize)
      : tf.zeros([steps, rows, vocabularySize]);
  const tables = grammar && guide(prompt, grammar === "input" ? inputs : uploadGrammar(grammar), vocabularySize);
  const [chosen] = decodeGraph(model, settingsOf(config))(prompt, noise, ...(tables ?? []));
  return tf.concat([prompt, tf.transpose(chosen!)], 1);
}

function settingsOf({ temperature, topK, topP }: GenerationConfig): ChoiceSettings {
  return { temperature, ...(topK !== undefined && { topK }), ...(topP !== undefined && { topP }) };
}

function drawNoise(seeds: tf.Tensor, positions: tf.Tensor, vocabularySize: number): tf.Tensor {
  const noise = drawnNoise(seeds, positions, vocabularySize);
  if (noise === undefined) {
    throw new ConfigError(
      `A generation is exported with the onnx backend, which draws its noise in the graph; ${tf.getBackend()} is active. ` +
        "Call await useOnnx() of @mmgen/backend-onnx.",
    );
  }
  return noise;
}

function uploadGrammar({ allowed, next, start, stateCount, vocabularySize }: Grammar): tf.NamedTensorMap {
  const shape: [number, number] = [stateCount, vocabularySize];
  return {
    allowed: tf.tensor2d(allowed, shape, "bool"),
    // Entries of illegal ids are never followed, but may be no states.
    next: tf.tensor2d(
      next.map((state, entry) => (allowed[entry] === 1 ? state : 0)),
      shape,
      "int32",
    ),
    start: tf.scalar(start, "int32"),
  };
}

/** What `decodeGraph` takes of a grammar: which ids are legal, the table of states, and each row's after its prompt. */
function guide(prompt: tf.Tensor2D, { allowed, next, start }: tf.NamedTensorMap, vocabularySize: number): tf.Tensor[] {
  const [rows, promptLength] = prompt.shape;
  const table = tf.reshape(next!, [-1]);
  let states = tf.add(tf.zeros([rows], "int32"), start!);
  for (let position = 0; position < promptLength; position++) {
    const ids = tf.reshape(tf.slice(prompt, [0, position], [rows, 1]), [rows]);
    states = tf.gather(table, tf.add(tf.mul(states, tf.scalar(vocabularySize, "int32")), ids) as tf.Tensor1D);
  }
  const legality = tf.where(allowed!, tf.scalar(0), tf.scalar(Number.NEGATIVE_INFINITY));
  return [legality, table, states];
}

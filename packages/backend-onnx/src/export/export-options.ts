import { ConfigError } from "@mmgen/core";
import {
  type ConfigOf,
  fields,
  functionValue,
  listOf,
  oneOf,
  optional,
  resolveOptions,
  value,
} from "@mmgen/core/options";
import * as tf from "@tensorflow/tfjs-core";
import { elementTypeOf } from "../runtime/element-type.js";

/** Shape and type of an input of an exported model. */
export interface ExportInput {
  /** A name, such as `"batch"`, is a size that is left open until the model runs; equal names are equal sizes. */
  readonly shape: readonly (number | string)[];
  readonly dtype: "float32" | "int32" | "bool";
}

/** A function of tensors by name to tensors by name. */
export type NamedTensorFunction = (inputs: tf.NamedTensorMap) => tf.NamedTensorMap;

/** Options of {@link exportOnnx}. */
export interface ExportOptions {
  /** Inputs of the function and of the model, by name and in order. */
  readonly inputs: Readonly<Record<string, ExportInput>>;
  /**
   * Variables that the function reads and assigns, by name. Each becomes an input of its name, after `inputs`, and its
   * new value the output `next.<name>`, after the function's own. Default: none.
   */
  readonly state?: ReadonlyMap<string, tf.Variable> | undefined;
  /** Names of other tensors that the function reads, such as weights; the remaining ones are numbered. Default: none. */
  readonly weights?: ReadonlyMap<string, tf.Tensor> | undefined;
  /** Texts to keep in the model, such as a configuration as JSON, by key. Default: none. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /**
   * For an open size that cannot have any number: three numbers that it can have, different ones above 1. The function is
   * recorded with each. Default: numbers from 29 to 101.
   */
  readonly openSizes?: Readonly<Record<string, readonly [number, number, number]>> | undefined;
}

/** A function that brings the options of its export along. */
export interface ExportableFunction extends ExportOptions {
  readonly run: NamedTensorFunction;
}

const isObject = (candidate: unknown) =>
  typeof candidate === "object" && candidate !== null && !Array.isArray(candidate);
const isMap = (candidate: unknown) => Object.prototype.toString.call(candidate) === "[object Map]";
const isSize = (candidate: unknown) => Number.isSafeInteger(candidate) && (candidate as number) >= 1;

const optionsSchema = fields({
  inputs: value<ExportOptions["inputs"]>(
    'inputs by name, such as { x: { shape: ["batch", 2], dtype: "float32" } }',
    isObject,
  ),
  state: optional(value<NonNullable<ExportOptions["state"]>>("a Map of variables by name", isMap)),
  weights: optional(value<NonNullable<ExportOptions["weights"]>>("a Map of tensors by name", isMap)),
  metadata: optional(value<NonNullable<ExportOptions["metadata"]>>("texts by key", isObject)),
  openSizes: optional(value<NonNullable<ExportOptions["openSizes"]>>("three numbers by the size's name", isObject)),
});

const inputSchema = fields({
  shape: listOf(
    value<number | string>(
      'a size of at least 1, or the name of an open size, such as "batch"',
      (size) => isSize(size) || (typeof size === "string" && size !== ""),
    ),
  ),
  dtype: oneOf(["float32", "int32", "bool"]),
});

const samplesSchema = listOf(
  value<number>("a whole number of at least 2", (size) => isSize(size) && (size as number) >= 2),
  { minLength: 3, maxLength: 3 },
);

/** {@link ExportOptions}, checked, with the function. */
export type ExportConfig = ConfigOf<typeof optionsSchema> & {
  readonly run: NamedTensorFunction;
  readonly metadata: Readonly<Record<string, string>>;
};

/**
 * Joins the options that a function brings along with those of the call, which take precedence, and checks them.
 *
 * @throws a {@link ConfigError} for an unknown or missing option, or one of another type.
 */
export function resolveExport(
  fn: NamedTensorFunction | ExportableFunction,
  options: Partial<ExportOptions> | undefined,
): ExportConfig {
  const { run, ...own } = typeof fn === "function" ? { run: fn } : readExportable(fn);
  const given = { ...own, ...(options === undefined ? {} : options) };
  const resolved = resolveOptions(optionsSchema, given);
  for (const [name, input] of Object.entries(resolved.inputs)) {
    resolveOptions(inputSchema, input, { path: `inputs.${name}` });
  }
  for (const [name, samples] of Object.entries(resolved.openSizes ?? {})) {
    const numbers = resolveOptions(samplesSchema, samples, { path: `openSizes.${name}` });
    if (new Set(numbers).size < numbers.length) {
      throw new ConfigError(`openSizes.${name}: expected three different numbers, got ${numbers.join(", ")}.`);
    }
  }
  for (const [name, variable] of resolved.state ?? []) {
    resolveOptions(stateSchema, variable, { path: `state.${name}` });
  }
  for (const [name, tensor] of resolved.weights ?? []) {
    resolveOptions(weightSchema, tensor, { path: `weights.${name}` });
  }
  const metadata = { ...("metadata" in own ? own.metadata : {}), ...options?.metadata };
  for (const [key, text] of Object.entries(metadata)) {
    resolveOptions(textSchema, text, { path: `metadata.${key}` });
  }
  return { ...resolved, run, metadata };
}

const textSchema = value<string>("a string", (text) => typeof text === "string");
const stateSchema = value<tf.Variable>(
  "a float32, int32 or bool variable",
  (candidate) => candidate instanceof tf.Variable && elementTypeOf(candidate.dtype) !== undefined,
);
const weightSchema = value<tf.Tensor>("a tensor", (candidate) => candidate instanceof tf.Tensor);
const exportableSchema = value<ExportableFunction>(
  "a function of tensors by name, or an object of such a function `run` and its options",
  (candidate) => typeof (candidate as Partial<ExportableFunction> | null)?.run === "function",
);

function readExportable(fn: ExportableFunction): ExportableFunction {
  resolveOptions(exportableSchema, fn, { path: "exportOnnx" });
  resolveOptions(functionValue(), fn.run, { path: "run" });
  return fn;
}

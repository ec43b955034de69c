import { ConfigError, describeValue, quote } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { LazyValue } from "../graph/lazy-value.js";
import type { Plan } from "../graph/plan.js";
import { elementTypeOf } from "../runtime/element-type.js";
import type { RecordingBackend } from "../tensors/recording-backend.js";
import { keepVariables, recordableVariables } from "../trace/keep-variables.js";
import type { ExportConfig } from "./export-options.js";

/** A function recorded with one number for each of its open sizes. */
export interface Recording {
  readonly plan: Plan;
  /** Values that are fed when the model runs, in order: the function's inputs, then the state. */
  readonly inputs: ReadonlyMap<string, LazyValue>;
  /** The function's outputs, then the new state; two may have one name. */
  readonly outputs: readonly (readonly [name: string, value: LazyValue])[];
}

/** The name of the output that holds a variable's new value. */
export function nextName(name: string): string {
  return `next.${name}`;
}

/**
 * Records a function without running it, and leaves all variables as they were.
 *
 * @param sizes - The number of each open size.
 * @throws a {@link ConfigError} when the function returns no tensors, or assigns a variable that is not part of the state.
 */
export function recordFunction(
  backend: RecordingBackend,
  { run, inputs, state = new Map() }: ExportConfig,
  sizes: ReadonlyMap<string, number>,
): Recording {
  const sizeOf = (size: number | string) => (typeof size === "number" ? size : sizes.get(size)!);
  const fed = new Map<string, LazyValue>();
  for (const [name, { dtype, shape }] of Object.entries(inputs)) {
    fed.set(name, new LazyValue(dtype, shape.map(sizeOf)));
  }
  for (const [name, { dtype, shape }] of state) {
    fed.set(name, new LazyValue(elementTypeOf(dtype)!, [...shape]));
  }
  const outputs: [string, LazyValue][] = [];
  tf.tidy(() => {
    keepingState(backend, [...state.values()], () => {
      const tensors = Object.fromEntries(Object.keys(inputs).map((name) => [name, backend.tensor(fed.get(name)!)]));
      for (const [name, variable] of state) {
        variable.assign(backend.tensor(fed.get(name)!));
      }
      recordingFile(backend, sizes.size > 0, () => {
        for (const [name, tensor] of namedTensors(run(tensors))) {
          outputs.push([name, output(backend, tensor)]);
        }
        for (const [name, variable] of state) {
          outputs.push([nextName(name), output(backend, variable)]);
        }
      });
    });
  });
  if (outputs.length === 0) {
    throw new ConfigError("exportOnnx: expected a function with at least one output, got one that returns none.");
  }
  const values = outputs.map(([, value]) => value);
  return { plan: backend.planner.plan(values, new Set(fed.values())), inputs: fed, outputs };
}

/** Every output needs its own node and name. */
function output(backend: RecordingBackend, tensor: tf.Tensor): LazyValue {
  return backend.graph.unary("Identity", backend.value(tensor));
}

function namedTensors(result: unknown): [string, tf.Tensor][] {
  const refuse = (got: string): never => {
    throw new ConfigError(
      `exportOnnx: expected a function that returns an object of float32, int32 or bool tensors, ${got}.`,
    );
  };
  if (typeof result !== "object" || result === null || result instanceof tf.Tensor || Array.isArray(result)) {
    return refuse(`got ${result instanceof tf.Tensor ? "a tensor without a name" : describeValue(result)}`);
  }
  if (result instanceof Promise) {
    result.catch(() => {});
    return refuse("got an async function");
  }
  const entries = Object.entries(result);
  for (const [name, tensor] of entries) {
    if (!(tensor instanceof tf.Tensor) || elementTypeOf(tensor.dtype) === undefined) {
      const got = tensor instanceof tf.Tensor ? `a ${tensor.dtype} tensor` : describeValue(tensor);
      return refuse(`got ${got} as output ${quote(name)}`);
    }
  }
  return entries;
}

/** Sets the backend to record what any machine can run and, with open sizes, what does not depend on their numbers. */
function recordingFile(backend: RecordingBackend, hasOpenSizes: boolean, record: () => void): void {
  const { graph } = backend;
  const { fillsUploads, sharesIndices, stagesSums, usesBlocks } = graph;
  backend.tracing = true;
  graph.fillsUploads = true;
  // The stages of a sum depend on how long it is.
  graph.stagesSums = stagesSums && !hasOpenSizes;
  // The size of a block is this machine's.
  graph.usesBlocks = false;
  // Equal numbers may come from different sizes.
  graph.sharesIndices = false;
  try {
    record();
  } finally {
    backend.tracing = false;
    Object.assign(graph, { fillsUploads, sharesIndices, stagesSums, usesBlocks });
  }
}

/**
 * Runs `record`, which may assign the variables of the state, and gives every variable its value back.
 *
 * @throws a {@link ConfigError} when another one was assigned: its value would be that of no run.
 */
function keepingState(backend: RecordingBackend, state: readonly tf.Variable[], record: () => void): void {
  const assigned = keepVariables(backend, recordableVariables(), record);
  const other = assigned.find((variable) => !state.includes(variable));
  if (other !== undefined) {
    throw new ConfigError(
      `exportOnnx: the function assigns the variable ${quote(other.name)}, [${other.shape.join(", ")}], which would be ` +
        "lost. List it in the option state.",
    );
  }
}

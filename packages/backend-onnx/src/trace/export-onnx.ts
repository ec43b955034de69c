import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { LazyValue } from "../graph/lazy-value.js";
import { writeOnnxModel } from "../graph/onnx-model.js";
import type { Plan } from "../graph/plan.js";
import type { HostArray } from "../runtime/element-type.js";
import { isRecordingBackend, type RecordingBackend } from "../tensors/recording-backend.js";
import { openBatchConstants } from "./open-batch.js";

/** Shape and type of an input of an exported model; the size `"batch"` is left open until the model runs. */
export interface ExportInput {
  readonly shape: readonly (number | "batch")[];
  readonly dtype: "float32" | "int32" | "bool";
}

/** Options of {@link exportOnnx}. */
export interface ExportOptions {
  /** Inputs of the function and of the model, by name. */
  readonly inputs: Readonly<Record<string, ExportInput>>;
  /** Names of other tensors that the function reads, such as weights; the remaining ones are numbered. Default: none. */
  readonly weights?: ReadonlyMap<string, tf.Tensor>;
}

/**
 * Writes a function of tensors as an ONNX model (opset 20 and ONNX Runtime's own `com.microsoft` operators).
 *
 * The function is recorded, not run. Other tensors that it reads are stored in the file with their current elements.
 * Inputs keep their order; those that the function does not use are left out.
 *
 * @param fn - Maps tensors by input name to tensors by output name; must not read values or assign variables.
 * @returns the bytes of a `.onnx` file.
 * @throws `ConfigError` when another backend is active, or when numbers of the graph depend on the size `"batch"`, such
 *   as a division by `x.shape[0]` (targets of reshapes may): the message names the size and the operator. `KernelError`
 *   when the function reads values or uses a kernel without an ONNX version.
 */
export async function exportOnnx(
  fn: (inputs: tf.NamedTensorMap) => tf.NamedTensorMap,
  options: ExportOptions,
): Promise<Uint8Array> {
  const backend = tf.backend();
  if (!isRecordingBackend(backend)) {
    throw new ConfigError(
      `exportOnnx: expected the onnx backend to be active, got ${tf.getBackend()}. Call await useOnnx().`,
    );
  }
  await backend.flush();
  const isDynamic = Object.values(options.inputs).some(({ shape }) => shape.includes("batch"));
  // Whatever differs between recordings with two batch sizes depends on the batch.
  const recording = record(backend, fn, options.inputs, batchSizes[0]);
  const twin = isDynamic ? record(backend, fn, options.inputs, batchSizes[1]) : recording;
  const { plan, names, inputs } = recording;
  const stored = new Set(plan.feeds.filter((feed) => !inputs.has(feed)));
  const elements = new Map<LazyValue, HostArray>();
  for (const feed of stored) {
    elements.set(feed, await feed.resident!.download());
  }
  for (const [name, tensor] of options.weights ?? []) {
    const value = backend.heldValue(tensor);
    // A weight that is read in two shapes is stored twice.
    const read = [...stored].filter((feed) => feed === value || feed.base === value);
    read.forEach((feed, i) => {
      names.set(feed, i === 0 ? name : `${name}.${i}`);
    });
  }
  const opened = isDynamic ? await openBatchConstants(recording, twin, describeBatch(options.inputs)) : [];
  const constants = new Map([...elements, ...opened]);
  const shapes = new Map(
    [...inputs, ...plan.outputs].map((value) => [
      value,
      namedShape(names.get(value)!, value, twinOf(value, recording, twin)),
    ]),
  );
  return writeOnnxModel(plan, { names, stored, shapes, constants });
}

/** Two sizes in one recording each: without common divisors, and different in every quotient that a model might take. */
const batchSizes = [7, 12] as const;

/** `the size "batch" (axis 0 of input x)`. */
function describeBatch(inputs: ExportOptions["inputs"]): string {
  const places = Object.entries(inputs).flatMap(([name, { shape }]) =>
    shape.flatMap((size, axis) => (size === "batch" ? [`axis ${axis} of input ${name}`] : [])),
  );
  return `the size "batch" (${places.join(", ")})`;
}

interface Recording {
  readonly plan: Plan;
  readonly inputs: ReadonlySet<LazyValue>;
  readonly names: Map<LazyValue, string>;
}

function record(
  backend: RecordingBackend,
  fn: (inputs: tf.NamedTensorMap) => tf.NamedTensorMap,
  inputs: ExportOptions["inputs"],
  batch: number,
): Recording {
  const names = new Map<LazyValue, string>();
  for (const [name, { dtype, shape }] of Object.entries(inputs)) {
    names.set(
      new LazyValue(
        dtype,
        shape.map((size) => (size === "batch" ? batch : size)),
      ),
      name,
    );
  }
  const placeholders = new Set(names.keys());
  const isDynamic = Object.values(inputs).some(({ shape }) => shape.includes("batch"));
  const outputs: LazyValue[] = [];
  tf.tidy(() => {
    const tensors = Object.fromEntries([...names].map(([value, name]) => [name, backend.tensor(value)]));
    const { stagesSums, usesBlocks } = backend.graph;
    backend.tracing = true;
    // The stages of a sum depend on how long it is.
    backend.graph.stagesSums = stagesSums && !isDynamic;
    // The size of a block is this machine's.
    backend.graph.usesBlocks = false;
    try {
      for (const [name, tensor] of Object.entries(fn(tensors))) {
        // Every output needs its own node and name.
        const output = backend.graph.unary("Identity", backend.value(tensor));
        outputs.push(output);
        names.set(output, name);
      }
    } finally {
      backend.tracing = false;
      backend.graph.stagesSums = stagesSums;
      backend.graph.usesBlocks = usesBlocks;
    }
  });
  return { plan: backend.planner.plan(outputs, placeholders), inputs: placeholders, names };
}

function twinOf(value: LazyValue, recording: Recording, twin: Recording): LazyValue {
  const at = [...recording.names.keys()].indexOf(value);
  return [...twin.names.keys()][at]!;
}

function namedShape(name: string, value: LazyValue, twin: LazyValue): (number | string)[] {
  return value.shape.map((size, axis) => {
    const sizes = [size, twin.shape[axis]!];
    if (sizes[0] === sizes[1]) {
      return size;
    }
    return sizes.join() === batchSizes.join() ? "batch" : `${name}_${axis}`;
  });
}

import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { attributesKey, LazyValue, sourcesOf } from "../graph/lazy-value.js";
import { writeOnnxModel } from "../graph/onnx-model.js";
import type { Plan } from "../graph/plan.js";
import type { HostArray } from "../runtime/element-type.js";
import { isRecordingBackend, type RecordingBackend } from "../tensors/recording-backend.js";

/** Shape and type of an input of an exported model; the size `"batch"` is left open until the model runs. */
export interface ExportInput {
  readonly shape: readonly (number | "batch")[];
  readonly dtype: "float32" | "int32" | "bool";
}

/** Options of {@link exportOnnx}. */
export interface ExportOptions {
  /** Inputs of the function and of the model, by name. */
  readonly inputs: Readonly<Record<string, ExportInput>>;
  /** Names of other tensors that the function reads, such as weights; the remaining ones are numbered. */
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
 * @throws `ConfigError` when another backend is active, or when the size `"batch"` affects more of the graph than
 *   the target of a reshape: pass a number then. `KernelError` when the function reads values or uses a kernel without
 *   an ONNX version.
 */
export async function exportOnnx(
  fn: (inputs: tf.NamedTensorMap) => tf.NamedTensorMap,
  options: ExportOptions,
): Promise<Uint8Array> {
  const backend = tf.backend();
  if (!isRecordingBackend(backend)) {
    throw new ConfigError(
      `exportOnnx: expected the onnx backend to be active, got ${tf.getBackend()}. Call tf.setBackend("onnx").`,
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
  const constants = new Map([...elements, ...openBatchConstants(plan, twin.plan)]);
  const shapes = new Map(
    [...inputs, ...plan.outputs].map((value) => [
      value,
      namedShape(names.get(value)!, value, twinOf(value, recording, twin)),
    ]),
  );
  return writeOnnxModel(plan, { names, stored, shapes, constants });
}

const batchSizes = [2, 3] as const;

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
  const outputs: LazyValue[] = [];
  tf.tidy(() => {
    const tensors = Object.fromEntries([...names].map(([value, name]) => [name, backend.tensor(value)]));
    backend.tracing = true;
    try {
      for (const [name, tensor] of Object.entries(fn(tensors))) {
        // Every output needs its own node and name.
        const output = backend.graph.unary("Identity", backend.value(tensor));
        outputs.push(output);
        names.set(output, name);
      }
    } finally {
      backend.tracing = false;
    }
  });
  return { plan: backend.planner.plan(outputs, placeholders), inputs: placeholders, names };
}

/** The reshape targets that depend on the batch size, with −1, which ONNX infers, in place of that size. */
function openBatchConstants(plan: Plan, twin: Plan): Map<LazyValue, HostArray> {
  const opened = new Map<LazyValue, HostArray>();
  plan.nodes.forEach((node, i) => {
    const other = twin.nodes[i];
    if (
      node.op !== other?.op ||
      attributesKey(node.attributes) !== attributesKey(other.attributes) ||
      node.body?.key !== other.body?.key
    ) {
      throw batchMustBeFixed(node.op);
    }
    sourcesOf(node).forEach((input, at) => {
      const twinInput = sourcesOf(other)[at];
      if (input?.constantKey == null || input.constantKey === twinInput?.constantKey) {
        return;
      }
      const [values, others] = [input.resident!.host!, twinInput!.resident!.host!];
      const differing = Array.from(values.keys()).filter((place) => values[place] !== others[place]);
      if (node.op !== "Reshape" || at !== 1 || values.length !== others.length || differing.length !== 1) {
        throw batchMustBeFixed(node.op);
      }
      opened.set(input, (values as BigInt64Array).with(differing[0]!, -1n));
    });
  });
  return opened;
}

function batchMustBeFixed(op: string): ConfigError {
  return new ConfigError(
    `exportOnnx: expected "batch" to affect shapes only, but the operator ${op} of this function depends on it. ` +
      "Pass a number as the size instead.",
  );
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

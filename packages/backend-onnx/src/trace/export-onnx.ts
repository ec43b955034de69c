import { ConfigError } from "@mmgen/core";
import * as tf from "@tensorflow/tfjs-core";
import { attributesKey } from "../graph/attributes.js";
import type { HostArray } from "../graph/element-type.js";
import { LazyValue, sourcesOf } from "../graph/lazy-value.js";
import { writeOnnxModel } from "../graph/onnx-model.js";
import type { Plan } from "../graph/plan.js";
import { OnnxBackend } from "../onnx-backend.js";

/** Shape and type of one input of an exported model; a size may be `"batch"`, one number known only when it runs. */
export interface ExportInput {
  readonly shape: readonly (number | "batch")[];
  readonly dtype: "float32" | "int32" | "bool";
}

/** Options of {@link exportOnnx}. */
export interface ExportOptions {
  /** The function's inputs by name, which are the model's inputs. */
  readonly inputs: Readonly<Record<string, ExportInput>>;
  /** Names for what the function reads beside its inputs, a model's weights for instance; others are numbered. */
  readonly weights?: ReadonlyMap<string, tf.Tensor>;
}

/**
 * Writes a function of tensors as an ONNX model (opset 20 and ONNX Runtime's own `com.microsoft` operators).
 *
 * The function is recorded, not run. Tensors that it reads beside its inputs are stored in the file with the elements
 * they have now. Inputs keep their order among those the function uses; one that it does not use is left out.
 *
 * @param fn - From tensors by input name to tensors by output name; reads no values and changes no variable.
 * @returns the bytes of a `.onnx` file.
 * @throws a {@link ConfigError} when another backend is active, or a size `"batch"` decides more of the graph than a
 *   reshape: give a number then. `KernelError` where the function reads values or uses a kernel that ONNX lacks.
 */
export async function exportOnnx(
  fn: (inputs: tf.NamedTensorMap) => tf.NamedTensorMap,
  options: ExportOptions,
): Promise<Uint8Array> {
  const backend = tf.backend();
  if (!(backend instanceof OnnxBackend)) {
    throw new ConfigError(
      `exportOnnx: expected the onnx backend to be active, got ${tf.getBackend()}. Call tf.setBackend("onnx").`,
    );
  }
  await backend.flush();
  const isDynamic = Object.values(options.inputs).some(({ shape }) => shape.includes("batch"));
  // What differs between recordings at two sizes is the batch's doing.
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
    // A weight read in two shapes is stored in both.
    const read = [...stored].filter((feed) => feed === value || feed.base === value);
    read.forEach((feed, i) => {
      names.set(feed, i === 0 ? name : `${name}.${i}`);
    });
  }
  const constants = new Map([...elements, ...freeOfBatch(plan, twin.plan)]);
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
  backend: OnnxBackend,
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
        // Each output has a node and a name of its own.
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

/**
 * The constants that a batch of another size would change, with the batch left to ONNX: −1 in the one place of a
 * reshape's target that differs.
 */
function freeOfBatch(plan: Plan, twin: Plan): Map<LazyValue, HostArray> {
  const free = new Map<LazyValue, HostArray>();
  plan.nodes.forEach((node, i) => {
    const other = twin.nodes[i];
    if (
      node.op !== other?.op ||
      attributesKey(node.attributes) !== attributesKey(other.attributes) ||
      node.body?.key !== other.body?.key
    ) {
      throw batchDecides(node.op);
    }
    sourcesOf(node).forEach((input, at) => {
      const twinInput = sourcesOf(other)[at];
      if (input?.constantKey == null || input.constantKey === twinInput?.constantKey) {
        return;
      }
      const [values, others] = [input.resident!.host!, twinInput!.resident!.host!];
      const differing = Array.from(values.keys()).filter((place) => values[place] !== others[place]);
      if (node.op !== "Reshape" || at !== 1 || values.length !== others.length || differing.length !== 1) {
        throw batchDecides(node.op);
      }
      free.set(input, (values as BigInt64Array).with(differing[0]!, -1n));
    });
  });
  return free;
}

function batchDecides(op: string): ConfigError {
  return new ConfigError(
    `exportOnnx: the size "batch" is part of what a ${op} of this function does, so the model cannot leave it open. ` +
      "Give the inputs a number in its place.",
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

import * as tf from "@tensorflow/tfjs-core";
import { LazyValue } from "../graph/lazy-value.js";
import type { RecordingBackend } from "../tensors/recording-backend.js";

/** The state carried from step to step, and the outputs of each step. */
export interface ScanState {
  readonly carry: tf.Tensor[];
  readonly outputs: tf.Tensor[];
}

/** One step: takes the carry and the step's slice of each input, returns the next carry and the outputs. */
export type ScanBody = (carry: tf.Tensor[], inputs: tf.Tensor[]) => ScanState;

/**
 * Runs `body` over the first axis of `inputs` as one ONNX `Scan`, whose body is recorded once. Under a gradient every
 * step is recorded instead, because tfjs has no gradient of a loop; for a provider without loops too.
 */
export function scan(
  backend: RecordingBackend,
  body: ScanBody,
  carry: readonly tf.Tensor[],
  inputs: readonly tf.Tensor[],
): ScanState {
  return tf.tidy(() =>
    tf.engine().isTapeOn() || !backend.graph.hasLoops
      ? unrolled(body, carry, inputs)
      : native(backend, body, carry, inputs),
  ) as unknown as ScanState;
}

function unrolled(body: ScanBody, carry: readonly tf.Tensor[], inputs: readonly tf.Tensor[]) {
  const slices = inputs.map((input) => tf.unstack(input));
  const steps = slices[0]?.length ?? 0;
  let current = carry.map((tensor) => tf.clone(tensor));
  const outputs: tf.Tensor[][] = [];
  for (let step = 0; step < steps; step++) {
    const result = body(
      current,
      slices.map((parts) => parts[step]!),
    );
    current = result.carry;
    outputs.push(result.outputs);
  }
  const stacked = (outputs[0] ?? []).map((_, i) => tf.stack(outputs.map((step) => step[i]!)));
  return { carry: current, outputs: stacked } as unknown as tf.TensorContainer;
}

function native(backend: RecordingBackend, body: ScanBody, carry: readonly tf.Tensor[], inputs: readonly tf.Tensor[]) {
  const { graph, planner } = backend;
  const states = carry.map((tensor) => backend.value(tensor));
  const scanned = inputs.map((tensor) => backend.value(tensor));
  const first = graph.nextOrder;
  const bound = [
    ...states.map(({ type, shape }) => new LazyValue(type, shape)),
    ...scanned.map(({ type, shape }) => new LazyValue(type, shape.slice(1))),
  ];
  const results = recordStep(backend, body, bound, states.length);
  // Every output of a graph needs its own node and name.
  const named = new Set<LazyValue>();
  const distinct = results.map((result) => {
    const isNew = result.producer !== undefined && result.producer.order >= first && !named.has(result);
    const value = isNew ? result : graph.unary("Identity", result);
    named.add(value);
    return value;
  });
  const steps = scanned[0]!.shape[0]!;
  const outputs = graph.nodes(
    "Scan",
    [...states, ...scanned],
    distinct.map(({ type, shape }, i) => ({ type, shape: i < states.length ? shape : [steps, ...shape] })),
    { attributes: { num_scan_inputs: scanned.length }, body: planner.planBody(bound, distinct, first) },
  );
  const tensors = outputs.map((output) => backend.tensor(output));
  return {
    carry: tensors.slice(0, states.length),
    outputs: tensors.slice(states.length),
  } as unknown as tf.TensorContainer;
}

/** Records one step on placeholders, which cannot be read. Returns the carry, then the outputs. */
function recordStep(
  backend: RecordingBackend,
  body: ScanBody,
  bound: readonly LazyValue[],
  carryCount: number,
): LazyValue[] {
  let values: LazyValue[] = [];
  const { tracing } = backend;
  backend.tracing = true;
  try {
    tf.tidy(() => {
      const tensors = bound.map((value) => backend.tensor(value));
      const result = body(tensors.slice(0, carryCount), tensors.slice(carryCount));
      values = [...result.carry, ...result.outputs].map((tensor) => backend.value(tensor));
    });
  } finally {
    backend.tracing = tracing;
  }
  return values;
}

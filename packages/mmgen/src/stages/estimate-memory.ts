import { type ExampleSource, Random } from "@mmgen/core";
import type { TensorTrainable } from "@mmgen/nn";
import { muon } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import type { TrainingSettings } from "./run-stage.js";

/**
 * Bytes that a training takes, roughly: what tfjs counts at the end of the loss. A backend that compiles graphs may need less
 * for activations; what an operation needs while it runs, the images and the program itself come on top.
 */
export interface MemoryEstimate {
  /** Parameters and buffers. */
  readonly weights: number;
  readonly gradients: number;
  /** Moments of the optimizer, and the weights' average. */
  readonly optimizer: number;
  /** What the loss of one batch, or of one of its parts, keeps for its gradients. */
  readonly activations: number;
  readonly total: number;
}

/** What {@link estimateMemory} takes. */
export interface EstimatedStage<Batch, Aux> {
  /** With the configuration of the one to train; its weights are not changed. Borrowed. */
  readonly model: TensorTrainable<Batch, Aux>;
  /** One or two examples of the shapes to train on. */
  readonly examples: ExampleSource<Batch>;
  readonly training: Pick<TrainingSettings, "batchSize" | "gradientAccumulation" | "optimizer" | "weightAverage">;
}

/** Estimates the memory of a training from the loss of one example and of two. */
export async function estimateMemory<Batch, Aux>({
  examples,
  model,
  training,
}: EstimatedStage<Batch, Aux>): Promise<MemoryEstimate> {
  const [parameters, buffers] = [bytesOf(model.parameters), bytesOf(model.buffers)];
  const { batchSize, gradientAccumulation: parts = 1, optimizer, weightAverage } = training;
  const one = await lossBytes(model, examples, 1);
  const each = examples.count < 2 ? one : (await lossBytes(model, examples, 2)) - one;
  const estimate = {
    weights: parameters + buffers,
    gradients: parameters,
    optimizer: momentBytes(model.parameters, optimizer) + (weightAverage === undefined ? 0 : parameters),
    activations: Math.max(0, one - each) + each * Math.ceil(batchSize / parts),
  };
  return { ...estimate, total: Object.values(estimate).reduce((sum, bytes) => sum + bytes, 0) };
}

/** A step in which every term of a loss that grows over steps counts. */
const lateStep = Number.MAX_SAFE_INTEGER;

/** Bytes of the tensors that are alive at the end of a loss whose gradients are to be taken. */
async function lossBytes<Batch, Aux>(
  model: TensorTrainable<Batch, Aux>,
  examples: ExampleSource<Batch>,
  size: number,
): Promise<number> {
  const random = Random.fromSeed(0);
  const indices = Int32Array.from({ length: size }, (_, i) => i);
  const batch = await examples.batch(indices, { epoch: 0, training: true, random });
  return tf.tidy(() => {
    const before = tf.memory().numBytes;
    let bytes = 0;
    tf.variableGrads(() => {
      const { total } = model.loss(batch, { training: true, random, step: lateStep });
      bytes = tf.memory().numBytes - before;
      return total;
    }, [...model.parameters.values()]);
    return bytes;
  });
}

/** Bytes that an optimizer keeps of the parameters: AdamW two moments of each, Muon one of a hidden matrix. */
function momentBytes(parameters: ReadonlyMap<string, tf.Variable>, optimizer: TrainingSettings["optimizer"]): number {
  return optimizer === "muon"
    ? tf.tidy(() => bytesOf(muon().init?.(parameters) ?? new Map()))
    : 2 * bytesOf(parameters);
}

function bytesOf(variables: ReadonlyMap<string, tf.Tensor>): number {
  return Array.from(variables.values(), ({ dtype, size }) => size * tf.util.bytesPerElement(dtype)).reduce(
    (sum, bytes) => sum + bytes,
    0,
  );
}

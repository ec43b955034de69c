import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random } from "@mmgen/core";
import { constantSchedule, OutOfMemoryError, train } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
});

const examples = { count: 8, batch: (indices: Int32Array) => Float32Array.from(indices, (i) => i / 8) };
/** Of the outer product in the fourth step: 16 TB, more than any machine of today gives. */
const hugeSide = 2 ** 21;

/** @param learned - Whether the weights' gradients go through the product: they then fail before ONNX Runtime is asked. */
function model(hugeStep: number, learned = false) {
  const weight = tf.tidy(() => tf.variable(tf.tensor1d([0.5, 1])));
  let steps = 0;
  return {
    parameters: new Map<string, tf.Variable>([["weight", weight]]),
    buffers: new Map<string, tf.Variable>(),
    loss(batch: Float32Array) {
      const error = tf.sub(tf.mean(tf.tensor1d(batch)), tf.sum(weight));
      const column = tf.fill([hugeSide, 1], 0.5);
      const huge =
        steps++ === hugeStep
          ? tf.mean(tf.matMul(learned ? tf.mul(column, tf.sum(weight)) : column, column, false, true))
          : 0;
      return { total: tf.add(tf.square(error), huge) as tf.Scalar, metrics: {}, aux: {} };
    },
  };
}

it.each([
  ["in ONNX Runtime", false],
  ["in the gradients", true],
])("a batch too large for memory %s leaves the model with its last good weights, and no tensor", async (_, learned) => {
  const options = (of: ReturnType<typeof model>) => ({
    ...{ model: of, examples, batchSize: 4, schedule: constantSchedule(0.01), random: Random.fromSeed(1) },
  });
  const good = model(Number.POSITIVE_INFINITY);
  await train({ ...options(good), steps: 3 });
  const expected = await good.parameters.get("weight")!.data();

  const failing = model(3, learned);
  const before = tf.memory();
  const states: Uint8Array[] = [];
  const checkpoint = { write: (state: Uint8Array) => void states.push(state) };
  const error: unknown = await train({ ...options(failing), steps: 6, checkpoint }).catch((reason) => reason);
  expect(OutOfMemoryError.isInstance(error)).toBe(true);
  expect((error as Error).message).toMatch(
    /^Memory ran out after step 3: .*smaller batchSize.*state after step 3 is written/s,
  );
  expect(await failing.parameters.get("weight")!.data()).toEqual(expected);
  expect(tf.memory()).toMatchObject({ numTensors: before.numTensors, numBytes: before.numBytes });

  // The same process goes on: as if the step had never failed.
  const [resumed, whole] = [model(Number.POSITIVE_INFINITY), model(Number.POSITIVE_INFINITY)];
  await train({ ...options(resumed), steps: 6, resume: states.at(-1)! });
  await train({ ...options(whole), steps: 6 });
  const [found, wanted] = await Promise.all([resumed, whole].map((of) => of.parameters.get("weight")!.data()));
  expect(found).toEqual(wanted);
});

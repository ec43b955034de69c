import { type OnnxBackend, type OnnxBackendOptions, registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random } from "@mmgen/core";
import { adamW, type GradientTransform, muon, Optimizer } from "@mmgen/training";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { LazyNode } from "../packages/backend-onnx/src/graph/lazy-value.js";
import { deviceRuntime } from "../packages/backend-onnx/src/runtime/device-runtime.fixture.js";

afterEach(() => tf.engine().reset());

async function start(options: OnnxBackendOptions): Promise<OnnxBackend> {
  registerOnnxBackend({ intraOpNumThreads: 1, fallback: false, ...options });
  await tf.setBackend("onnx");
  return tf.backend() as OnnxBackend;
}

/** Two blocks of a transformer's shapes, a table, and what stands alone. */
const block = { "attention.weight": [8, 24], "attention.bias": [24], "mlp.weight": [8, 32], "mlp.bias": [32] };
const shapes: Readonly<Record<string, number[]>> = {
  ...Object.fromEntries([0, 1].flatMap((i) => Object.entries(block).map(([name, shape]) => [`${i}.${name}`, shape]))),
  ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${i}.norm`, [8]])),
  ...{ table: [11, 8], temperature: [] },
};

/** An optimizer of variables of these shapes, and gradients for it. */
function variablesOf(transform: GradientTransform) {
  const random = Random.fromSeed(2);
  const drawn = (shape: number[]) => tf.tensor(random.normals(tf.util.sizeFromShape(shape), 1), shape);
  const variables = new Map(
    Object.entries(shapes).map(([name, shape]) => [name, tf.tidy(() => tf.variable(drawn(shape)))]),
  );
  const optimizer = Optimizer.create(variables, transform);
  const gradients = () => Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, drawn(shape)]));
  return { variables, optimizer, gradients };
}

async function train(transform: GradientTransform) {
  const { variables, optimizer, gradients } = variablesOf(transform);
  for (const learningRate of [0.1, 0.02, 0.03]) {
    tf.tidy(() => void optimizer.update(gradients(), learningRate));
  }
  const values = await Promise.all([...variables].map(async ([name, variable]) => [name, await variable.data()]));
  return { values, state: await optimizer.toArrays() };
}

describe("an update of variables in groups of equal shape", () => {
  it.each([
    ["AdamW", adamW({ weightDecay: 0.1, clipNorm: 1e3 })],
    ["Muon", muon({ weightDecay: 0.1 })],
  ])("gives variables and moments the same bits as one of each by itself: %s", async (_, transform) => {
    await start({});
    const expected = await train(transform);
    tf.engine().reset();
    Object.assign(await start({}), { groupsEqualShapes: true });
    expect(await train(transform)).toEqual(expected);
  });

  it("is one of each group where a device computes, joined and parted once, from parts of equal size", async () => {
    const backend = await start({ runtime: deviceRuntime(true), executionProviders: ["cuda"] });
    const { optimizer, gradients } = variablesOf(adamW({ clipNorm: 1 }));
    const given = gradients();
    backend.flushSync();
    const planned = vi.spyOn(backend.planner, "plan");
    optimizer.update(given, 0.1);
    backend.flushSync();
    const nodes: readonly LazyNode[] = planned.mock.results.flatMap(({ value }) => value.nodes);
    const of = (...ops: string[]) => nodes.filter(({ op }) => ops.includes(op));
    for (const parts of [...of("Concat").map(({ inputs }) => inputs), ...of("Split").map(({ outputs }) => outputs)]) {
      expect(new Set(parts.map((part) => part!.shape.join())).size).toBe(1);
      expect(parts.length).toBeLessThanOrEqual(32);
    }
    // Of 40 norms two groups are made; table and temperature are computed by themselves.
    const [groups, alone] = [6, 2];
    // Variable, gradient and both moments; the gradient once more for the norm, and the sums of squares.
    expect(of("Concat")).toHaveLength(5 * groups + 1);
    expect(of("Split")).toHaveLength(3 * groups);
    const elementwise = of("Mul", "Add", "Sub", "Div", "Sqrt").filter(({ outputs }) => outputs[0]!.shape.length > 0);
    // A square for the norm, one product to clip, ten operators of Adam, two or, with decay, three of the step.
    const decayed = 3; // two groups of matrices and the table
    const scalar = 1; // the temperature
    expect(elementwise).toHaveLength(14 * (groups + alone - scalar) + decayed);
  });
});

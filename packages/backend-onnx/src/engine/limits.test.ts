import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { KernelError } from "@mmgen/core";
import { afterEach, describe, expect, it } from "vitest";
import { Executor } from "../graph/executor.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { LazyValue } from "../graph/lazy-value.js";
import { Planner } from "../graph/plan.js";
import { nodeRuntime } from "../runtime/node-runtime.js";
import { useOnnx } from "./register-onnx-backend.js";

afterEach(() => tf.engine().reset());

function status(field: "Threads" | "VmRSS"): number {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))![1]);
}

/** A product of 2^40 elements, 4 TiB: it fails at once on any machine. */
const oversized = () => tf.matMul(tf.ones([2 ** 20, 1]), tf.ones([1, 2 ** 20]));

describe("a graph too large for memory", () => {
  it("fails with what depends on it; the rest is computed, the session dropped, and the next step goes on", async () => {
    const backend = await useOnnx();
    const weight = tf.tidy(() => tf.variable(tf.tensor1d([1, 2]))) as tf.Variable;
    const step = (batch: () => tf.Tensor) =>
      tf.tidy(() => {
        const loss = tf.sum(tf.mul(weight, tf.sum(batch())));
        return { loss, updated: tf.sub(weight, tf.mul(loss, 1e-6)), counted: tf.add(weight, 1) };
      });
    const small = () => tf.ones([64, 64]);
    for (let i = 0; i < 3; i++) {
      const { loss, updated, counted } = step(small);
      await loss.data();
      weight.assign(updated as tf.Tensor1D);
      tf.dispose([loss, updated, counted]);
    }
    const last = [...weight.dataSync()];
    const held = { ...backend.memory(), tensors: tf.memory().numTensors };
    const { sessions, threads } = backend.sessions();

    const { loss, updated, counted } = step(oversized);
    const error = await loss.data().catch((caught: unknown) => caught);
    expect(KernelError.isInstance(error)).toBe(true);
    expect(String(error)).toMatch(/MatMul.*reduce the batch size/is);
    await expect(updated.data()).rejects.toThrow(KernelError);
    expect([...(await counted.data())]).toEqual(last.map((value) => Math.fround(value + 1)));
    expect([...weight.dataSync()]).toEqual(last);
    tf.dispose([loss, updated, counted]);

    // One graph more: that of the part that could be computed.
    expect(backend.sessions().sessions).toBe(sessions + 1);
    expect(backend.sessions().threads).toBe(threads);
    expect({ ...backend.memory(), tensors: tf.memory().numTensors }).toEqual(held);
    const next = step(small);
    expect(Number.isFinite((await next.loss.data())[0])).toBe(true);
  });

  it.skipIf(process.platform !== "linux")("gives back what it had taken before it failed", async () => {
    await useOnnx();
    // 100 MiB are computed first.
    const compute = () =>
      tf.tidy(() => tf.add(tf.sum(tf.exp(tf.tile(tf.ones([1, 2 ** 10]), [25_000, 1]))), tf.sum(oversized())));
    const before = status("VmRSS");
    const sum = compute();
    await expect(sum.data()).rejects.toThrow(KernelError);
    sum.dispose();
    expect(status("VmRSS") - before).toBeLessThan(50 * 1024);
  });

  it("is a typed error too where plain JavaScript computes, and in compiled functions", async () => {
    const backend = await useOnnx();
    const big = tf.ones([2 ** 20]);
    expect(() => tf.unique(tf.tile(big, [2 ** 20]))).toThrow(KernelError);
    const compiled = backend.compile((x: tf.Tensor) =>
      tf.sum(tf.matMul(tf.mul(tf.ones([2 ** 20, 1]), x), tf.ones([1, 2 ** 20]))),
    );
    const { sessions } = backend.sessions();
    expect(() => compiled(tf.scalar(1))).toThrow(KernelError);
    expect(backend.sessions().sessions).toBe(sessions);
    expect([...tf.add(tf.tensor1d([1]), 1).dataSync()]).toEqual([2]);
  });
});

describe("threads", () => {
  it.skipIf(process.platform !== "linux")("do not grow with the number of compiled graphs", () => {
    const [planner, graph] = [new Planner(), new GraphBuilder()];
    const session = {
      intraOpNumThreads: 3,
      graphOptimizationLevel: "all",
      executionProviders: ["cpu"],
      profilePrefix: undefined,
    } as const;
    const executor = new Executor(nodeRuntime(), { session, cacheSize: 100, keepOnDevice: false, maxThreads: 8 });
    const counts = Array.from({ length: 12 }, (_, i) => {
      const inputs = [new LazyValue("float32", [100 + i, 80]), new LazyValue("float32", [80, 100])] as const;
      executor.compile(planner.plan([graph.matMul(...inputs)], new Set(inputs)));
      return status("Threads");
    });
    expect(counts.slice(0, 4).map((count) => count - counts[0]!)).toEqual([0, 2, 4, 6]);
    expect(Math.max(...counts)).toBe(counts[3]);
    expect(executor.cache.info()).toMatchObject({ sessions: 4, threads: 8, evictions: 8 });
    executor.cache.clear();
    expect(executor.cache.info().threads).toBe(0);
  });
});

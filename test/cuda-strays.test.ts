import { type OnnxBackend, type OnnxBackendOptions, registerOnnxBackend } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, it, vi } from "vitest";
import { straysOnCuda } from "../packages/backend-onnx/src/graph/cuda-kernels.fixture.js";
import type { LazyNode } from "../packages/backend-onnx/src/graph/lazy-value.js";
import { deviceRuntime } from "../packages/backend-onnx/src/runtime/device-runtime.fixture.js";
import { imageWorks } from "./fixtures/image-works.js";
import { type Work, works } from "./webgpu/works.js";

afterEach(() => tf.engine().reset());

/** What a work comes to on a backend, and all nodes that it records. */
async function record({ run }: Work, options: OnnxBackendOptions) {
  registerOnnxBackend({ intraOpNumThreads: 1, fallback: false, ...options });
  await tf.setBackend("onnx");
  const planned = vi.spyOn((tf.backend() as OnnxBackend).planner, "plan");
  const numbers = await run();
  const nodes: readonly LazyNode[] = planned.mock.results.flatMap(({ value }) => value.nodes);
  return { numbers, nodes };
}

it.each([...works, ...imageWorks].map((work) => [work.name, work] as const))(
  "all nodes have a kernel of CUDA's: %s",
  async (_, work) => {
    const expected = await record(work, {});
    tf.engine().reset();
    // Graphs for CUDA, run on the cpu.
    const runtime = { ...deviceRuntime(true), canReplay: true };
    const found = await record(work, { runtime, executionProviders: ["cuda"], replay: true });
    expect(found.nodes.length).toBeGreaterThan(10);
    expect([...new Set(straysOnCuda(found.nodes))]).toEqual([]);
    expect(found.numbers).toHaveLength(expected.numbers.length);
    for (const [i, number] of found.numbers.entries()) {
      expect(Math.abs(number - expected.numbers[i]!)).toBeLessThanOrEqual(work.trains ? 1e-5 : 0);
    }
  },
);

import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { Executor } from "../graph/executor.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { LazyValue } from "../graph/lazy-value.js";
import { Planner } from "../graph/plan.js";
import type { RuntimeTensor } from "../runtime/runtime.js";
import { cApiRuntime } from "./c-api-runtime.js";
import { openEnvironment } from "./environment.js";

// In a process of its own: ONNX Runtime's environment is the first maker's, and only the C API's has a pool.

const threads = 3;
/** One for all: the numbers in its keys are its own. */
const planner = new Planner();

function status(field: "Threads" | "VmRSS"): number {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))![1]);
}

function start(): Executor {
  return new Executor(cApiRuntime(threads), {
    cacheSize: 100,
    keepOnDevice: false,
    maxThreads: 8,
    session: {
      intraOpNumThreads: threads,
      graphOptimizationLevel: "all",
      executionProviders: ["cpu"],
      profilePrefix: undefined,
    },
  });
}

/** Runs a product of `[rows, 16]` and `[16, 256]`, and the product's negative, with a session of its own. */
function compute(executor: Executor, rows: number): RuntimeTensor {
  const graph = new GraphBuilder();
  const inputs = [new LazyValue("float32", [rows, 16]), new LazyValue("float32", [16, 256])] as const;
  const product = graph.unary("Neg", graph.matMul(...inputs));
  for (const input of inputs) {
    input.resident = executor.runtime.upload("float32", input.shape, new Float32Array(input.size).fill(0.25));
  }
  return (executor.run(planner.plan([product])) as RuntimeTensor[])[0]!;
}

describe.skipIf(process.platform !== "linux")("sessions of the C API", () => {
  it("share one pool of threads, as many as there are of them", () => {
    const before = status("Threads");
    const executor = start();
    // The first region of the arena, which it keeps.
    expect(openEnvironment(threads).arena!.bytes()).toEqual({ inUse: 0, total: 2 ** 20 });
    const counts = Array.from({ length: 12 }, (_, i) => {
      expect(compute(executor, 300 + i).host![0]).toBe(-1);
      return status("Threads") - before;
    });
    // Those of the pool, and at most one that Node starts meanwhile.
    expect(counts[0]).toBeGreaterThanOrEqual(threads - 1);
    expect(Math.max(...counts)).toBeLessThanOrEqual(threads);
    expect(executor.cache.info()).toMatchObject({ sessions: 12, threads: 0, evictions: 0 });
    expect(openEnvironment(threads + 1).sharedThreads).toBe(threads);
    executor.cache.clear();
  });

  it("share one arena, which is given back with the sessions that filled it", () => {
    const arena = openEnvironment(threads).arena!;
    const executor = start();
    const size = 80 * 2 ** 20;
    const rows = size / 4 / 256;
    compute(executor, rows);
    const { total } = arena.bytes();
    expect(total).toBeGreaterThan(size);
    // Others like it find the memory there.
    for (let i = 1; i < 4; i++) {
      compute(executor, rows - i);
    }
    expect(arena.bytes().total).toBeLessThan(1.5 * total);
    executor.cache.clear();
    expect(arena.bytes().inUse).toBe(0);
    expect(arena.bytes().total).toBeLessThan(size);
  });

  it("take in a second run what the first one took", () => {
    const arena = openEnvironment(threads).arena!;
    const executor = start();
    // Eight tensors of 8 MiB that live until the way back, as in a training step.
    const run = () => {
      const graph = new GraphBuilder();
      const input = new LazyValue("float32", [2 ** 11, 2 ** 10]);
      input.resident = executor.runtime.upload("float32", input.shape, new Float32Array(input.size).fill(0.5));
      const layers = [graph.unary("Tanh", input)];
      while (layers.length < 8) {
        layers.push(graph.unary("Tanh", layers.at(-1)!));
      }
      const back = layers.reduceRight((sum, layer) => graph.binary("Mul", graph.unary("Sin", sum), layer));
      executor.run(planner.plan([back]));
      return arena.bytes().total;
    };
    const first = run();
    expect([run(), run()]).toEqual([first, first]);
    executor.cache.clear();
  });

  it("hold the library, whatever the garbage collector takes", () => {
    const executor = start();
    setFlagsFromString("--expose-gc");
    runInNewContext("gc")();
    expect(compute(executor, 8).host![0]).toBe(-1);
    executor.cache.clear();
  });
});

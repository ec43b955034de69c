import { KernelError } from "@mmgen/core";
import type { LazyValue } from "./graph/lazy-value.js";
import { failingNode } from "./graph/lost-values.js";
import { valueName, writeOnnxModel } from "./graph/onnx-model.js";
import type { Plan } from "./graph/plan.js";
import { planWork } from "./graph/plan-work.js";
import type { Runtime, RuntimeSession, RuntimeTensor, SessionOptions } from "./runtime/runtime.js";
import { providersFor } from "./runtime/webgpu-limits.js";
import { SessionCache } from "./session-cache.js";

/** Graphs of less arithmetic than this run on the calling thread. */
const smallWork = 500_000;

/** Turns plans into elements: finds or compiles the session of a plan's key and runs it. */
export class Executor {
  readonly cache: SessionCache;

  constructor(
    readonly runtime: Runtime,
    private readonly options: SessionOptions,
    cacheSize: number,
    private readonly keepOnDevice: boolean,
  ) {
    this.cache = new SessionCache(cacheSize);
  }

  /** Runs `plan` with its feeds' elements and answers its outputs' elements, in order; a promise from most runtimes. */
  run(plan: Plan): RuntimeTensor[] | Promise<RuntimeTensor[]> {
    const feeds = plan.feeds.map((feed) => feed.resident!);
    const session = this.cache.find(plan.key) ?? this.#compile(plan);
    return session instanceof Promise
      ? session.then((ready) => this.#runLater(ready, feeds, plan))
      : this.runtime.synchronous
        ? this.runSession(session, feeds, plan)
        : this.#runLater(session, feeds, plan);
  }

  /** Compiles `plan` and keeps the session. For synchronous runtimes. */
  build(plan: Plan): RuntimeSession {
    return this.#compile(plan) as RuntimeSession;
  }

  /** Runs a session at once. For synchronous runtimes. */
  runSession(session: RuntimeSession, feeds: readonly RuntimeTensor[], plan: Plan | null): RuntimeTensor[] {
    const start = performance.now();
    try {
      return session.run(feeds) as RuntimeTensor[];
    } catch (cause) {
      return fail("run", plan, cause);
    } finally {
      this.cache.countRun(performance.now() - start);
    }
  }

  async #runLater(session: RuntimeSession, feeds: readonly RuntimeTensor[], plan: Plan): Promise<RuntimeTensor[]> {
    const start = performance.now();
    try {
      return await session.run(feeds);
    } catch (cause) {
      return fail("run", plan, cause);
    } finally {
      this.cache.countRun(performance.now() - start);
    }
  }

  #compile(plan: Plan): RuntimeSession | Promise<RuntimeSession> {
    const start = performance.now();
    const model = writeOnnxModel(plan);
    const keep = (session: RuntimeSession) => {
      this.cache.add(plan.key, session, model.byteLength, performance.now() - start);
      return session;
    };
    try {
      const inputs = plan.feeds.map(valueName);
      const outputs = plan.outputs.map((value) => ({
        name: valueName(value),
        onDevice: this.keepOnDevice && staysOnDevice(value),
      }));
      // Every session of several threads has threads of its own, which cost more than a small graph has to do.
      const threads = planWork(plan) < smallWork ? 1 : this.options.intraOpNumThreads;
      const executionProviders = providersFor(plan, this.options.executionProviders);
      const options = { ...this.options, intraOpNumThreads: threads, executionProviders };
      const session = this.runtime.createSession(model, inputs, outputs, options);
      return session instanceof Promise ? session.then(keep, (cause) => fail("build", plan, cause)) : keep(session);
    } catch (cause) {
      return fail("build", plan, cause);
    }
  }
}

/** Numbers of one element are what a training step reads; no provider has buffers of booleans. */
function staysOnDevice({ type, shape }: LazyValue): boolean {
  return type !== "bool" && shape.some((size) => size > 1);
}

function fail(action: "build" | "run", plan: Plan | null, cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new KernelError(
    `ONNX Runtime could not ${action} a recorded graph${plan === null ? "" : ` of ${plan.nodes.length} nodes`}: ${reason}${plan === null ? "" : blame(plan, reason)} ` +
      "The tensors that depend on it are lost, the backend is usable. If memory ran out, make the batch smaller; " +
      "otherwise please report the message.",
    { cause },
  );
}

/** The node ONNX Runtime names in its message, with its shapes. */
function blame(plan: Plan, reason: string): string {
  const node = failingNode(plan, reason);
  if (node === null) {
    return "";
  }
  const shapes = node.inputs.map((input) => (input === null ? "none" : `${input.type}[${input.shape}]`));
  return ` Its inputs are ${shapes.join(", ")}, its result ${node.outputs[0]!.type}[${node.outputs[0]!.shape}].`;
}

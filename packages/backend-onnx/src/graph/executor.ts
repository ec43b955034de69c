import { KernelError } from "@mmgen/core";
import { startProviders } from "../runtime/check-providers.js";
import type { HostArray } from "../runtime/element-type.js";
import {
  providerName,
  type Runtime,
  type RuntimeSession,
  type RuntimeTensor,
  type SessionOptions,
} from "../runtime/runtime.js";
import { SessionCache } from "../runtime/session-cache.js";
import { failingNode } from "./failed-dependents.js";
import { fuseNodes } from "./fuse.js";
import type { LazyValue } from "./lazy-value.js";
import { noOverrides, valueName, writeOnnxModel } from "./onnx-model.js";
import { type Plan, planWork } from "./plan.js";
import { captureLimit, providersFor } from "./webgpu-limits.js";

/** Graphs with less arithmetic than this run on the calling thread. */
const minParallelWork = 500_000;

/**
 * Threads of all sessions together: more cost memory and meet the limits of containers. With 2 threads a session they
 * are never reached; with 8 there is room for 18 large graphs.
 */
const defaultMaxThreads = 128;

/** Sessions that keep their threads in any case: those of one training step, an evaluation and a generation. */
const minThreadedSessions = 6;

/** Options of an {@link Executor}. */
export interface ExecutorOptions {
  readonly session: SessionOptions;
  /** Maximum number of compiled graphs in the cache. */
  readonly cacheSize: number;
  /** Maximum number of threads of all sessions; beyond it the least recently used ones are evicted. Default: 128. */
  readonly maxThreads?: number;
  /** Whether results stay in the provider's memory: all, none, or those alone that variables take. */
  readonly keepOnDevice: boolean | "variables";
}

/** Feeds of a plan that are constants of its session. */
export interface PlanConstants {
  /** The key of the session, in place of the plan's. */
  readonly key: string;
  readonly elements: ReadonlyMap<LazyValue, HostArray>;
}

/** A graph that is compiled where its key has no session. */
export interface KeyedGraph {
  /** Of its session, which is dropped when it fails, with the memory that it has taken. */
  readonly key: string;
  /** For the message of a session that fails. */
  readonly plan?: Plan;
  /** As {@link Executor.compile} does. */
  compile(): RuntimeSession | Promise<RuntimeSession>;
}

/** Constants of a session, with the number by which its key knows them. */
interface NumberedConstants {
  readonly all: readonly WeakRef<RuntimeTensor>[];
  readonly number: number;
}

/** Runs plans: finds or compiles the session of a plan's key and runs it. */
export class Executor {
  readonly runtime: Runtime;
  readonly cache: SessionCache;
  readonly #options: ExecutorOptions;
  /** Constants that were built in, by the first of them. */
  readonly #constants = new WeakMap<RuntimeTensor, readonly NumberedConstants[]>();
  #lastConstants = 0;

  constructor(runtime: Runtime, options: ExecutorOptions) {
    this.runtime = runtime;
    const minThreads = minThreadedSessions * (options.session.intraOpNumThreads - 1);
    const { cacheSize, maxThreads = Math.max(defaultMaxThreads, minThreads) } = options;
    this.cache = new SessionCache(cacheSize, maxThreads);
    this.#options = options;
  }

  /** Whether plans have to say which of their outputs variables take. */
  get asksForVariables(): boolean {
    return this.#options.keepOnDevice === "variables";
  }

  /** Whether what stays in the provider's memory is a copy away from the host, and constants may be made of it. */
  get sharesHostMemory(): boolean {
    return providerName(this.#options.session.executionProviders[0]!) === "cpu";
  }

  /**
   * Creates a session and drops it: what cannot start says so now.
   *
   * @throws `ConfigError` with ONNX Runtime's reason.
   */
  start(): Promise<void> {
    return startProviders(this.runtime, this.#options.session);
  }

  /**
   * Runs a plan with the elements of its feeds.
   *
   * @returns the elements of its outputs, in order; a promise unless the runtime is synchronous.
   */
  run(plan: Plan): RuntimeTensor[] | Promise<RuntimeTensor[]> {
    const feeds = plan.feeds.map((feed) => feed.resident!);
    return this.runKeyed({ key: plan.key, plan, compile: () => this.compile(plan) }, feeds);
  }

  /**
   * Runs the session of a key, which is compiled where there is none.
   *
   * @returns the elements of its outputs, in order; a promise unless the runtime is synchronous.
   */
  runKeyed(graph: KeyedGraph, feeds: readonly RuntimeTensor[]): RuntimeTensor[] | Promise<RuntimeTensor[]> {
    const session = this.cache.find(graph.key) ?? graph.compile();
    return this.runtime.synchronous
      ? this.#runSync(session as RuntimeSession, feeds, graph)
      : this.#runAsync(session, feeds, graph);
  }

  /**
   * A number that these constants have and no others: a graph that is traced anew finds its session.
   *
   * @param constants - At least one.
   */
  numberOfConstants(constants: readonly RuntimeTensor[]): number {
    const [first] = constants as [RuntimeTensor];
    const living = (this.#constants.get(first) ?? []).filter(({ all }) => all.every((each) => each.deref()));
    const isSame = ({ all }: NumberedConstants) =>
      all.length === constants.length && all.every((each, i) => each.deref() === constants[i]);
    const found = living.find(isSame);
    const made = found ?? { all: constants.map((each) => new WeakRef(each)), number: ++this.#lastConstants };
    this.#constants.set(first, found === undefined ? [...living, made] : living);
    return made.number;
  }

  #runSync(session: RuntimeSession, feeds: readonly RuntimeTensor[], { key, plan }: KeyedGraph): RuntimeTensor[] {
    const start = performance.now();
    try {
      return session.run(feeds) as RuntimeTensor[];
    } catch (cause) {
      this.cache.drop(key);
      return fail("run", plan, cause);
    } finally {
      this.cache.countRun(performance.now() - start);
    }
  }

  async #runAsync(
    compiled: RuntimeSession | Promise<RuntimeSession>,
    feeds: readonly RuntimeTensor[],
    { key, plan }: KeyedGraph,
  ): Promise<RuntimeTensor[]> {
    const session = await compiled;
    const start = performance.now();
    try {
      return await session.run(feeds);
    } catch (cause) {
      this.cache.drop(key);
      return fail("run", plan, cause);
    } finally {
      this.cache.countRun(performance.now() - start);
    }
  }

  /** Compiles a plan and caches its session; a promise unless the runtime is synchronous. */
  compile(
    plan: Plan,
    { key, elements }: PlanConstants = { key: plan.key, elements: new Map() },
  ): RuntimeSession | Promise<RuntimeSession> {
    const start = performance.now();
    const fed = plan.feeds.filter((feed) => !elements.has(feed));
    const model = writeOnnxModel(
      { ...plan, nodes: fuseNodes(plan) },
      { ...noOverrides, stored: [...elements.keys()], elements, inputs: fed },
    );
    const options = this.#sessionOptions(plan);
    const keep = (session: RuntimeSession) => {
      const threads = session.threads ?? options.intraOpNumThreads - 1;
      this.cache.add(key, { session, bytes: model.byteLength, threads }, performance.now() - start);
      return session;
    };
    try {
      const inputs = fed.map(valueName);
      const outputs = plan.outputs.map((value) => ({
        name: valueName(value),
        type: value.type,
        shape: value.shape,
        onDevice: this.#keeps(value, plan) && staysOnDevice(value),
      }));
      const session = this.runtime.createSession(model, inputs, outputs, options);
      return session instanceof Promise ? session.then(keep, (cause) => fail("build", plan, cause)) : keep(session);
    } catch (cause) {
      return fail("build", plan, cause);
    }
  }

  #keeps(output: LazyValue, { assigned }: Plan): boolean {
    const { keepOnDevice } = this.#options;
    return keepOnDevice === "variables" ? assigned.has(output) : keepOnDevice;
  }

  #sessionOptions(plan: Plan): SessionOptions {
    const options = this.#options.session;
    // Every multi-threaded session starts its own threads, which costs more than a small graph computes.
    const intraOpNumThreads = planWork(plan) < minParallelWork ? 1 : options.intraOpNumThreads;
    const executionProviders = providersFor(plan, options.executionProviders);
    return {
      ...{ ...options, intraOpNumThreads, executionProviders },
      captureLimit: captureLimit(plan, executionProviders),
      memoryPattern: !isOnCpu(options) || plan.nodes.some(({ body }) => body !== undefined),
    };
  }
}

/**
 * Whether the cpu alone computes. Each tensor then gets memory of its own from the arena, which takes less than a block for
 * all of them beside that of the first run, and as long but for the rounds of a loop; on a card it is not measured.
 */
function isOnCpu({ executionProviders }: SessionOptions): boolean {
  return executionProviders.every((provider) => providerName(provider) === "cpu");
}

/** Scalars go to the host, as a training step reads its loss; no provider has device buffers of booleans. */
function staysOnDevice({ type, shape }: LazyValue): boolean {
  return type !== "bool" && shape.length > 0;
}

function fail(action: "build" | "run", plan: Plan | undefined, cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const size = plan === undefined ? "" : ` of ${plan.nodes.length} nodes`;
  throw new KernelError(
    `ONNX Runtime could not ${action} a recorded graph${size}: ${reason}${plan === undefined ? "" : describeNode(plan, reason)} ` +
      "The tensors that depend on it have no values; the backend can still be used. If memory ran out, reduce the " +
      "batch size; otherwise please report this message.",
    { cause },
  );
}

/** The shapes of the node that ONNX Runtime's message names. */
function describeNode(plan: Plan, reason: string): string {
  const node = failingNode(plan, reason);
  if (node === undefined) {
    return "";
  }
  const shapes = node.inputs.map((input) => (input === undefined ? "none" : `${input.type}[${input.shape}]`));
  return ` Its inputs are ${shapes.join(", ")}, its output is ${node.outputs[0]!.type}[${node.outputs[0]!.shape}].`;
}

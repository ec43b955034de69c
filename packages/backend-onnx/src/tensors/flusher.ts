import { KernelError } from "@mmgen/core";
import type { Executor } from "../graph/executor.js";
import { failedDependents } from "../graph/failed-dependents.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import type { Plan, Planner } from "../graph/plan.js";
import { HostTensor, type RuntimeTensor } from "../runtime/runtime.js";
import type { TensorStore } from "./tensor-store.js";
import { valuesOfVariables } from "./values-of-variables.js";

/** What a {@link Flusher} works with. */
export interface FlusherParts {
  readonly store: TensorStore;
  readonly graph: GraphBuilder;
  readonly planner: Planner;
  readonly executor: Executor;
}

/** What computes values that no recorded node does: a compiled function, called on an asynchronous runtime. */
export interface DeferredCall {
  /** Held until it has run. */
  readonly inputs: readonly LazyValue[];
  /** New values. */
  readonly outputs: readonly LazyValue[];
  /** @param feeds - Elements of the inputs, in their order. */
  run(feeds: readonly RuntimeTensor[]): Promise<RuntimeTensor[]>;
}

/**
 * Computes the pending values of a store: immediately where the runtime is synchronous, else one flush after the other.
 * Calls that are deferred run first, in their order; what is recorded can depend on them.
 *
 * If something cannot be computed, the values that depend on it fail, the others are computed without it, and the flush
 * fails.
 */
export class Flusher {
  readonly #parts: FlusherParts;
  #last: Promise<void> = Promise.resolve();
  readonly #calls: DeferredCall[] = [];

  constructor(parts: FlusherParts) {
    this.#parts = parts;
  }

  get synchronous(): boolean {
    return this.#parts.executor.runtime.synchronous;
  }

  /**
   * Computes what is pending where that can be done at once, and returns what is pending then. What fails says so when it is
   * read.
   */
  settle(): readonly LazyValue[] {
    if (this.synchronous) {
      try {
        this.flushSync();
      } catch {
        // The values that failed have been marked.
      }
    }
    return [...this.#parts.store.pending];
  }

  /** Computes what is pending where device tensors wait for it to be freed, so that they do not pile up. */
  freeUnheld(): void {
    if (this.#parts.store.deviceTensors.hasUnheld) {
      this.settle();
    }
  }

  /** Leaves values to a call, which runs with the next flush. For asynchronous runtimes. */
  defer(call: DeferredCall): void {
    for (const input of call.inputs) {
      this.#parts.store.hold(input);
    }
    for (const output of call.outputs) {
      output.isDeferred = true;
    }
    this.#calls.push(call);
  }

  /** Does something once every call that was deferred has run. */
  afterCalls(then: () => void): void {
    if (this.synchronous) {
      then();
    } else {
      void this.flush().then(then, then);
    }
  }

  flush(): Promise<void> {
    if (this.synchronous) {
      try {
        this.flushSync();
        return Promise.resolve();
      } catch (error) {
        return Promise.reject(error);
      }
    }
    const next = this.#last.then(() => this.#flushAsync());
    // A failed flush has marked its values; the next one must run all the same.
    this.#last = next.catch(() => {});
    return next;
  }

  flushSync(): void {
    const { store, planner, executor } = this.#parts;
    if (!this.synchronous) {
      throw new KernelError(
        `The runtime ${executor.runtime.name} has no synchronous results; use await tensor.data() instead of dataSync().`,
      );
    }
    const failures: Error[] = [];
    const unheld = store.deviceTensors.takeUnheld();
    for (let outputs = this.#takePending(); outputs.length > 0; ) {
      let plan: Plan | undefined;
      try {
        plan = planner.plan(outputs, undefined, this.#assigned());
        store.resolve(outputs, executor.run(plan) as RuntimeTensor[]);
        break;
      } catch (error) {
        outputs = this.#failDependents(outputs, plan, error as Error);
        failures.push(error as Error);
      }
    }
    store.deviceTensors.free(unheld);
    throwFirst(failures);
  }

  async #flushAsync(): Promise<void> {
    const { store } = this.#parts;
    const failures: Error[] = [];
    const unheld = store.deviceTensors.takeUnheld();
    // What is recorded from here on may depend on calls that are deferred from here on.
    const pending = this.#takePending();
    for (const value of pending) {
      value.begin();
    }
    store.deviceTensors.isComputing = true;
    try {
      for (const call of this.#calls.splice(0)) {
        failures.push(...(await this.#compute(call.inputs)), ...(await this.#run(call)));
      }
      failures.push(...(await this.#compute(pending)));
    } finally {
      store.deviceTensors.isComputing = false;
    }
    store.deviceTensors.free(unheld);
    if (store.pending.size === 0) {
      store.deviceTensors.free(store.deviceTensors.takeUnheld());
    }
    throwFirst(failures);
  }

  /** Computes those of some values that are recorded, still held and not computed yet; returns what went wrong. */
  async #compute(values: readonly LazyValue[]): Promise<Error[]> {
    const { store, planner, executor } = this.#parts;
    const failures: Error[] = [];
    const recorded = new Set(values.filter(({ holders, producer }) => holders > 0 && producer !== undefined));
    for (let outputs = [...recorded]; outputs.length > 0; ) {
      let plan: Plan | undefined;
      try {
        plan = planner.plan(outputs, undefined, this.#assigned());
        store.resolve(outputs, await executor.run(plan));
        break;
      } catch (error) {
        outputs = this.#failDependents(outputs, plan, error as Error);
        failures.push(error as Error);
      }
    }
    return failures;
  }

  /** Runs a call, unless its backend was removed; returns what went wrong. */
  async #run({ inputs, outputs, run }: DeferredCall): Promise<Error[]> {
    const { executor, store } = this.#parts;
    try {
      const failed = inputs.find(({ failure }) => failure !== undefined);
      if (failed !== undefined) {
        throw failed.failure;
      }
      if (outputs.every(({ failure }) => failure === undefined)) {
        const feeds = inputs.map(({ resident, shape, type }) =>
          resident instanceof HostTensor ? executor.runtime.upload(type, shape, resident.host) : resident!,
        );
        store.resolve(outputs, await run(feeds));
      }
      return [];
    } catch (error) {
      store.fail(outputs, error as Error);
      return [error as Error];
    } finally {
      for (const input of inputs) {
        store.release(input);
      }
    }
  }

  /** Marks the outputs that a failure affects and returns the others, fewer than before. */
  #failDependents(outputs: readonly LazyValue[], plan: Plan | undefined, error: Error): LazyValue[] {
    const failed = failedDependents(outputs, plan, error);
    this.#parts.store.fail([...failed], error);
    return outputs.filter((output) => !failed.has(output));
  }

  #assigned(): ReadonlySet<LazyValue> | undefined {
    const { executor, store } = this.#parts;
    return executor.asksForVariables ? valuesOfVariables(store) : undefined;
  }

  #takePending(): LazyValue[] {
    this.#parts.graph.recorded = 0;
    return [...this.#parts.store.pending];
  }
}

function throwFirst(failures: readonly Error[]): void {
  if (failures.length > 0) {
    throw failures[0];
  }
}

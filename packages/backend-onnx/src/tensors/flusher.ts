import { KernelError } from "@mmgen/core";
import type { Executor } from "../graph/executor.js";
import { failedDependents } from "../graph/failed-dependents.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { LazyValue } from "../graph/lazy-value.js";
import type { Plan, Planner } from "../graph/plan.js";
import type { RuntimeTensor } from "../runtime/runtime.js";
import type { TensorStore } from "./tensor-store.js";
import { valuesOfVariables } from "./values-of-variables.js";

/** What a {@link Flusher} works with. */
export interface FlusherParts {
  readonly store: TensorStore;
  readonly graph: GraphBuilder;
  readonly planner: Planner;
  readonly executor: Executor;
}

/**
 * Computes the pending values of a store: immediately where the runtime is synchronous, else one flush after the other.
 *
 * If something cannot be computed, the values that depend on it fail, the others are computed without it, and the flush
 * fails.
 */
export class Flusher {
  readonly #parts: FlusherParts;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: FlusherParts) {
    this.#parts = parts;
  }

  get synchronous(): boolean {
    return this.#parts.executor.runtime.synchronous;
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
    const unheld = store.takeUnheld();
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
    disposeAll(unheld);
    throwFirst(failures);
  }

  async #flushAsync(): Promise<void> {
    const { store, planner, executor } = this.#parts;
    const failures: Error[] = [];
    const unheld = store.takeUnheld();
    for (let outputs = this.#takePending(); outputs.length > 0; ) {
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
    disposeAll(unheld);
    throwFirst(failures);
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

/** Frees device tensors that only the graphs of this flush could read. */
function disposeAll(tensors: readonly RuntimeTensor[]): void {
  for (const tensor of tensors) {
    tensor.dispose();
  }
}

function throwFirst(failures: readonly Error[]): void {
  if (failures.length > 0) {
    throw failures[0];
  }
}

import { KernelError } from "@mmgen/core";
import type { Executor } from "./executor.js";
import type { GraphBuilder } from "./graph/graph-builder.js";
import type { LazyValue } from "./graph/lazy-value.js";
import { lostValues } from "./graph/lost-values.js";
import type { Plan, Planner } from "./graph/plan.js";
import type { RuntimeTensor } from "./runtime/runtime.js";
import type { TensorStore } from "./tensor-store.js";

/**
 * Computes what is pending in a store: at once where the runtime can, else one flush after the other.
 *
 * Where something cannot be computed, what depends on it is lost, the rest is computed without it, and the flush fails.
 */
export class Flusher {
  #last: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: TensorStore,
    private readonly graph: GraphBuilder,
    private readonly planner: Planner,
    private readonly executor: Executor,
  ) {}

  get synchronous(): boolean {
    return this.executor.runtime.synchronous;
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
    const next = this.#last.then(() => this.#flushLater());
    // A failed flush has told its values; the next one starts afresh.
    this.#last = next.catch(() => {});
    return next;
  }

  flushSync(): void {
    if (!this.synchronous) {
      throw new KernelError(
        `The runtime ${this.executor.runtime.name} cannot answer at once; use await tensor.data() instead of dataSync().`,
      );
    }
    const failures: Error[] = [];
    const dropped = this.store.takeDropped();
    for (let outputs = this.#takePending(); outputs.length > 0; ) {
      let plan: Plan | null = null;
      try {
        plan = this.planner.plan(outputs);
        this.store.settle(outputs, this.executor.run(plan) as RuntimeTensor[]);
        break;
      } catch (error) {
        outputs = this.#withoutLost(outputs, plan, error as Error);
        failures.push(error as Error);
      }
    }
    freeAll(dropped);
    throwFirst(failures);
  }

  async #flushLater(): Promise<void> {
    const failures: Error[] = [];
    const dropped = this.store.takeDropped();
    for (let outputs = this.#takePending(); outputs.length > 0; ) {
      let plan: Plan | null = null;
      try {
        plan = this.planner.plan(outputs);
        this.store.settle(outputs, await this.executor.run(plan));
        break;
      } catch (error) {
        outputs = this.#withoutLost(outputs, plan, error as Error);
        failures.push(error as Error);
      }
    }
    freeAll(dropped);
    throwFirst(failures);
  }

  /** Tells the values that a failure costs, and returns the others, fewer than before. */
  #withoutLost(outputs: readonly LazyValue[], plan: Plan | null, error: Error): LazyValue[] {
    const lost = lostValues(outputs, plan, error);
    this.store.poison([...lost], error);
    return outputs.filter((output) => !lost.has(output));
  }

  #takePending(): LazyValue[] {
    this.graph.recorded = 0;
    return [...this.store.pending];
  }
}

/** Frees what only graphs that are computed now could read. */
function freeAll(dropped: readonly RuntimeTensor[]): void {
  for (const tensor of dropped) {
    tensor.dispose();
  }
}

function throwFirst(failures: readonly Error[]): void {
  if (failures.length > 0) {
    throw failures[0];
  }
}

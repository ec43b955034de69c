import { KernelError } from "@mmgen/core";
import type { Executor } from "./executor.js";
import type { GraphBuilder } from "./graph/graph-builder.js";
import type { LazyValue } from "./graph/lazy-value.js";
import type { Planner } from "./graph/plan.js";
import type { RuntimeTensor } from "./runtime/runtime.js";
import type { TensorStore } from "./tensor-store.js";

/** Computes what is pending in a store: at once where the runtime can, else one flush after the other. */
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
      this.flushSync();
      return Promise.resolve();
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
    const outputs = this.#takePending();
    if (outputs.length > 0) {
      try {
        this.store.settle(outputs, this.executor.run(this.planner.plan(outputs)) as RuntimeTensor[]);
      } catch (error) {
        this.store.poison(outputs, error as Error);
        throw error;
      }
    }
  }

  async #flushLater(): Promise<void> {
    const outputs = this.#takePending();
    if (outputs.length > 0) {
      try {
        this.store.settle(outputs, await this.executor.run(this.planner.plan(outputs)));
      } catch (error) {
        this.store.poison(outputs, error as Error);
        throw error;
      }
    }
  }

  #takePending(): LazyValue[] {
    this.graph.recorded = 0;
    return [...this.store.pending];
  }
}

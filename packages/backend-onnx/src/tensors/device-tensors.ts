import type { RuntimeTensor } from "../runtime/runtime.js";

/** Tensors on a device: those of held values, and those that nothing holds any more but that pending values may read. */
export class DeviceTensors {
  readonly #held = new Set<RuntimeTensor>();
  readonly #unheld = new Set<RuntimeTensor>();
  /** Whether a graph runs, which may read what is given up meanwhile. */
  isComputing = false;

  get bytes(): number {
    return [...this.#held, ...this.#unheld].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Whether tensors wait to be freed until the pending values are computed. */
  get hasUnheld(): boolean {
    return this.#unheld.size > 0;
  }

  hold(tensor: RuntimeTensor): void {
    // What a recorded value reads may be held again: a reshape undone, a part of what was split.
    this.#unheld.delete(tensor);
    this.#held.add(tensor);
  }

  /** Frees a tensor that was held, later where pending values may read it. */
  release(tensor: RuntimeTensor, isRead: boolean): void {
    if (this.#held.delete(tensor)) {
      this.discard(tensor, isRead);
    }
  }

  /** Frees a tensor that is not held, later where pending values may read it. */
  discard(tensor: RuntimeTensor, isRead: boolean): void {
    if (isRead || this.isComputing) {
      this.#unheld.add(tensor);
    } else {
      tensor.dispose();
    }
  }

  /** Takes the tensors to free once the pending values, which may read them, are computed. */
  takeUnheld(): RuntimeTensor[] {
    const taken = [...this.#unheld];
    this.#unheld.clear();
    return taken;
  }

  /** Frees tensors that were taken, but those that something holds, or pending values read, again. */
  free(taken: readonly RuntimeTensor[]): void {
    for (const tensor of taken) {
      if (!this.#held.has(tensor) && !this.#unheld.has(tensor)) {
        tensor.dispose();
      }
    }
  }

  /** Frees all of them; what is held can be read on the host afterwards if it is to move there. */
  clear(movesToHost: boolean): void {
    this.free(this.takeUnheld());
    for (const tensor of this.#held) {
      if (movesToHost) {
        try {
          tensor.moveToHost?.();
        } catch {
          // It is lost, and says so when it is read.
        }
      }
      tensor.dispose();
    }
    this.#held.clear();
  }
}

import { MmgenError } from "@mmgen/core";

/** A loss or gradient became NaN or infinite. The model's weights are spoilt: go on from an earlier checkpoint. */
export class DivergenceError extends MmgenError {
  static override readonly kind: string = "DivergenceError";
  /** The step that failed, counted from 1. */
  readonly step: number;

  constructor(message: string, step: number) {
    super(message);
    this.step = step;
  }
}

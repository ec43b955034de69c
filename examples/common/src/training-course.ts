import type { AdamWOptions, Schedule, TrainingObserver } from "@mmgen/training";

/** How a model is trained, kept and watched. */
export interface TrainingCourse {
  readonly batchSize: number;
  /** The learning rate by step, once the steps are known. */
  readonly schedule: (totalSteps: number) => Schedule;
  readonly optimizer: AdamWOptions;
  readonly seed: number;
  /** Where the training's state is kept, so that a stopped run can go on. */
  readonly checkpoint: {
    readonly read: () => Promise<Uint8Array | undefined>;
    readonly write: (state: Uint8Array) => Promise<void>;
  };
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
  /** What starts the example: `npm start`. */
  readonly command: string;
}

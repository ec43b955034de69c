import { GroupError, MmgenError } from "@mmgen/core";
import { ObserverFailure } from "../observers/observer-list.js";

/** A loss or gradient became NaN or infinite. The model has the weights of the step before: resume from a checkpoint. */
export class DivergenceError extends MmgenError {
  static override readonly kind: string = "DivergenceError";
  /** The step that failed, counted from 1. */
  readonly step: number;

  constructor(message: string, step: number) {
    super(message);
    this.step = step;
  }
}

/** How far a run had come that ended with an error, and how to go on. */
export interface EndedRunOptions extends ErrorOptions {
  readonly step: number;
  readonly state: Uint8Array | undefined;
}

/** An error that ended a run whose state is kept. */
abstract class EndedRunError extends MmgenError {
  /** Steps taken. */
  readonly step: number;
  /** For `train`'s `resume`; undefined where the run had not begun, or the state could not be read. */
  readonly state: Uint8Array | undefined;

  constructor(message: string, { step, state, ...options }: EndedRunOptions) {
    super(message, options);
    this.step = step;
    this.state = state;
  }
}

/** A step did not fit into memory. The model, and the run's state, are those before the step. */
export class OutOfMemoryError extends EndedRunError {
  static override readonly kind: string = "OutOfMemoryError";
}

/** An observer failed. The run ended after that call, with its state kept; `cause` is what the observer threw. */
export class ObserverError extends EndedRunError {
  static override readonly kind: string = "ObserverError";
}

/** Another process of the run's group failed, and this one ended with it, its state kept. */
export class PeerError extends GroupError {
  static override readonly kind: string = "PeerError";
  /** Steps taken. */
  readonly step: number;
  /** For `train`'s `resume`; undefined where the run had not begun, or the state could not be read. */
  readonly state: Uint8Array | undefined;

  constructor(message: string, { step, state, ...options }: EndedRunOptions & { readonly rank: number }) {
    super(message, options);
    this.step = step;
    this.state = state;
  }
}

/** What is known of a run that has failed. */
export interface FailedRun {
  /** Steps taken. */
  readonly step: number;
  readonly state: Uint8Array | undefined;
  /** A sentence on where the state is. */
  readonly kept?: string;
}

/** An error as `train` throws it: typed, and with the run's state, where an observer or the memory is to blame. */
export function describeFailure(error: unknown, { kept, state, step }: FailedRun): unknown {
  const sentences = (...parts: (string | undefined)[]) => parts.filter((part) => part !== undefined).join(" ");
  if (error instanceof ObserverFailure) {
    return new ObserverError(sentences(withPeriod(error.message), kept), { step, state, cause: error.cause });
  }
  if (GroupError.isInstance(error)) {
    return new PeerError(sentences(withPeriod(error.message), kept), { rank: error.rank, step, state, cause: error });
  }
  if (isOutOfMemory(error)) {
    const message = sentences(
      `Memory ran out after step ${step}: ${withPeriod((error as Error).message)}`,
      "Use a smaller batchSize, or gradientAccumulation to process a batch in parts.",
      kept,
    );
    return new OutOfMemoryError(message, { step, state, cause: error });
  }
  return error;
}

function withPeriod(message: string): string {
  return /[.!?]$/.test(message.trimEnd()) ? message.trimEnd() : `${message.trimEnd()}.`;
}

/** Whether a backend or JavaScript itself has run out of memory; by the messages of the engines, as none has a type for it. */
function isOutOfMemory(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth++) {
    if (memoryMessage.test(current.message)) {
      return true;
    }
  }
  return false;
}

/**
 * V8 and SpiderMonkey: "Array buffer allocation failed", "Invalid typed array length: …"; ONNX Runtime: "Failed to
 * allocate memory", "std::bad_alloc"; tfjs-node: "OOM when allocating tensor"; CUDA, WebGL and WebGPU: "out of memory".
 */
const memoryMessage =
  /array buffer allocation failed|invalid (typed )?array (buffer )?length|(failed|cannot|unable) to allocate|bad_?alloc|\bOOM\b|out of memory/i;

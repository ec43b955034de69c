import { AbortedError, ConfigError, fingerprint, type ProcessGroup, soleProcess } from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import { assignStored, storeVariables } from "../checkpoints/stored-variables.js";
import { PeerError } from "../loop/run-errors.js";
import type { Metrics } from "../observers/training-observer.js";

/** What {@link RunGroup} needs of a run. */
export interface RunGroupOptions {
  /** Default: this process alone. */
  readonly group?: ProcessGroup | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly gradientAccumulation?: number | undefined;
}

/** What a process says where all agree. */
interface Statement {
  readonly isIncomplete?: boolean;
  readonly isFailed?: boolean;
  /** A number of this process's own. */
  readonly number?: number;
  /** Weights of this process's parts of a step. */
  readonly weights?: ReadonlyMap<number, number | undefined>;
}

/** What all have said together. */
interface Agreement {
  /** Whether what came before is incomplete in any process. */
  readonly isIncomplete: boolean;
  /** Of each process. */
  readonly numbers: readonly number[];
  /** Of each part of a step. */
  readonly weights: readonly (number | undefined)[];
}

/** Characters of an error that the other processes are told. */
const errorLength = 400;

/**
 * A run's place in a process group: which parts of a step are its own, and what all processes decide together.
 *
 * Whatever they do together starts with {@link RunGroup.agree}, one short sum in which each also says whether it has failed
 * or is to stop. A process that fails, wherever it does, calls it once more instead of going on, so that nobody waits for it.
 */
export class RunGroup {
  readonly parts: number;
  readonly #group: ProcessGroup;
  readonly #signal: AbortSignal | undefined;
  #isStopping = false;

  constructor({ group = soleProcess, gradientAccumulation, signal }: RunGroupOptions) {
    // One part says nothing of how many there are to be.
    const given = gradientAccumulation === 1 ? undefined : gradientAccumulation;
    this.parts = given ?? group.size;
    this.#group = group;
    this.#signal = signal;
  }

  get isAlone(): boolean {
    return this.#group.size === 1;
  }

  /** Whether this process writes and speaks for all. */
  get isFirst(): boolean {
    return this.#group.rank === 0;
  }

  /** The parts of each step that this process computes: as many as any other, one after the other. */
  get ownParts(): readonly number[] {
    const { rank, size } = this.#group;
    const count = this.parts / size;
    return Array.from({ length: count }, (_, i) => rank * count + i);
  }

  /** Whether the signal of any process has fired, as all know since they last agreed. */
  get isStopping(): boolean {
    return this.isAlone ? this.#signal?.aborted === true : this.#isStopping;
  }

  /**
   * Tells the others how this process stands, and learns how they do.
   *
   * @throws a {@link PeerError} when another process has failed.
   */
  async agree({ isIncomplete = false, isFailed = false, number = 0, weights }: Statement = {}): Promise<Agreement> {
    const { rank, size } = this.#group;
    const values = new Float64Array(3 + size + this.parts);
    values.set([Number(this.#signal?.aborted === true), Number(isFailed), Number(isIncomplete)]);
    values[3 + rank] = number;
    for (const [part, weight] of weights ?? []) {
      // All others add zeros, so that numbers arrive as they are.
      values[3 + size + part] = weight ?? -1;
    }
    await this.#group.sum(values);
    const [stopping, failed, incomplete, ...rest] = values;
    this.#isStopping ||= stopping! > 0;
    if (failed! > 0 && !isFailed) {
      throw await this.#describePeers();
    }
    return {
      isIncomplete: incomplete! > 0,
      numbers: rest.slice(0, size),
      weights: rest.slice(size).map((weight) => (weight < 0 ? undefined : weight)),
    };
  }

  /** Adds up the values of all, who have agreed before. */
  sum(values: Float32Array): Promise<void> {
    return this.#group.sum(values);
  }

  /**
   * The same bytes everywhere: those of the first process.
   *
   * @returns `undefined` where it gives none.
   */
  async share(bytes: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    if (this.isAlone) {
      return bytes;
    }
    const { numbers } = await this.agree({ number: this.isFirst ? (bytes?.length ?? -1) : 0 });
    const length = numbers[0]!;
    if (length < 0) {
      return undefined;
    }
    const shared = this.isFirst ? bytes!.slice() : new Uint8Array(length);
    await this.#group.broadcast(shared);
    return shared;
  }

  /** Sets variables to their values in the first process. Reads. */
  async shareVariables(variables: ReadonlyMap<string, tf.Variable>): Promise<void> {
    if (this.isAlone) {
      return;
    }
    // First what may fail.
    const stored = await storeVariables(variables);
    await this.agree();
    for (const { data } of stored.values()) {
      await this.#group.broadcast(data as Float32Array | Int32Array);
    }
    if (!this.isFirst) {
      assignStored(variables, stored);
    }
  }

  /**
   * Work that a signal may stop, in every process.
   *
   * @param work - Gives whether it was completed.
   * @returns Whether it was in all; the same for all.
   */
  async complete(work: () => Promise<boolean>): Promise<boolean> {
    const isComplete = await work();
    return this.isAlone ? isComplete : !(await this.agree({ isIncomplete: !isComplete })).isIncomplete;
  }

  /** The metrics of the first process's evaluation; `undefined` where a signal stopped that of any. */
  async evaluate(evaluation: () => Promise<Metrics> | undefined): Promise<Metrics | undefined> {
    let metrics: Metrics = {};
    const isComplete = await this.complete(async () => {
      try {
        metrics = (await evaluation()) ?? {};
        return true;
      } catch (error) {
        if (this.#signal?.aborted && AbortedError.isInstance(error)) {
          return false;
        }
        throw error;
      }
    });
    return isComplete ? this.#shareMetrics(metrics) : undefined;
  }

  /** @throws a {@link ConfigError} in all processes unless each describes its run by the same text. */
  async expectSame(description: string): Promise<void> {
    if (this.isAlone) {
      return;
    }
    const hash = Number.parseInt(fingerprint([new TextEncoder().encode(description)]).slice(0, 12), 16);
    const { numbers } = await this.agree({ number: hash });
    const other = numbers.findIndex((number) => number !== numbers[0]);
    if (other >= 0) {
      throw new ConfigError(
        `group: process ${other} of ${this.#group.size} trains with other options, examples or a model of other shapes than process 0. Start all with the same.`,
      );
    }
  }

  /**
   * Ends a run that has failed here or elsewhere: tells the others, keeps what is to be kept, and waits until all have.
   *
   * @param keep - Gives the error to throw; the first process writes the state.
   */
  async fail(error: unknown, keep: (error: unknown) => Promise<unknown>): Promise<unknown> {
    if (this.isAlone) {
      return keep(error);
    }
    if (!PeerError.isInstance(error)) {
      await this.agree({ isFailed: true });
      await this.#exchangeTexts(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
    const kept = await keep(error);
    await this.#group.sum(new Float64Array(1));
    return kept;
  }

  async #shareMetrics(metrics: Metrics): Promise<Metrics> {
    if (this.isAlone) {
      return metrics;
    }
    // As texts: JSON has no NaN.
    const texts = JSON.stringify(Object.entries(metrics).map(([name, value]) => [name, String(value)]));
    const shared = new TextDecoder().decode(await this.share(new TextEncoder().encode(texts)));
    const entries = JSON.parse(shared) as [string, string][];
    return Object.fromEntries(entries.map(([name, value]) => [name, Number(value)]));
  }

  /** The error of a process whose peers have failed. */
  async #describePeers(): Promise<PeerError> {
    const texts = await this.#exchangeTexts("");
    const rank = texts.findIndex((text) => text !== "");
    return new PeerError(`Process ${rank} of ${this.#group.size} failed: ${texts[rank]}`, {
      ...{ rank, step: 0, state: undefined },
    });
  }

  async #exchangeTexts(own: string): Promise<string[]> {
    const { rank, size } = this.#group;
    const codes = new Float32Array(size * errorLength);
    codes.set(
      Array.from({ length: Math.min(own.length, errorLength) }, (_, i) => own.charCodeAt(i)),
      rank * errorLength,
    );
    await this.#group.sum(codes);
    return Array.from({ length: size }, (_, process) => {
      const text = codes.subarray(process * errorLength, (process + 1) * errorLength).filter((code) => code > 0);
      return String.fromCharCode(...text);
    });
  }
}

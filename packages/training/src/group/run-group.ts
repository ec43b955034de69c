import {
  AbortedError,
  agree,
  ConfigError,
  fingerprint,
  type GroupAgreement,
  type GroupStatement,
  inFirstProcess,
  type ProcessGroup,
  ShapeError,
  soleProcess,
  tellFailure,
  toldAs,
} from "@mmgen/core";
import type * as tf from "@tensorflow/tfjs-core";
import { assignStored, storeVariables } from "../checkpoints/stored-variables.js";
import type { Metrics } from "../observers/training-observer.js";

/** What {@link RunGroup} needs of a run. */
export interface RunGroupOptions {
  /** Default: this process alone. */
  readonly group?: ProcessGroup | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly gradientAccumulation?: number | undefined;
}

/**
 * A run's place in a process group: which parts of a step are its own, and what all processes decide together.
 *
 * Whatever they do together starts with {@link RunGroup.agree}, in which each also says whether it is to stop, and where a
 * process that has failed meets the others.
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
   * @throws a `GroupError` when another process has failed.
   */
  async agree(statement: Pick<GroupStatement, "isIncomplete" | "number"> = {}): Promise<GroupAgreement> {
    const agreement = await agree(this.#group, { ...statement, isStopping: this.#signal?.aborted === true });
    this.#isStopping ||= agreement.isStopping;
    return agreement;
  }

  /**
   * The weights of all parts of a step, of those of each process.
   *
   * @param own - By part.
   * @param length - Values that this process is about to add up with the others.
   * @throws a {@link ShapeError} where the others have another number of values.
   */
  async shareWeights(
    own: ReadonlyMap<number, number | undefined>,
    length: number,
  ): Promise<readonly (number | undefined)[]> {
    const hasWeights = [...own.values()].some((weight) => weight !== undefined);
    const { isIncomplete: areWeighted, numbers } = await this.agree({ isIncomplete: hasWeights, number: length });
    if (numbers.some((other) => other !== length)) {
      throw new ShapeError(
        `A group's processes must have models of the same shapes, got ${numbers.join(", ")} values.`,
      );
    }
    const weights = new Float64Array(this.parts);
    if (areWeighted) {
      for (const [part, weight] of own) {
        weights[part] = weight ?? -1;
      }
      await this.#group.sum(weights);
    }
    return Array.from(weights, (weight) => (areWeighted && weight >= 0 ? weight : undefined));
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
  share(bytes: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    return inFirstProcess(this.#group, async () => bytes);
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
   * Ends a run that has failed here or elsewhere: tells the others, and keeps what is to be kept.
   *
   * @param keep - Gives the error to throw; the first process writes the state.
   */
  async fail(error: unknown, keep: (error: unknown) => Promise<unknown>): Promise<unknown> {
    const known = await tellFailure(this.#group, error);
    return toldAs(await keep(known), known);
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
}

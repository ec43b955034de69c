import { AbortedError, agree, inFirstProcess, type ProcessGroup, tellFailure } from "@mmgen/core";

/** What an evaluation keeps of a batch. */
export interface EvaluatedBatch {
  /** Number of examples. */
  readonly size: number;
  /** `LossResult.targetWeight`. */
  readonly weight: number | undefined;
  readonly metrics: ReadonlyMap<string, number>;
}

/**
 * Brings the batches that each process of a group has evaluated to all of them.
 *
 * @param count - Batches in all.
 * @param evaluate - Gives this process's by their numbers; the first process has the first.
 * @throws what it throws; where another process was stopped an {@link AbortedError}, where one has failed a `GroupError`.
 */
export async function gatherBatches(
  group: ProcessGroup,
  count: number,
  evaluate: () => Promise<ReadonlyMap<number, EvaluatedBatch>>,
): Promise<EvaluatedBatch[]> {
  let own: ReadonlyMap<number, EvaluatedBatch> | undefined;
  let stop: unknown;
  try {
    own = await evaluate();
  } catch (error) {
    if (!AbortedError.isInstance(error)) {
      throw await tellFailure(group, error);
    }
    stop = error;
  }
  if ((await agree(group, { isIncomplete: own === undefined })).isIncomplete) {
    throw stop ?? new AbortedError("The evaluation was stopped in another process of the group.");
  }
  const names = await inFirstProcess(group, async () =>
    new TextEncoder().encode(JSON.stringify([...own!.get(0)!.metrics.keys()])),
  );
  const shared = JSON.parse(new TextDecoder().decode(names)) as string[];
  const width = 2 + shared.length;
  const values = new Float64Array(count * width);
  for (const [batch, { metrics, size, weight }] of own!) {
    values.set([size, weight ?? -1, ...shared.map((name) => metrics.get(name)!)], batch * width);
  }
  await group.sum(values);
  return Array.from({ length: count }, (_, batch) => {
    const [size, weight, ...metrics] = values.subarray(batch * width, (batch + 1) * width);
    return {
      size: size!,
      weight: weight! < 0 ? undefined : weight!,
      metrics: new Map(shared.map((name, i) => [name, metrics[i]!])),
    };
  });
}

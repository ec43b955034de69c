import { AbortedError, type ProcessGroup } from "@mmgen/core";

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
 * @param own - This process's by their numbers; the first process has the first. An error where it was stopped, or failed.
 * @throws the error, and in all other processes an {@link AbortedError}.
 */
export async function gatherBatches(
  group: ProcessGroup,
  count: number,
  own: ReadonlyMap<number, EvaluatedBatch> | Error,
): Promise<EvaluatedBatch[]> {
  const isOver = own instanceof Error;
  const ended = Float64Array.of(Number(isOver), 0);
  const names = isOver ? [] : [...(own.get(0)?.metrics.keys() ?? [])];
  const bytes = new TextEncoder().encode(JSON.stringify(names));
  ended[1] = group.rank === 0 ? bytes.length : 0;
  await group.sum(ended);
  if (isOver) {
    throw own;
  }
  if (ended[0]! > 0) {
    throw new AbortedError("The evaluation was stopped in another process of the group.");
  }
  const named = group.rank === 0 ? bytes : new Uint8Array(ended[1]!);
  await group.broadcast(named);
  const shared = JSON.parse(new TextDecoder().decode(named)) as string[];
  const width = 2 + shared.length;
  const values = new Float64Array(count * width);
  for (const [batch, { metrics, size, weight }] of own) {
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

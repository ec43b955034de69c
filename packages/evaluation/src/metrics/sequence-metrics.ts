import { checkTokenBatch, ShapeError, type TokenBatch } from "@mmgen/core";
import { fields, functionValue, optional, resolveOptions, value } from "@mmgen/core/options";

/** Negative log-likelihood of some predicted ids. */
export interface SequenceMetric {
  /** Mean over the ids, in nats an id. */
  readonly natsPerId: number;
  /** Sum over the ids of a sequence, averaged over the sequences, in nats. */
  readonly natsPerSequence: number;
}

/** Negative log-likelihood of a set of sequences; see {@link sequenceMetrics}. */
export interface SequenceMetrics extends SequenceMetric {
  readonly samples: number;
  /** By the order of the modalities; averaged over the sequences of that order. Empty when no orders were given. */
  readonly byOrder: Readonly<Record<string, SequenceMetric>>;
  /** By the modality of the predicted id. Empty when no modalities were given. */
  readonly byModality: Readonly<Record<string, SequenceMetric>>;
  /** Mean nats at each target position, `[length]`; NaN where no id counts. */
  readonly byPosition: Float64Array;
}

/** Options of {@link sequenceMetrics}. */
export interface SequenceMetricsOptions {
  /** Negative log-likelihood of each target, in nats, `[count, length]` row-major. */
  readonly losses: ArrayLike<number>;
  /** The predicted ids. */
  readonly targets: TokenBatch;
  /** `[count, length]`; targets of weight 0 (padding) do not count, all others count the same. Absent: all count. */
  readonly weights?: ArrayLike<number> | undefined;
  /** The modality of an id: "text", "image", "special". Default: none. */
  readonly modalityOf?: ((id: number) => string) | undefined;
  /** The order of each row, `[count]`. Default: none. */
  readonly orders?: readonly string[] | undefined;
}

const arrayLike = () =>
  value<ArrayLike<unknown>>("an array", (candidate) => Array.isArray(candidate) || ArrayBuffer.isView(candidate));

const sequenceMetricsSchema = fields({
  losses: arrayLike(),
  targets: value<TokenBatch>("a TokenBatch", (candidate) => candidate instanceof Object),
  weights: optional(arrayLike()),
  modalityOf: optional(functionValue()),
  orders: optional(arrayLike()),
});

/**
 * Negative log-likelihood in total, by order, by modality and by position.
 *
 * nats/dim of two different image tokenizers do not compare: print nats/sample, {@link bitsPerPixel} and the
 * tokenizer's reconstruction error beside it.
 *
 * @throws a `ConfigError` when an option is unknown.
 * @throws a {@link ShapeError} when the arrays do not fit or nothing counts.
 */
export function sequenceMetrics(options: SequenceMetricsOptions): SequenceMetrics {
  resolveOptions(sequenceMetricsSchema, options);
  const { losses, targets, weights, modalityOf, orders } = options;
  checkTokenBatch(targets, undefined, "targets");
  const { count, length, data } = targets;
  checkLength("losses", losses, count * length);
  checkLength("targets", data, count * length);
  checkLength("weights", weights, count * length);
  checkLength("orders", orders, count);
  const total = new Tally();
  const byOrder = new Tallies();
  const byModality = new Tallies();
  const byPosition = Array.from({ length }, () => new Tally());
  for (let row = 0; row < count; row++) {
    const order = orders?.[row];
    const ofOrder = order === undefined ? undefined : byOrder.get(order);
    for (let position = 0; position < length; position++) {
      const at = row * length + position;
      if (weights?.[at] === 0) {
        continue;
      }
      const nats = losses[at]!;
      total.add(nats);
      ofOrder?.add(nats);
      byPosition[position]!.add(nats);
      if (modalityOf !== undefined) {
        byModality.get(modalityOf(data[at]!)).add(nats);
      }
    }
  }
  if (total.ids === 0) {
    throw new ShapeError("sequenceMetrics: expected at least one target that counts, got none.");
  }
  const rowsOf = (order: string) => orders!.filter((each) => each === order).length;
  return {
    ...total.metric(count),
    samples: count,
    byOrder: byOrder.metrics(rowsOf),
    byModality: byModality.metrics(() => count),
    byPosition: Float64Array.from(byPosition, ({ nats, ids }) => nats / ids),
  };
}

/**
 * Converts nats of a whole image to bits per pixel, or with `pixels` times the channels to bits per dimension.
 *
 * For the codes of a lossy tokenizer this is the size of the compressed image, not a likelihood of its pixels.
 *
 * @param natsPerImage - `byModality.image.natsPerSequence` of {@link sequenceMetrics}.
 * @param pixels - Height times width of an image.
 */
export function bitsPerPixel(natsPerImage: number, pixels: number): number {
  return natsPerImage / Math.LN2 / pixels;
}

class Tally {
  nats = 0;
  ids = 0;

  add(nats: number): void {
    this.nats += nats;
    this.ids++;
  }

  metric(samples: number): SequenceMetric {
    return { natsPerId: this.nats / this.ids, natsPerSequence: this.nats / samples };
  }
}

class Tallies {
  readonly #byName = new Map<string, Tally>();

  get(name: string): Tally {
    const tally = this.#byName.get(name) ?? new Tally();
    this.#byName.set(name, tally);
    return tally;
  }

  metrics(samplesOf: (name: string) => number): Record<string, SequenceMetric> {
    const counted = [...this.#byName].filter(([, { ids }]) => ids > 0);
    return Object.fromEntries(counted.map(([name, tally]) => [name, tally.metric(samplesOf(name))]));
  }
}

function checkLength(name: string, array: ArrayLike<unknown> | undefined, length: number): void {
  if (array !== undefined && array.length !== length) {
    throw new ShapeError(`sequenceMetrics: expected ${length} ${name}, got ${array.length}.`);
  }
}

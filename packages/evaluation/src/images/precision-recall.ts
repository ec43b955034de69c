import { fields, optional, resolveOptions, wholeNumber } from "@mmgen/core/options";
import { checkFeatures, type FeatureOptions, featureFields } from "./features.js";
import { type Rows, squaredDistance } from "./rows.js";

/** Options of {@link precisionAndRecall}. */
export interface PrecisionRecallOptions extends FeatureOptions {
  /** The distance to which neighbor is the radius around a set's image. Default: 3. */
  readonly neighbors?: number | undefined;
}

const precisionRecallSchema = fields({ ...featureFields, neighbors: optional(wholeNumber({ min: 1 }), 3) });

/** How far two sets of images cover each other. */
export interface PrecisionRecall {
  /** Share of the generated images that are as near to a real one as its third neighbor among the real ones: quality. */
  readonly precision: number;
  /** Share of the real images that are as near to a generated one as its third neighbor among those: variety. */
  readonly recall: number;
}

/**
 * Improved precision and recall: what share of one set's features lies within balls around the other's, each reaching to
 * its own set's third neighbor.
 *
 * The time is that of all distances between and within the sets. The two should be of one size.
 *
 * @param real - Features of real images, `[count, dimension]` row-major, more rows than `neighbors`; borrowed.
 * @param generated - Features of generated images, likewise.
 * @throws a `ShapeError` when a set is not whole rows, has too few, or holds a value that is not finite; a `ConfigError`
 *   for an option that is unknown or out of range.
 * @see Kynkäänniemi et al. 2019, https://arxiv.org/abs/1904.06991
 */
export function precisionAndRecall(
  real: ArrayLike<number>,
  generated: ArrayLike<number>,
  options: PrecisionRecallOptions,
): PrecisionRecall {
  const { dimension, neighbors } = resolveOptions(precisionRecallSchema, options);
  const rowsOf = (name: string, data: ArrayLike<number>): Rows<ArrayLike<number>> => {
    const count = checkFeatures(`precisionAndRecall: ${name}`, data, { dimension, minCount: neighbors + 1 });
    return { data, count, dimension };
  };
  const [reals, fakes] = [rowsOf("real", real), rowsOf("generated", generated)];
  return {
    precision: shareWithin(fakes, reals, neighborDistances(reals, neighbors)),
    recall: shareWithin(reals, fakes, neighborDistances(fakes, neighbors)),
  };
}

/** Squared distance of each row to its `neighbors`-th neighbor among the others, `[count]`. */
function neighborDistances(rows: Rows<ArrayLike<number>>, neighbors: number): Float64Array {
  // Of each row the smallest so far, ascending.
  const nearest = new Float64Array(rows.count * neighbors).fill(Number.POSITIVE_INFINITY);
  const insert = (row: number, distance: number) => {
    const start = row * neighbors;
    let place = start + neighbors - 1;
    if (distance >= nearest[place]!) {
      return;
    }
    for (; place > start && nearest[place - 1]! > distance; place--) {
      nearest[place] = nearest[place - 1]!;
    }
    nearest[place] = distance;
  };
  for (let i = 0; i < rows.count; i++) {
    for (let j = 0; j < i; j++) {
      const distance = squaredDistance(rows, i, rows, j);
      insert(i, distance);
      insert(j, distance);
    }
  }
  return Float64Array.from({ length: rows.count }, (_, row) => nearest[(row + 1) * neighbors - 1]!);
}

/** Share of `rows` that lie within the radius, squared, of at least one center. */
function shareWithin(rows: Rows<ArrayLike<number>>, centers: Rows<ArrayLike<number>>, radii: Float64Array): number {
  let within = 0;
  for (let row = 0; row < rows.count; row++) {
    for (let center = 0; center < centers.count; center++) {
      if (squaredDistance(rows, row, centers, center) <= radii[center]!) {
        within++;
        break;
      }
    }
  }
  return within / rows.count;
}

import * as tf from "@tensorflow/tfjs-core";
import { type Rows, squaredDistance } from "./rows.js";

/** Query rows of one matrix product. */
const queryBlock = 1024;
/** Float32 products of long rows are off by less than this share of the rows' squared lengths. */
const roundingShare = 2e-5;

/**
 * The nearest row to each of some query rows, among rows that are handed in a few at a time.
 *
 * Matrix products in float32 on the active backend find the candidates; the distances of those are computed in float64,
 * so that the result is the same on every backend. It holds the queries as tensors: dispose it.
 */
export class NearestSearch {
  /** Mean squared distance of each query to the nearest row so far, `[count]`. */
  readonly distances: Float64Array;
  /** What `add` was told of that row, `[count]`; −1 before any. */
  readonly indices: Int32Array;
  readonly #queries: Rows;
  readonly #lengths: Float64Array;
  /** {@link queryBlock} of the queries each, `[queries, dimension]`. */
  readonly #blocks: readonly tf.Tensor2D[];

  /** @param queries - Borrowed. */
  constructor(queries: Rows) {
    this.#queries = queries;
    this.#lengths = squaredLengths(queries);
    const { data, count, dimension } = queries;
    this.#blocks = Array.from({ length: Math.ceil(count / queryBlock) }, (_, block) => {
      const [start, end] = [block * queryBlock, Math.min((block + 1) * queryBlock, count)];
      return tf.tensor2d(data.subarray(start * dimension, end * dimension), [end - start, dimension]);
    });
    this.distances = new Float64Array(queries.count).fill(Number.POSITIVE_INFINITY);
    this.indices = new Int32Array(queries.count).fill(-1);
  }

  /**
   * Compares every query with further rows. Reads.
   *
   * @param rows - Of the queries' dimension; borrowed.
   * @param firstIndex - What the first of them is called; the others follow.
   */
  async add(rows: Rows, firstIndex: number): Promise<void> {
    const lengths = squaredLengths(rows);
    const references = tf.tensor2d(rows.data, [rows.count, rows.dimension]);
    try {
      for (const [block, queries] of this.#blocks.entries()) {
        const product = tf.matMul(queries, references, false, true); // [queries, rows]
        const products = await product.data();
        product.dispose();
        for (let i = 0; i < queries.shape[0]; i++) {
          const ofQuery = products.subarray(i * rows.count, (i + 1) * rows.count);
          this.#compare(block * queryBlock + i, ofQuery as Float32Array, { rows, lengths, firstIndex });
        }
      }
    } finally {
      references.dispose();
    }
  }

  /** Frees the queries' tensors; what was found stays. */
  dispose(): void {
    tf.dispose([...this.#blocks]);
  }

  #compare(
    query: number,
    products: Float32Array,
    { rows, lengths, firstIndex }: { readonly rows: Rows; readonly lengths: Float64Array; readonly firstIndex: number },
  ): void {
    const { dimension } = rows;
    const length = this.#lengths[query]!;
    let nearest = this.distances[query]! * dimension;
    for (let row = 0; row < rows.count; row++) {
      const sum = length + lengths[row]!;
      if (sum - 2 * products[row]! > nearest + roundingShare * sum) {
        continue;
      }
      const distance = squaredDistance(this.#queries, query, rows, row);
      if (distance < nearest) {
        nearest = distance;
        this.distances[query] = distance / dimension;
        this.indices[query] = firstIndex + row;
      }
    }
  }
}

function squaredLengths({ data, count, dimension }: Rows): Float64Array {
  const lengths = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    let sum = 0;
    for (let i = row * dimension; i < (row + 1) * dimension; i++) {
      sum += data[i]! * data[i]!;
    }
    lengths[row] = sum;
  }
  return lengths;
}

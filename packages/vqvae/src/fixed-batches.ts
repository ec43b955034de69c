/** The most rows that go through a network at once. */
export const greatestBatch = 128;

/**
 * Runs rows through a function that likes few distinct batch sizes, as each size is compiled anew.
 *
 * Batches have {@link greatestBatch} rows, the last one the next power of two that holds the rest; what it holds beyond
 * them is zero and its results are dropped.
 *
 * @param rows - `[count, rowLength]` row-major; borrowed.
 * @param out - `[count, rowLength of a result]`; filled.
 * @param run - Takes a batch and its number of rows, `[batch, rowLength]`, and gives as many results.
 */
export async function inFixedBatches(
  rows: { readonly data: Uint8Array | Int32Array; readonly count: number },
  out: Uint8Array | Int32Array | Float32Array,
  run: (batch: Int32Array, size: number) => Promise<ArrayLike<number>>,
): Promise<void> {
  const { data, count } = rows;
  const [rowLength, outLength] = [data.length / count, out.length / count];
  for (let start = 0; start < count; start += greatestBatch) {
    const held = Math.min(greatestBatch, count - start);
    const size = 2 ** Math.ceil(Math.log2(held));
    const batch = new Int32Array(size * rowLength);
    batch.set(data.subarray(start * rowLength, (start + held) * rowLength));
    const results = await run(batch, size);
    for (let i = 0; i < held * outLength; i++) {
      out[start * outLength + i] = results[i]!;
    }
  }
}

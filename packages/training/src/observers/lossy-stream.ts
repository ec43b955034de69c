/** A stream that may be a terminal. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

const guarded = new WeakSet<ProgressStream>();

/**
 * A stream that takes what can be shown and drops the rest: a terminal that is closed (EPIPE, EIO) or full (EAGAIN, ENOSPC)
 * is no reason to end a training. Errors of the stream count as handled from now on, as they come after the writing.
 */
export function lossyStream(stream: ProgressStream): ProgressStream {
  if (!guarded.has(stream)) {
    guarded.add(stream);
    stream.on("error", () => {});
  }
  const write = (...chunk: Parameters<ProgressStream["write"]>): boolean => {
    try {
      return stream.write(...chunk);
    } catch {
      return true;
    }
  };
  return Object.create(stream, { write: { value: write } });
}

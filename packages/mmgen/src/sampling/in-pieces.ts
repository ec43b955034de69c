/** Rows at once: a bounded cache and bounded logits, whatever the count asked for. */
const rowsAtOnce = 100;
/**
 * Rows at once where the work may be stopped: a backend may keep the thread for as long as these take. Measured on the CPU,
 * rows of such pieces take an eighth longer than a hundred at once, those of pieces half as large a third.
 */
const stoppableRows = 32;

/** How work on rows is done in pieces. */
export interface PiecesOptions {
  /** Rows that the work makes of each one. Default: 1. */
  readonly rowsEach?: number;
  /** Rows of a piece. Default: a hundred, or 32 where the work may be stopped, by `rowsEach`. */
  readonly rows?: number;
  /** Whoever stops the work is heard between two pieces; the work looks itself whether it was. Default: nobody. */
  readonly signal?: AbortSignal | undefined;
}

/** Does work on rows which do not depend on each other, from `start` to `end`, in pieces one after the other. */
export async function inPieces(
  count: number,
  { rowsEach = 1, signal, rows = rowsOfPiece(rowsEach, signal) }: PiecesOptions,
  work: (start: number, end: number) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < count; start += rows) {
    if (start > 0 && signal !== undefined) {
      // A settled promise would not let timers and connections have their turn.
      await new Promise<void>((resolve) => setTimeout(resolve));
    }
    await work(start, Math.min(start + rows, count));
  }
}

function rowsOfPiece(rowsEach: number, signal: AbortSignal | undefined): number {
  return Math.max(1, Math.floor((signal === undefined ? rowsAtOnce : stoppableRows) / rowsEach));
}

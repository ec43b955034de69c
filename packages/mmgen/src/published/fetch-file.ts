import { CheckpointError, DataError, MmgenError } from "@mmgen/core";
import type { ModelAddress } from "./model-address.js";

/** A file that is asked for, and how. */
export interface FileRequest {
  readonly address: ModelAddress;
  readonly name: string;
  /** A longer answer is given up. */
  readonly maxBytes: number;
  readonly fetch: typeof globalThis.fetch;
  readonly signal: AbortSignal;
  /** Told of every piece that has come. */
  readonly onBytes?: (count: number) => void;
}

/** What came, and of which type the server says that it is. */
export interface FetchedFile {
  readonly bytes: Uint8Array;
  /** Whether the server calls it a web page. */
  readonly isPage: boolean;
}

/** The server cannot be reached, or not at the moment: what was fetched before may do. */
export class UnreachableError extends DataError {}

/**
 * Fetches a file.
 *
 * @throws a {@link CheckpointError} where there is none, it may not be read, or it is too long; an
 *   {@link UnreachableError} where there is no answer, or one that says to ask later.
 */
export async function fetchFile({
  address,
  fetch,
  maxBytes,
  name,
  onBytes,
  signal,
}: FileRequest): Promise<FetchedFile> {
  const shown = address.shown(name);
  let received = 0;
  const lost = (error: unknown): never => {
    throw signal.aborted || MmgenError.isInstance(error) ? error : unreachable(shown, received, error);
  };
  // A page's own cache is asked whether it is still right: a model may be replaced at its address.
  const response = await fetch(address.urlOf(name), { signal, cache: "no-cache" }).catch(lost);
  checkStatus(response, shown);
  const pieces: Uint8Array[] = [];
  const reader = readerOf(response);
  try {
    for (let next = await reader.read().catch(lost); !next.done; next = await reader.read().catch(lost)) {
      received += next.value.length;
      if (received > maxBytes) {
        throw new CheckpointError(`${shown}: expected at most ${maxBytes} bytes, got more: it is another file.`);
      }
      pieces.push(next.value);
      onBytes?.(next.value.length);
    }
  } finally {
    // Ends the connection where what follows is not wanted.
    await reader.cancel().catch(() => undefined);
  }
  return { bytes: joined(pieces, received), isPage: /^text\/html\b/i.test(response.headers.get("content-type") ?? "") };
}

/** What fetch throws for every failure of the network; Node has the reason as its cause. */
function unreachable(shown: string, received: number, error: unknown): UnreachableError {
  const { cause, message } = error as Error & {
    readonly cause?: { readonly code?: string; readonly message?: string };
  };
  const reason = cause?.code ?? cause?.message ?? message;
  return new UnreachableError(
    received === 0
      ? `${shown}: cannot be fetched: ${reason}. Check the address and the connection; in a page, that the server allows other origins (CORS).`
      : `${shown}: the connection broke off after ${received} bytes: ${reason}. Load it again.`,
    { cause: error },
  );
}

function checkStatus({ ok, status }: Response, shown: string): void {
  if (ok) {
    return;
  }
  if (status === 404 || status === 410) {
    throw new CheckpointError(`${shown}: there is no such file (status ${status}). Check the address of the folder.`);
  }
  if (status === 401 || status === 403) {
    throw new CheckpointError(
      `${shown}: it may not be read, or is not there (status ${status}). Check the address, or give a fetch that sends a token.`,
    );
  }
  if (status === 429 || status >= 500) {
    throw new UnreachableError(`${shown}: the server answers with status ${status}. Try again later.`);
  }
  throw new CheckpointError(`${shown}: expected a file, got status ${status}.`);
}

/** An answer without a body is empty. */
function readerOf({ body }: Response): ReadableStreamDefaultReader<Uint8Array> {
  return (body ?? new Blob().stream()).getReader();
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

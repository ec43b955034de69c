import { AbortedError, ConfigError, DataError, GrammarError, ShapeError, VocabularyError } from "@mmgen/core";

/** Headers of an answer, in lower case. */
export type Headers = Readonly<Record<string, string>>;

/** What a server answers. */
export interface Answer {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Headers;
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** A request that is refused, with what to do about it. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly headers: Headers;

  constructor(status: number, message: string, headers: Headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** What a caller can mend. Everything else is the server's fault. */
const mendable = [ConfigError, DataError, GrammarError, ShapeError, VocabularyError];

/**
 * The answer to a request that failed: its error's sentence where the caller can mend it.
 *
 * @param onDefect - Receives an error that is nobody's request's fault.
 */
export function problemAnswer(error: unknown, onDefect: (error: unknown) => void): Answer {
  if (error instanceof HttpProblem) {
    return jsonAnswer({ error: error.message }, error);
  }
  if (mendable.some((kind) => kind.isInstance(error))) {
    return jsonAnswer({ error: (error as Error).message }, { status: 400 });
  }
  if (AbortedError.isInstance(error)) {
    return jsonAnswer({ error: "The server is stopping." }, { status: 503 });
  }
  onDefect(error);
  return jsonAnswer({ error: "The server failed; its log says why." }, { status: 500 });
}

/** A value as JSON. */
export function jsonAnswer(value: unknown, { headers = {}, status = 200 }: Partial<Answer> = {}): Answer {
  return { status, headers, type: "application/json", body: `${JSON.stringify(value)}\n` };
}
